"""Strips of further image tasks: their words have room in every type."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QImage, qGray

from maml_explorer.gui.app.run import Options
from maml_explorer.gui.panels.image_tasks import strip as strip_module
from maml_explorer.gui.panels.image_tasks.panel import ImageTasksPanel
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


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080)])
def test_accuracies_are_whole_while_presenting(
    opened: Opener, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
):
    window = opened(
        options=Options(preset=load_preset("glyphs-2-way-4-shot"), safe_mode=True), size=size
    )
    window.columns.toggle_presenter()
    window.resize(*size)
    window.columns.show_tab("tasks")
    panel = window.columns.places["tasks"].panel
    assert isinstance(panel, ImageTasksPanel)
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
