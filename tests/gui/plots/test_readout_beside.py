"""The box of values of a small plot lies beside it, so that the plot is seen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from maml_explorer.gui.app.options import Options
from maml_explorer.gui.plots.readout_beside import place_beside
from maml_explorer.settings.presets import load_preset
from maml_explorer.settings.settings import default_arm
from tests.gui.driving import Opener


def test_many_values_lie_beside_a_small_plot(opened: Opener, qtbot: QtBot):
    preset = load_preset("finn-10-shot")
    arms = [default_arm(name) for name in ("maml", "fomaml", "anil", "mtl", "meta_sgd")]
    preset = replace(preset, settings=preset.settings.with_arms(arms))
    window = opened(options=Options(preset=preset, safe_mode=True), size=(1366, 768))
    window.session.control.train()
    window.session.link.pull()
    QApplication.processEvents()
    plot = window.columns.places["adaptation_speed"].panel.plot  # type: ignore[union-attr]
    middle = plot.area().center().toPoint()
    plot._read(middle)
    readout = plot.readout
    assert not readout._box.isVisible() and readout._hair.isVisible()
    box = readout._beside
    assert box is not None and box.isVisible() and box.text() == readout.text
    taken = QRect(plot.mapTo(window, QPoint(0, 0)), plot.size())
    assert not box.geometry().intersects(taken) and window.rect().contains(box.geometry())
    assert box.sizeHint().width() <= box.width() and box.sizeHint().height() <= box.height()
    plot.hover.hide()
    assert not box.isVisible()
    plot._read(middle)
    assert box.isVisible()
    plot.hide()
    assert not box.isVisible(), "it ends with its plot"
    plot.show()
    readout.pointer = middle
    readout.show("inner step 1")
    assert readout._box.isVisible() and not box.isVisible(), "few words hide little"


@pytest.mark.parametrize(
    ("taken", "corner"),
    [
        ((500, 100, 300, 200), (396, 180)), ((0, 100, 300, 200), (304, 180)),
        ((20, 300, 760, 200), (350, 256)), ((20, 10, 760, 200), (350, 214)),
        ((20, 10, 760, 580), None),
    ],
)  # fmt: skip
def test_the_first_place_with_room(taken: tuple[int, ...], corner: tuple[int, int] | None):
    plot, window = QRect(*taken), QRect(0, 0, 800, 600)
    place = place_beside(plot, QPoint(400, 200), QSize(100, 40), window)
    assert place == (None if corner is None else QRect(QPoint(*corner), QSize(100, 40)))
