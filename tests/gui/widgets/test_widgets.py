"""The small controls: what they do with too little room."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QStyleOptionComboBox
from pytestqt.qtbot import QtBot

from maml_explorer.gui.widgets.controls import ComboBox
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.gui.window.window import MainWindow
from tests.gui.driving import present


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


@pytest.mark.parametrize("size", ["", "large", "largest"])
def test_every_choice_is_whole_in_the_width_that_it_asks_for(window: MainWindow, size: str) -> None:
    window.columns.set_text_size(size)
    window.columns.show_tab("network")
    boxes = window.findChildren(ComboBox)
    assert len(boxes) >= 5
    words = {box.itemText(nth) for box in boxes for nth in range(box.count())}
    for text in sorted({*words, *(f"Hidden {nth}" for nth in range(1, 9))}):
        box = boxes[-1]
        box.clear()
        box.addItem(text)
        box.resize(box.sizeHint())
        option = QStyleOptionComboBox()
        box.initStyleOption(option)
        assert option.currentText == text  # type: ignore[attr-defined]


def test_every_choice_is_whole_in_a_hall(window: MainWindow, qtbot: QtBot) -> None:
    present(qtbot, window)
    box = window.columns.form.findChildren(ComboBox)[-1]
    for width in range(1280, 2000, 80):
        window.resize(width, width * 9 // 16)
        qtbot.wait(20)
        for nth in range(1, 9):
            box.clear()
            box.addItem(f"Hidden {nth}")
            box.resize(box.sizeHint())
            option = QStyleOptionComboBox()
            box.initStyleOption(option)
            assert option.currentText == box.currentText()  # type: ignore[attr-defined]
    window.presenter.toggle()


def test_a_lone_ellipsis_is_not_shown(qtbot: QtBot) -> None:
    line = ElidedLabel()
    qtbot.addWidget(line)
    line.show()
    line.say("3.2 sin(x − 0.85) · 10 support points", "3.2 sin(x − 0.85)")
    metrics, narrowest = line.fontMetrics(), ""
    for width in range(400, 0, -1):
        line.resize(width, 20)
        shown = line.text()
        assert metrics.horizontalAdvance(shown) <= width
        narrowest = shown or narrowest
    assert len(narrowest) > 4 and line.text() == ""
    assert "10 support points" in line.toolTip() and line.accessibleName() == line.full


def test_words_in_passing_give_way_after_a_moment_or_to_other_words(qtbot: QtBot) -> None:
    said = ElidedLabel()
    qtbot.addWidget(said)
    said.resize(400, 20)
    said.say("3 support points")
    said.say_in_passing("outer step 1 done · back to your task", "back to your task")
    said.say("3 support points")
    assert said.text() == "outer step 1 done · back to your task"
    said.say_in_passing("outer step 2 done · back to your task")
    said._passing.setInterval(10)
    qtbot.waitUntil(lambda: said.text() == "3 support points")
    said.say_in_passing("outer step 3 done · back to your task")
    said.say("4 support points")
    assert said.text() == "4 support points"
    assert not said._passing.isActive()
