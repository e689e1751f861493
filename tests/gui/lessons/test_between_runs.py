"""The window between two runs of a lesson, the choice of lessons, and what a page leaves open."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from maml_explorer.gui.lessons.after_lesson import COMING_BACK
from maml_explorer.gui.lessons.lesson import Lesson
from maml_explorer.gui.panels.adaptation.panel import AdaptationPanel
from maml_explorer.gui.panels.pseudocode.panel import PseudocodePanel
from maml_explorer.gui.session.stability_verdict import DARK
from maml_explorer.gui.window.status_text import LEFT
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import commands, reports
from tests.gui.driving import worker_of


def lesson(window: MainWindow, name: str) -> Lesson:
    return next(one for one in window.lessons.shelf.shipped if one.name.endswith(name))


def hero_of(window: MainWindow) -> AdaptationPanel:
    hero = window.columns.places["adaptation"].panel
    assert isinstance(hero, AdaptationPanel)
    return hero


def values(window: MainWindow) -> set[str]:
    return {chip.value for chip in hero_of(window).arms.chips.values()}


def expect_nothing_of_a_run(window: MainWindow) -> None:
    """No number, curve or verdict stands there, and the status line says why."""
    assert window.session.link.left
    assert values(window) == {"–"}
    assert window.session.shown.probed is None
    assert window.stability.verdict.level == DARK and window.stability.words.full == ""
    assert window.status.text() == LEFT


def test_nothing_of_a_lesson_stands_beside_the_own_task_until_the_own_run_is_back(
    window: MainWindow,
):
    lessons, link = window.lessons, window.session.link
    lessons.start(lesson(window, "inner-loop"))
    link.pull()
    assert "–" not in values(window)
    worker = worker_of(window)
    worker.report(reports.Diverged(link.run, "MAML", 5, 4, "It diverged."))
    link.pull()
    while lessons.lesson is not None:
        lessons.forward()
    assert COMING_BACK in lessons.strip.words
    expect_nothing_of_a_run(window)
    link.pull()
    assert not link.left
    assert values(window).isdisjoint({"–", "✕ diverged"})
    assert window.status.text() != LEFT


def test_nothing_of_the_own_run_stands_there_while_a_lesson_opens_its_own(window: MainWindow):
    link = window.session.link
    link.pull()
    assert "–" not in values(window)
    window.lessons.start(lesson(window, "multi-task"))
    expect_nothing_of_a_run(window)
    link.pull()
    assert not link.left and window.status.text() != LEFT


def test_late_answers_of_a_run_that_was_left_are_not_shown(window: MainWindow):
    session = window.session
    session.link.pull()
    late = session.task.probed
    assert late is not None
    window.lessons.start(lesson(window, "inner-loop"))
    worker_of(window).collect()  # what was asked for takes long
    worker_of(window).report(late)
    session.link.pull()
    expect_nothing_of_a_run(window)


def test_a_run_that_does_not_come_back_leaves_the_one_there_is(window: MainWindow):
    session, worker = window.session, worker_of(window)
    session.link.pull()
    session.link.begin(commands.BringBack(99))
    session.link.leave_run()
    session.link.pull()
    session.link.pull()
    assert not session.link.left and "–" not in values(window)
    assert worker.posted_of(commands.ProbeTask)


def test_the_inner_step_is_kept_where_the_next_lesson_does_not_wait(window: MainWindow):
    session, lessons = window.session, window.lessons
    session.link.pull()
    session.inner.choose(7)
    shown = lesson(window, "inner-loop")
    for _ in range(2):
        lessons.start(shown)
        session.link.pull()
        lessons.leave()  # and the next begins before the own run is back
    assert session.inner.chosen == 7


def test_return_opens_the_lesson_that_has_the_focus(window: MainWindow, qtbot: QtBot):
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
        window.lessons.choose_lesson()
        entry = window.lessons.list.entries[2]
        entry.setFocus()
        qtbot.keyClick(entry, key)
        assert not window.lessons.list.isVisible()
        assert window.lessons.lesson is not None
        assert window.lessons.lesson.title == entry.line.title
        window.lessons.leave()
        window.session.link.pull()


def test_a_lesson_in_the_list_draws_no_second_frame_for_the_focus(window: MainWindow):
    lessons = window.lessons
    lessons.choose_lesson()
    first, other = lessons.list.entries[:2]
    other.setFocus()
    window.setAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)  # as after a Tab
    first.setFocus()
    QApplication.sendPostedEvents()
    assert first.hasFocus()
    image = first.grab().toImage()
    across, down = image.width() // 2, image.height()
    inside = {image.pixelColor(across, y).name() for y in range(3, down - 3)}
    assert inside == {window.session.theme.card.lower()}


def test_a_page_shows_the_pseudocode_of_an_arm_that_it_draws(window: MainWindow):
    lessons, link = window.lessons, window.session.link
    window.columns.show_tab("pseudocode")
    panel = window.columns.places["pseudocode"].panel
    assert isinstance(panel, PseudocodePanel)
    link.pull()
    panel.arm_choice.setCurrentText("MTL")
    assert panel.arm.name == "MTL"
    lessons.start(lesson(window, "first-order"))
    link.pull()
    assert "MTL" in window.session.hidden
    assert panel.arm.name == "MAML"
    assert panel.arm_choice.currentText() == "MAML"
    panel.arm_choice.setCurrentText("FO-MAML")
    lessons.forward()
    assert panel.arm.name == "FO-MAML"  # an arm that is drawn stays
