"""Space plays and pauses after a click on anything that is not typed into; Tab gives it away."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QTableView
from pytestqt.qtbot import QtBot

from maml_explorer.gui.panels.adaptation.arm_chips import ArmChip
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import commands
from tests.gui.driving import Opener, worker_of

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(params=["desk", "hall"])
def either(request: pytest.FixtureRequest, opened: Opener, qtbot: QtBot) -> MainWindow:
    """At the desk, and while presenting."""
    window = opened(size=(1280, 800))
    if request.param == "hall":
        window.presenter.toggle()
        window.resize(1280, 800)
        qtbot.wait(30)
    return window


def space(qtbot: QtBot, window: MainWindow) -> int:
    """Presses Space where the focus is; how often that trained or paused."""
    before = len(worker_of(window).posted_of(commands.Train))
    before += len(worker_of(window).posted_of(commands.Pause))
    qtbot.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_Space)
    window.session.link.pull()
    after = len(worker_of(window).posted_of(commands.Train))
    return after + len(worker_of(window).posted_of(commands.Pause)) - before


def choose(qtbot: QtBot, box: QComboBox, nth: int, end: Qt.Key | None = None) -> None:
    """Opens a list with the mouse and chooses there, with the mouse or with keys."""
    qtbot.mouseClick(box, LEFT)
    view = box.view()
    qtbot.waitUntil(view.isVisible)
    qtbot.wait(QApplication.doubleClickInterval() + 50)  # a release soon after only opens the list
    if end is None:
        at = view.visualRect(view.model().index(nth, 0)).center()
        qtbot.mouseMove(view.viewport(), at)
        qtbot.mouseClick(view.viewport(), LEFT, pos=at)
    else:
        qtbot.keyClick(view, end)
    qtbot.waitUntil(lambda: not view.isVisible())


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
@pytest.mark.parametrize("end", [None, Qt.Key.Key_Return, Qt.Key.Key_Escape])
def test_space_plays_once_a_list_was_used(either: MainWindow, qtbot: QtBot, end: Qt.Key | None):
    box = either.run_bar.preset
    choose(qtbot, box, 1, end)
    assert space(qtbot, either) == 1 and not box.view().isVisible()


def test_space_plays_after_a_click_on_what_takes_the_focus(either: MainWindow, qtbot: QtBot):
    either.columns.show_tab("tasks")
    tried = set()
    for kind in (QAbstractButton, QTableView):
        for one in either.findChildren(kind):
            if one.isVisible() and one.focusPolicy() & Qt.FocusPolicy.ClickFocus:
                inside = one.viewport() if isinstance(one, QTableView) else one
                qtbot.mousePress(inside, LEFT)
                qtbot.mouseRelease(inside, LEFT, pos=QPoint(-500, -500))  # presses nothing
                assert one.hasFocus() and space(qtbot, either) == 1, one
                tried.add(type(one).__name__)
    assert tried >= {"ArmChip", "TaskCell"} or (either.appearance.presenting and tried)


def test_space_presses_what_the_keyboard_went_to(either: MainWindow, qtbot: QtBot):
    chip = next(chip for chip in either.findChildren(ArmChip) if chip.isVisible())
    qtbot.mousePress(chip, LEFT)
    qtbot.mouseRelease(chip, LEFT, pos=QPoint(-500, -500))
    assert space(qtbot, either) == 1
    other = either.run_bar.reset
    other.setFocus(Qt.FocusReason.TabFocusReason)
    pressed = []
    other.pressed.connect(lambda: pressed.append(1))
    assert space(qtbot, either) == 0 and pressed
    chip.setFocus(Qt.FocusReason.BacktabFocusReason)  # the click on it is long past
    on = chip.isChecked()
    assert space(qtbot, either) == 0 and chip.isChecked() is not on


def test_space_is_typed_after_a_click_into_a_field(either: MainWindow, qtbot: QtBot):
    either.columns.parts["Settings"].show()
    search = either.columns.form.search
    qtbot.mouseClick(search, LEFT)
    assert search.hasFocus() and space(qtbot, either) == 0 and search.text() == " "
