"""Strips of further image tasks: their words have room in every type."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor, QImage, qGray
from pytestqt.qtbot import QtBot

from maml_explorer.gui.app.run import Options
from maml_explorer.gui.panels.image_tasks import strip as strip_module
from maml_explorer.gui.panels.image_tasks.panel import ImageTasksPanel
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.settings.presets import load_preset
from tests.gui.driving import Opener
from tests.gui.image_answers import images_probed


def differing(one: QImage, other: QImage) -> tuple[int, int]:
    """Width and height of the part in which two pictures of one size differ clearly."""
    found = [
        (x, y)
        for x in range(one.width())
        for y in range(one.height())
        if abs(qGray(one.pixel(x, y)) - qGray(other.pixel(x, y))) > 20
    ]
    across, down = zip(*found, strict=True)
    return max(across) - min(across) + 1, max(down) - min(down) + 1


def in_a_hall(opened: Opener, size: tuple[int, int]) -> tuple[MainWindow, ImageTasksPanel]:
    """A window that presents images, and its panel of tasks."""
    window = opened(
        options=Options(preset=load_preset("glyphs-2-way-4-shot"), safe_mode=True), size=size
    )
    window.columns.toggle_presenter()
    window.resize(*size)
    window.columns.show_tab("tasks")
    panel = window.columns.places["tasks"].panel
    assert isinstance(panel, ImageTasksPanel)
    return window, panel


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080)])
def test_accuracies_are_whole_while_presenting(
    opened: Opener, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
):
    window, panel = in_a_hall(opened, size)
    window.session.set_hidden([arm.name for arm in window.session.settings.arms[1:]])
    window.session.link.pull()
    strip = panel.cells[0]
    task = window.session.images.task
    assert task is not None
    strip.show_report(images_probed(1, 0, task, window.session.settings), 1)
    assert list(strip.accuracies().values()) == ["100 %"]
    with_words = strip.grab().toImage()
    monkeypatch.setattr(strip_module, "accuracy_of", lambda *_: "")
    wide, high = differing(with_words, strip.grab().toImage())
    needed = strip.fontMetrics().tightBoundingRect("100 %")
    assert wide >= needed.width() - 2
    assert high >= needed.height() - 2
    window.columns.toggle_presenter()


@pytest.mark.parametrize(("size", "least"), [((1280, 800), 88), ((1920, 1080), 140)])
def test_images_take_the_room_of_a_hall(
    opened: Opener,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
    size: tuple[int, int],
    least: int,
):
    window, panel = in_a_hall(opened, size)
    window.session.link.pull()
    qtbot.wait(50)
    assert len(panel.cells) == 9
    strip = panel.cells[-1]
    strip.show_report(images_probed(1, 0, panel.tasks[-1], window.session.settings), 1)
    pictures = []
    for color in ("black", "white"):
        image = QImage(8, 8, QImage.Format.Format_RGB32)
        image.fill(QColor(color))
        monkeypatch.setattr(strip_module, "inked", lambda *_, image=image: image)
        pictures.append(strip.grab().toImage())
    assert differing(*pictures)[1] >= least
    window.columns.toggle_presenter()
