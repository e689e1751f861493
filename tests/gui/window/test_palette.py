"""The command palette and the list of shortcuts, both made from the table of actions."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QLabel,
    QLineEdit,
    QStyleOptionViewItem,
)
from pytestqt.qtbot import QtBot
from shiboken6 import delete

from maml_explorer.gui.style.theme import DARK
from maml_explorer.gui.window.action import keys_text
from maml_explorer.gui.window.command_palette import _BESIDE, found, row_words
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import commands
from tests.gui.driving import present, worker_of

CTRL_SHIFT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


def open_palette(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(window, Qt.Key.Key_P, CTRL_SHIFT)
    assert window.palette_overlay.isVisible()
    assert window.palette_overlay.search.hasFocus()


def pick(window: MainWindow, qtbot: QtBot, name: str) -> None:
    """Pastes the action's words into the palette and presses Return."""
    open_palette(window, qtbot)
    palette = window.palette_overlay
    palette.search.setText(window.actions_table[name].text())
    for _ in range(palette.found.index(name)):
        qtbot.keyClick(palette.search, Qt.Key.Key_Down)
    qtbot.keyClick(palette.search, Qt.Key.Key_Return)
    assert palette.isVisible() == (name == "palette")


def test_a_few_letters_find_an_action(window: MainWindow, qtbot: QtBot):
    open_palette(window, qtbot)
    qtbot.keyClicks(window.palette_overlay.search, "dark th")
    assert window.palette_overlay.found == ["theme dark"]
    qtbot.keyClick(window.palette_overlay.search, Qt.Key.Key_Return)
    assert window.session.theme is DARK
    window.appearance.use("")


def test_no_row_prints_its_keys_over_its_words(window: MainWindow, qtbot: QtBot):
    window.resize(1920, 1080)
    window.actions_table["presenter"].trigger()
    open_palette(window, qtbot)
    rows = window.palette_overlay.list
    assert rows.count() > 20
    width = rows.fontMetrics().horizontalAdvance
    for nth in range(rows.count()):
        words, keys = rows.item(nth).text(), rows.item(nth).data(_BESIDE)
        assert width(words) + width(keys) + 16 < rows.viewport().width(), words


@pytest.mark.parametrize("width", [584, 640])
@pytest.mark.parametrize("presenting", [False, True])
def test_a_narrow_row_says_its_keys_and_as_many_words_as_fit(
    window: MainWindow, qtbot: QtBot, width: int, presenting: bool
):
    if presenting:
        present(qtbot, window)  # type of that size is on still when the window gets narrow
    window.resize(width, 720)
    open_palette(window, qtbot)
    rows = window.palette_overlay.list
    metrics, room = rows.fontMetrics(), rows.viewport().width() - 16
    shortened = 0
    for nth in range(rows.count()):
        item = rows.item(nth)
        words, keys = row_words(item.text(), item.data(_BESIDE), room, metrics)
        assert metrics.horizontalAdvance(words) + metrics.horizontalAdvance(keys) < room
        assert item.data(_BESIDE).endswith(keys)
        assert words == item.text() or len(words) > 12
        shortened += (words, keys) != (item.text(), item.data(_BESIDE))
        drawn = QStyleOptionViewItem()
        drawn.rect, drawn.fontMetrics = QRect(0, 0, room + 16, 30), metrics
        rows.itemDelegate().initStyleOption(drawn, rows.model().index(nth, 0))
        assert drawn.text == words
    assert bool(shortened) is presenting, "in type for the desk all rows have room"


def test_words_of_the_beginning_come_first(window: MainWindow):
    assert found(window.actions_table, "new")[:4] == [
        "new_seed", "new_task", "new_points", "new_points left half",
    ]  # fmt: skip
    assert found(window.actions_table, "step outer") == ["outer_step"]
    assert found(window.actions_table, "ctrl+z") == ["undo"]


def test_a_preset_never_comes_before_an_action(window: MainWindow):
    assert found(window.actions_table, "learn")[0] == "lessons"
    assert any(name.startswith("preset") for name in found(window.actions_table, "learn"))


def test_a_lesson_is_found_by_its_name(window: MainWindow, qtbot: QtBot):
    for _ in range(2):
        open_palette(window, qtbot)
        palette = window.palette_overlay
        qtbot.keyClicks(palette.search, "what fo-maml")
        assert [palette.list.item(0).text(), palette.list.count()] == [
            "Lesson: What FO-MAML leaves out", 1,
        ]  # fmt: skip
        qtbot.keyClick(palette.search, Qt.Key.Key_Return)
        assert window.lessons.lesson is not None
        assert window.lessons.lesson.title == "What FO-MAML leaves out"
        window.lessons.leave()


def test_a_click_does_the_action(window: MainWindow, qtbot: QtBot):
    open_palette(window, qtbot)
    palette = window.palette_overlay
    qtbot.keyClicks(palette.search, "outer step")
    row = palette.list.visualItemRect(palette.list.item(palette.found.index("outer_step")))
    qtbot.mouseClick(palette.list.viewport(), Qt.MouseButton.LeftButton, pos=row.center())
    assert worker_of(window).posted_of(commands.TakeOuterStep)


def test_training_from_the_palette_although_a_field_had_the_focus(window: MainWindow, qtbot: QtBot):
    window.columns.form.search.setFocus()
    pick(window, qtbot, "train")
    assert worker_of(window).posted_of(commands.Train)
    assert window.columns.form.search.hasFocus()


def test_nothing_found_is_said(window: MainWindow, qtbot: QtBot):
    open_palette(window, qtbot)
    palette = window.palette_overlay
    qtbot.keyClicks(palette.search, "xyzzy")
    assert palette.found == []
    assert palette.nothing.isVisible()
    qtbot.keyClick(palette.search, Qt.Key.Key_Return)
    assert palette.isVisible()
    qtbot.keyClick(palette.search, Qt.Key.Key_Escape)
    assert not palette.isVisible()


def test_a_click_beside_the_card_closes(window: MainWindow, qtbot: QtBot):
    open_palette(window, qtbot)
    palette = window.palette_overlay
    qtbot.mouseClick(palette, Qt.MouseButton.LeftButton, pos=palette.rect().bottomLeft())
    assert not palette.isVisible()


def test_what_had_the_focus_may_be_gone(window: MainWindow, qtbot: QtBot):
    gone = QLineEdit(window)
    gone.show()
    gone.setFocus()
    open_palette(window, qtbot)
    assert window.palette_overlay._before is gone
    delete(gone)
    window.palette_overlay.dismiss()
    assert not window.palette_overlay.isVisible()


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)  # menus, offscreen
def test_a_walk_through_all_actions(window: MainWindow, qtbot: QtBot):
    worker = worker_of(window)
    for name in window.actions_table:
        if name == "quit":
            continue
        pick(window, qtbot, name)
        window.session.link.pull()
        window.shortcut_sheet.dismiss()
        window.palette_overlay.dismiss()
        window.presenter.blanked.hide()
        if (popup := QApplication.activePopupWidget()) is not None:
            popup.close()
        for dialog in window.findChildren(QDialog):
            dialog.close()
        QApplication.clipboard().clear()
        assert window.isVisible(), name
        assert worker.alive, name
        assert not any(place.failed for place in window.columns.places.values()), name
    window.appearance.use("")
    pick(window, qtbot, "quit")
    assert not window.isVisible()
    assert not worker.alive


def test_no_two_actions_share_a_key_or_words(window: MainWindow):
    actions = list(window.actions_table.values())
    keys = [key.toString() for action in actions for key in action.shortcuts()]
    assert len(keys) == len(set(keys))
    texts = [action.text() for action in actions]
    assert len(texts) == len(set(texts))
    assert all(text[0].isupper() for text in texts)


@pytest.mark.parametrize("key", ["?", "F1"])
def test_the_sheet_lists_every_key(window: MainWindow, qtbot: QtBot, key: str):
    assert QKeySequence(key) in window.actions_table["shortcuts"].shortcuts()
    if key == "?":
        qtbot.keyClick(window, Qt.Key.Key_Question)
    else:
        qtbot.keyClick(window, Qt.Key.Key_F1)
    sheet = window.shortcut_sheet
    assert sheet.isVisible()
    shown = {label.text() for label in sheet.findChildren(QLabel)}
    for action in window.actions_table.values():
        if action.shortcuts():
            assert {action.text(), keys_text(action)} <= shown
    assert sheet.card.sizeHint().height() <= window.height()
    qtbot.keyClick(sheet.done, Qt.Key.Key_Escape)
    assert not sheet.isVisible()


def test_a_question_mark_is_typed_in_a_field(window: MainWindow, qtbot: QtBot):
    window.columns.form.search.setFocus()
    qtbot.keyClicks(window.columns.form.search, "?")
    assert window.columns.form.search.text() == "?"
    assert not window.shortcut_sheet.isVisible()


def test_the_overlay_keeps_to_the_window(window: MainWindow, qtbot: QtBot):
    open_palette(window, qtbot)
    window.resize(1100, 720)
    qtbot.wait(20)
    assert window.palette_overlay.size() == window.size()
