"""The small controls: what they do with too little room."""

from __future__ import annotations

from PySide6.QtWidgets import QStyleOptionComboBox
from pytestqt.qtbot import QtBot

from maml_explorer.gui.widgets.controls import ComboBox
from maml_explorer.gui.window.window import MainWindow


def test_a_choice_with_too_little_room_ends_with_an_ellipsis(qtbot: QtBot) -> None:
    box = ComboBox()
    qtbot.addWidget(box)
    box.addItem("Finn et al. 2017, 10-shot")
    box.resize(400, 28)
    option = QStyleOptionComboBox()
    box.initStyleOption(option)
    assert option.currentText == "Finn et al. 2017, 10-shot"  # type: ignore[attr-defined]
    box.resize(120, 28)
    box.initStyleOption(option)
    shown = option.currentText  # type: ignore[attr-defined]
    assert shown.startswith("Finn et") and shown.endswith("…")
    assert box.fontMetrics().horizontalAdvance(shown) < 120
    assert box.currentText() == "Finn et al. 2017, 10-shot"


def test_every_choice_is_whole_in_the_width_that_it_asks_for(window: MainWindow) -> None:
    boxes = window.findChildren(ComboBox)
    assert len(boxes) >= 5
    for box in boxes:
        box.resize(box.sizeHint())
        option = QStyleOptionComboBox()
        box.initStyleOption(option)
        assert option.currentText == box.currentText()  # type: ignore[attr-defined]
