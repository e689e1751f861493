"""Lessons in the real window: asked, revealed, left and returned to, and what is kept."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QTextCursor
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from maml_explorer import cli
from maml_explorer.gui.app import run
from maml_explorer.gui.app.crash_recovery import Recovery
from maml_explorer.gui.app.options import Options
from maml_explorer.gui.app.startup import application, begin, open_window
from maml_explorer.gui.lessons.answers import AnswerChoice
from maml_explorer.gui.lessons.lesson import Lesson
from maml_explorer.gui.lessons.lesson_file import lesson_from, load_lesson
from maml_explorer.gui.lessons.progress import read_progress
from maml_explorer.gui.lessons.stage import OF_CURVES, OF_IMAGES, PART_NAMES
from maml_explorer.gui.panels.adaptation_speed.panel import AdaptationSpeedPanel
from maml_explorer.gui.panels.gradient.panel import GradientPanel
from maml_explorer.gui.panels.insight.tab import InsightTab
from maml_explorer.gui.panels.losses.panel import LossesPanel
from maml_explorer.gui.panels.pseudocode.panel import PseudocodePanel
from maml_explorer.gui.panels.pseudocode.text import ADAPT, QUERY, UPDATE
from maml_explorer.gui.panels.tasks.panel import TasksPanel
from maml_explorer.gui.session.example import example_folder
from maml_explorer.gui.session.loss_history import GRADIENTS
from maml_explorer.gui.session.view_state import same_task
from maml_explorer.gui.widgets.message import Message
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import commands, reports
from maml_explorer.settings.presets import load_preset
from maml_explorer.worker.handle import Worker
from tests.gui.driving import Opener, press, said, worker_of
from tests.gui.lessons.test_lesson_file import GOOD, LESSONS

NAMES = sorted(path.stem for path in LESSONS.glob("*.toml"))


@pytest.fixture
def lesson() -> Lesson:
    return lesson_from(GOOD, "mine")


def answer_right(window: MainWindow, lesson: Lesson) -> None:
    """Plays a lesson to its end, with the right answer to its question."""
    window.lessons.start(lesson)
    window.lessons.forward()
    settle(window)
    window.lessons.choose(1)
    for _ in range(2):
        settle(window)
        window.lessons.forward()


def settle(window: MainWindow) -> None:
    """Lets the worker do what the lesson waits for."""
    for _ in range(3000):
        window.session.link.pull()
        if window.lessons.run.goal is None:
            window.session.link.pull()
            return
    pytest.fail(f"The run never reached {window.lessons.run.goal}.")


def step(window: MainWindow) -> int:
    status = window.session.status
    assert status is not None
    return status.outer_step


def listed(window: MainWindow) -> dict[str, str]:
    """Title → state of the lessons that are offered."""
    window.actions_table["lessons"].trigger()
    assert window.lessons.list.isVisible()
    return {entry.line.title: entry.line.state for entry in window.lessons.list.entries}


def test_the_strip_names_its_lesson(window: MainWindow):
    tour = window.lessons.shelf.shipped[0]
    window.lessons.start(tour)
    QApplication.sendPostedEvents()
    assert window.lessons.strip.title.text() == tour.title == "The tour"


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_lesson_runs_to_its_end(opened: Opener, qtbot: QtBot, name: str):
    window = opened()
    lessons, session = window.lessons, window.session
    shipped = load_lesson(LESSONS / f"{name}.toml")
    before = session.settings
    lessons.start(shipped)
    for nth, scene in enumerate(shipped.scenes):
        settle(window)
        assert lessons.scene is scene
        assert lessons.strip.isVisible() and lessons.strip.words == scene.text
        last = scene.acts[-1]
        assert session.editor.edited == session.settings == last.settings
        trained = [act.train_until for act in scene.acts if act.train_until]
        assert trained == [] or step(window) >= max(trained)
        assert scene.view.probe is None or same_task(scene.view.probe, session.task.probe)
        assert session.hidden == set(scene.view.hidden_arms)
        if scene.view.tab:
            assert window.columns.tabs.currentWidget() is window.columns.places[scene.view.tab]
            panel = window.columns.places[scene.view.tab].panel
            if isinstance(panel, InsightTab) and scene.view.arm:
                assert panel.arm_choice.currentText() == scene.view.arm
        hero = window.columns.places["adaptation"].panel
        if scene.view.inner_step is not None:
            assert hero.inner_step == scene.view.inner_step  # type: ignore[union-attr]
        pointed = [window.stage.part(part) for part in scene.point_at]
        qtbot.waitUntil(lambda pointed=pointed: lessons.frames.framed == pointed)
        for tab, page in (part.split(".")[1:] for part in scene.point_at if part.count(".") == 2):
            assert window.columns.places[tab].panel.shown.lower() == page  # type: ignore[union-attr]
        assert said(window) == []
        if scene.question is not None and scene.question.choices and not scene.revealed:
            press(qtbot, lessons.strip.choices[0])
        else:
            lessons.strip.rest.stop()
            press(qtbot, lessons.strip.next_button)
        assert nth == len(shipped.scenes) - 1 or not said(window)
    window.session.link.pull()
    assert lessons.lesson is None and said(window) == []
    end = lessons.strip.words
    assert lessons.strip.isVisible() and end.startswith("Done")
    assert all(source in end for source in shipped.sources)
    lessons.leave()
    assert not lessons.strip.isVisible()
    assert session.settings == before
    assert name in lessons.shelf.progress.done


def test_the_earlier_run_comes_back_whole(window: MainWindow, lesson: Lesson, qtbot: QtBot):
    session = window.session
    session.editor.edit({"inner_lr": 0.3})
    session.editor.edit({"seed": 4})
    session.control.train()
    session.link.pull()
    session.control.pause()
    session.link.pull()
    session.set_hidden(["ANIL"])
    window.columns.show_tab("code")
    window.run_bar.limit_speed(50.0)
    probe, at, settings, staged = (
        session.task.probe,
        step(window),
        session.settings,
        session.editor.staged,
    )
    window.lessons.start(lesson)
    settle(window)
    assert step(window) == 30 and not session.editor.undo_stack.canUndo()
    # what is done in the lesson has a history of its own
    session.editor.edit({"inner_lr": 0.7})
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert session.settings.inner.inner_lr == 0.01
    for _ in range(6):
        session.control.reset()
    press(qtbot, window.lessons.strip.close_button)
    session.link.pull()
    assert (step(window), session.settings, session.editor.staged) == (at, settings, staged)
    assert worker_of(window).settings == settings
    assert (
        session.task.probe is not None
        and probe is not None
        and same_task(session.task.probe, probe)
    )
    assert (
        session.hidden == {"ANIL"}
        and window.columns.tabs.currentWidget() is window.columns.places["code"]
    )
    assert window.run_bar.speed.value() < 100
    session.editor.undo_stack.undo()
    assert session.editor.staged is None and session.settings.inner.inner_lr == 0.3
    session.editor.undo_stack.undo()
    assert session.settings.inner.inner_lr == 0.01


def test_a_lesson_begins_with_plain_views_and_ones_own_come_back(
    window: MainWindow, lesson: Lesson
):
    session, places = window.session, window.columns.places
    window.columns.show_tab("gradient")
    losses, speed, gradient = (
        places[name].panel for name in ("losses", "adaptation_speed", "gradient")
    )
    window.columns.show_tab("tasks")
    tasks = places["tasks"].panel
    assert isinstance(losses, LossesPanel) and isinstance(speed, AdaptationSpeedPanel)
    assert isinstance(tasks, TasksPanel) and isinstance(gradient, GradientPanel)

    def look() -> tuple[object, ...]:
        view, others = losses.plot.loss_view, [cell.title for cell in tasks.cells]
        return (
            losses.stability.isChecked(), view.log_x, view.log_y, view.smoothing, view.axis,
            speed.log_y.isChecked(), speed.plot.statistic, gradient.shown, others,
        )  # fmt: skip

    plain = look()
    losses.stability.click()
    losses.log_x.click()
    losses.log_y.click()
    losses.smoothing.setValue(2)
    losses.choose(axis=GRADIENTS)
    speed.log_y.click()
    speed.choose("median")
    gradient.show_page("Cost")
    tasks.another()
    own = look()
    assert all(one != other for one, other in zip(own, plain, strict=True))
    window.lessons.start(lesson)
    settle(window)
    assert look()[:-1] == plain[:-1]
    losses.stability.click()
    window.columns.show_tab("tasks")
    tasks.another()
    session.editor.edit({"amplitude_max": 2.0})
    window.lessons.leave()
    session.link.pull()
    window.columns.show_tab("tasks")
    assert look() == own
    window.lessons.start(window.lessons.shelf.shipped[0])
    assert not losses.stability.isChecked()


def test_runs_of_a_lesson_and_of_the_person_are_not_compared(
    window: MainWindow, lesson: Lesson, qtbot: QtBot
):
    session, record = window.session, window.session.losses
    session.control.train()
    session.link.pull()
    session.control.restart()
    session.link.pull()
    assert record.before is not None and session.pins.ghost is not None
    press(qtbot, window.run_bar.pin)
    assert len(record.ghosts) == 2
    own = record.before
    window.lessons.start(lesson)
    settle(window)
    assert record.before is None and session.pins.ghost is None and record.ghosts == []
    # nor are two runs of a lesson: no page explains a thin line, which would be another run's
    # after going back
    window.lessons.jump(2)
    settle(window)
    assert record.before is None
    # a run that the person begins there is compared with the lesson's
    window.lessons.jump(0)
    settle(window)
    assert record.before is None
    window.lessons.let_play()
    session.control.restart()
    session.link.pull()
    assert record.before is not None
    window.lessons.leave()
    session.link.pull()
    assert record.before is own
    names = [run.name for run in record.ghosts]
    assert names == ["previous run", "Run 1"], "they are the person's own"


def test_a_narrow_window_shows_the_column_that_is_pointed_at(opened: Opener, qtbot: QtBot):
    window = opened(size=(960, 640))
    losses, form = window.columns.parts["Losses"], window.columns.parts["Settings"]
    assert losses.isVisible() and not form.isVisible()
    window.lessons.start(load_lesson(LESSONS / "07-instability.toml"))
    window.lessons.jump(2)
    settle(window)
    # a row under the hero: the form would push out the losses
    row = window.columns.row_of("inner_lr")
    qtbot.waitUntil(lambda: row.isVisible() and losses.isVisible() and not form.isVisible())
    assert row in window.columns.stage_row.rows.values()
    window.lessons.jump(4)
    settle(window)
    qtbot.waitUntil(lambda: losses.isVisible() and not form.isVisible())
    assert window.lessons.frames.framed[-1] is losses


def test_no_answer_stands_on_the_screen_before_reveal(window: MainWindow, qtbot: QtBot):
    lessons, losses = window.lessons, window.columns.places["losses"].panel
    assert isinstance(losses, LossesPanel)
    shipped = load_lesson(LESSONS / "02-multi-task.toml")
    lessons.start(shipped)
    settle(window)
    asked = revealed = 0
    for scene in shipped.scenes:
        settle(window)
        losses.plot.draw()
        lines = [line for line in losses.plot.references.lines if line.isVisible()]
        before = scene.step == 0
        if before or (scene.question is not None and not scene.revealed):
            asked += not before
            assert losses.plot.reference_words == [] and lines == []
        elif window.session.measured.references is not None:
            revealed += scene.revealed
            assert losses.plot.reference_words and lines, "before training too"
        lessons.strip.rest.stop()
        press(qtbot, lessons.strip.next_button)
    assert (asked, revealed) == (2, 2)
    assert not window.session.answers_hidden


def test_no_panel_invites_to_train_where_a_page_says_what_comes(window: MainWindow):
    lessons, places = window.lessons, window.columns.places
    legend, plot = places["adaptation"].panel.legend, places["losses"].panel.plot  # type: ignore[union-attr]

    def invitations() -> list[str]:
        plot.draw()
        assert plot._empty.isVisible() and plot.ghosts.curves == {}
        return [words for words in (legend.hints[0], plot._empty.toPlainText()) if "Train" in words]

    lessons.start(load_lesson(LESSONS / "05-first-order.toml"))
    lessons.jump(3)
    settle(window)
    lessons.jump(4)
    settle(window)
    assert lessons.scene is not None and "untrained" in lessons.scene.text
    assert invitations() == []
    lessons.let_play()
    assert len(invitations()) == 2
    lessons.forward()
    assert invitations() == []
    lessons.leave()
    window.session.link.pull()
    assert len(invitations()) == 2


def test_a_question_of_the_batch_norm_lesson_stands_beside_a_trained_run(window: MainWindow):
    shipped = load_lesson(LESSONS / "08-batch-norm.toml")
    window.lessons.start(shipped)
    for scene in shipped.scenes:
        settle(window)
        assert step(window) == 2000, scene.text
        window.lessons.forward()
    window.lessons.leave()


def test_the_freeze_test_is_left_out_until_it_was_asked_for(window: MainWindow, qtbot: QtBot):
    lessons = window.lessons
    shipped = load_lesson(LESSONS / "06-anil.toml")
    lessons.start(shipped)
    shown = {}
    for scene in shipped.scenes:
        settle(window)
        if scene.view.tab == "network":
            page = window.columns.places["network"].panel.pages["Features"]  # type: ignore[union-attr]
            shown[scene.step, scene.revealed] = not page._places[-1].isHidden()
        lessons.forward()
    assert shown == {(2, True): False, (3, True): True, (4, False): True}
    lessons.leave()


def test_a_page_may_show_how_stable_the_inner_steps_are(window: MainWindow):
    losses = window.columns.places["losses"].panel
    assert isinstance(losses, LossesPanel)
    lessons, shipped = window.lessons, load_lesson(LESSONS / "07-instability.toml")
    lessons.start(shipped)
    shown = []
    for _ in shipped.scenes:
        settle(window)
        shown.append(losses.stability.isChecked())
        lessons.forward()
    assert shown == [nth == 2 for nth in range(len(shipped.scenes))]
    losses.stability.setChecked(True)
    lessons.start(shipped)
    lessons.leave()
    assert losses.stability.isChecked(), "as it was before"


def test_a_strip_keeps_its_height_from_page_to_page(opened: Opener, qtbot: QtBot):
    window = opened(size=(1280, 800))
    strip, hero = window.lessons.strip, window.columns.parts["Adaptation"]

    def placed() -> tuple[int, int]:
        return strip.height(), hero.mapTo(window, QPoint()).y()

    def is_placed(known: set[tuple[int, int]]) -> bool:
        return placed() in known

    for name in NAMES:
        shipped = load_lesson(LESSONS / f"{name}.toml")
        window.lessons.start(shipped)
        heights: set[tuple[int, int]] = set()
        for scene in shipped.scenes[:-1]:
            asked = scene.question is not None and not scene.revealed and scene.question.choices
            if asked:  # “(your answer)” in heavier type takes the most room
                window.lessons.choose(scene.question.answer)  # type: ignore[union-attr]
            else:
                window.lessons.forward()
            settle(window)  # until then another, shorter text stands there
            # on a busy machine it may still have the height of the lesson before
            qtbot.waitUntil(lambda: strip.height() == strip.sizeHint().height())
            qtbot.wait(100)
            if heights:  # on a busy machine it is laid out later
                qtbot.waitUntil(partial(is_placed, heights))
            heights.add(placed())
            tops = [choice.y() for choice in strip.choices if choice.isVisible()] or [0]
            assert max(tops) - min(tops) <= 1, "one row"  # the right one has a thicker border
            assert strip._body.verticalScrollBar().maximum() == 0, f"{name} is cut"
        assert len(heights) == 1, name
        window.lessons.leave()


def test_in_a_hall_a_lesson_is_written_in_one_size_as_large_as_its_longest_page_allows(
    opened: Opener, qtbot: QtBot
):
    window = opened(size=(1280, 800))
    window.presenter.toggle()
    qtbot.wait(50)
    window.resize(1280, 800)
    qtbot.wait(50)
    lessons, strip = window.lessons, window.lessons.strip
    points = window.session.theme.points
    for name in ("04-outer-loop", "05-first-order", "22-streams"):
        shipped = load_lesson(LESSONS / f"{name}.toml")
        lessons.start(shipped)
        heights, sizes = set(), set()
        for nth in range(len(shipped.scenes)):
            if nth:
                lessons.forward()
            qtbot.wait(5)
            heights.add(strip._body.height())
            sizes.add(strip.text.font().pointSizeF() / points)
            assert strip._body.verticalScrollBar().maximum() == 0, f"{name} is cut"
            if strip.ask.isHidden():
                above, below = strip.text.y(), strip.text.parentWidget().height()
                below -= strip.text.geometry().bottom()
                assert abs(above - below) < 12, f"{name}: words alone stand in the middle"
        assert len(heights) == 1 and heights.pop() <= 0.22 * 800, name
        assert len(sizes) == 1 and sizes.pop() > 1.2, name
        lessons.leave()
    window.presenter.toggle()
    lessons.start(load_lesson(LESSONS / "04-outer-loop.toml"))
    assert strip.text.font().pointSizeF() == window.session.theme.points
    lessons.leave()


def test_one_key_takes_the_steps_that_a_page_asks_for_and_then_goes_on(opened: Opener):
    window = opened(size=(1280, 800))
    window.presenter.toggle()
    lessons = window.lessons
    lessons.start(load_lesson(LESSONS / "04-outer-loop.toml"))
    settle(window)
    first, phases = lessons.scene, []
    while lessons.scene is first and len(phases) < 9:
        assert "next inner step" in lessons.strip.note.full or phases[-1:] == [UPDATE]
        lessons.go_on()
        window.session.link.pull()
        last = window.session.link.last_part
        phases.append(None if last is None else last.phase)
    assert phases[:3] == [ADAPT, QUERY, UPDATE] and len(phases) == 4
    lessons.leave()
    window.presenter.toggle()


def test_going_on_waits_for_training_or_skips_ahead(
    window: MainWindow, lesson: Lesson, qtbot: QtBot
):
    session, strip = window.session, window.lessons.strip
    worker_of(window)._per_pull = 10
    window.lessons.start(lesson)
    session.link.pull()
    assert strip.next_button.text() == "Skip ahead"
    assert strip.next_button.property("role") == ""
    assert strip.text.property("role") == "muted"
    assert 0 < strip.progress.value() < 1000
    qtbot.wait(20)
    places = strip.play_button.geometry(), strip.back_button.geometry()
    settle(window)
    assert strip.next_button.text() == "Next"
    qtbot.wait(20)
    assert (strip.play_button.geometry(), strip.back_button.geometry()) == places
    assert strip.next_button.property("role") == "primary"
    assert strip.text.property("role") == "" and strip.progress.value() == 0


def test_the_score_counts_first_answers(opened: Opener, tmp_path: Path, lesson: Lesson):
    window = opened(tmp_path / "window.json")
    lessons = window.lessons
    lessons.start(lesson)
    lessons.forward()
    settle(window)
    lessons.choose(0)
    lessons.back()
    settle(window)
    lessons.choose(1)
    for _ in range(2):
        settle(window)
        lessons.forward()
    window.session.link.pull()
    end = lessons.strip.words
    assert end == "Done, 0 of 1 answer right. Your own run is back.\nSources: Somebody 2020."
    assert lessons.strip.next_button.text() == "Close"
    lessons.forward()
    assert not lessons.strip.isVisible()
    assert lessons.shelf.state(lesson) == "✓ 0 of 1 right"
    path = tmp_path / "lessons.json"
    assert read_progress(path).scores == {"mine": (0, 1)}
    answer_right(window, lesson)
    assert lessons.shelf.state(lesson) == "✓ 1 of 1 right"


def test_from_its_end_one_goes_back_into_a_lesson(
    opened: Opener, tmp_path: Path, lesson: Lesson, qtbot: QtBot
):
    window = opened(tmp_path / "window.json")
    lessons, own = window.lessons, window.session.settings
    answer_right(window, lesson)
    window.session.link.pull()
    assert lessons.lesson is None and lessons.strip.words.startswith("Done, 1 of 1")
    press(qtbot, lessons.strip.back_button)
    settle(window)
    assert lessons.scene == lesson.scenes[-1] and window.session.settings != own
    lessons.forward()
    window.session.link.pull()
    assert lessons.strip.words.startswith("Done, 1 of 1"), "the answers are kept"
    assert window.session.settings == own
    lessons.leave()
    lessons.back()
    assert lessons.lesson is None, "a closed lesson stays closed"


def test_a_question_that_was_only_revealed_is_no_wrong_answer(opened: Opener, tmp_path: Path):
    window = opened(tmp_path / "window.json")
    lessons, lesson = window.lessons, load_lesson(LESSONS / "03-inner-loop.toml")
    lessons.start(lesson)
    asked = [
        nth
        for nth, scene in enumerate(lesson.scenes)
        if scene.step in lesson.questions and not scene.revealed
    ]
    assert len(asked) >= 2
    seen: list[int] = []
    while lessons.lesson is not None:
        nth = lesson.scenes.index(lessons.scene)
        if nth == asked[0] and nth not in seen:
            lessons.choose(lesson.questions[lesson.scenes[nth].step])
        elif nth == asked[1] and nth not in seen:
            lessons.forward()  # Reveal
            lessons.back()
            lessons.choose(lesson.questions[lesson.scenes[nth].step])  # too late to count
        else:
            lessons.forward()
        seen.append(nth)
    rest = len(asked) - 1
    said = f"Done, 1 of 1 answer right, {rest} revealed without an answer. "
    assert lessons.strip.words.startswith(said)
    assert lessons.shelf.state(lesson) == "✓ 1 of 1 right"


def test_a_lesson_that_was_left_and_resumed_counts_all_its_questions(
    opened: Opener, tmp_path: Path
):
    # four were only revealed, and the end told of the one after the return
    lesson = load_lesson(LESSONS / "03-inner-loop.toml")
    first = opened(tmp_path / "window.json").lessons
    first.start(lesson)
    while len(first._running.first) < 2:  # type: ignore[union-attr]
        asked = first.scene.question is not None and not first.scene.revealed
        if asked and not first._running.first:
            first.choose(lesson.questions[first.scene.step])
        else:
            first.forward()
    first.leave()
    then = opened(tmp_path / "window.json").lessons
    then.start(lesson)
    assert then.scene is not None and then.scene.step > 0
    while then.lesson is not None:
        then.forward()
    rest = len(lesson.questions) - 1
    assert then.strip.words.startswith(
        f"Done, 1 of 1 answer right, {rest} revealed without an answer. "
    )
    assert json.loads((tmp_path / "lessons.json").read_text())["answers"] == {}
    then.start(lesson)
    assert then._running is not None and then._running.first == {}, "it starts anew"


def test_the_settings_are_folded_as_before_after_a_lesson(window: MainWindow, qtbot: QtBot):
    form = window.columns.form
    form.groups[0].toggle()
    before = form.folding
    window.lessons.start(load_lesson(LESSONS / "07-instability.toml"))
    for _ in range(9):
        window.lessons.forward()
        qtbot.wait(1)
    assert form.folding != before
    window.lessons.leave()
    qtbot.waitUntil(lambda: form.folding == before)


def test_the_whole_row_of_a_lesson_is_clickable_and_says_minutes(window: MainWindow, qtbot: QtBot):
    listed(window)
    entry = window.lessons.list.entries[1]
    assert re.fullmatch(r"\d+ min", entry.line.time)
    (summary,) = entry.findChildren(Message)
    assert summary.text() == entry.line.summary and summary.height() > 0
    qtbot.mouseClick(entry, Qt.MouseButton.LeftButton, pos=QPoint(entry.width() - 20, 40))
    assert window.lessons.lesson is not None
    assert window.lessons.lesson.title == entry.line.title


def test_a_question_is_answered_then_revealed(window: MainWindow, lesson: Lesson, qtbot: QtBot):
    lessons, strip = window.lessons, window.lessons.strip
    lessons.start(lesson)
    assert not strip.choices
    press(qtbot, strip.next_button)
    settle(window)
    assert strip.next_button.text() == "Reveal"
    assert strip.ask.text() == "Is it better?"
    assert [choice.words for choice in strip.choices] == ["A   Yes", "B   No"]
    assert window.session.settings.inner.inner_lr == 0.05
    strip.choices[0].setFocus()
    qtbot.keyClick(strip.choices[0], Qt.Key.Key_Space)
    settle(window)
    assert strip.text.text() == "No." and step(window) == 60
    assert [choice.words for choice in strip.choices] == ["✗ A   Yes   (your answer)", "✓ B   No"]
    assert "right answer" in strip.choices[1].accessibleName()
    assert "wrong answer" in strip.choices[0].accessibleName()
    assert not strip.choices[0].isEnabled()
    # back to the question: it is asked again, at the state it had
    press(qtbot, strip.back_button)
    settle(window)
    assert step(window) == 30 and strip.choices[0].isEnabled()
    # and the answer may be seen without a guess
    qtbot.keyClick(window, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    settle(window)
    assert step(window) == 60 and lessons.scene is lesson.scenes[2]


def test_a_verdict_moves_no_choice_and_breaks_no_line(window: MainWindow, qtbot: QtBot):
    for width in range(150, 350, 3):
        found = set()
        for judged in (False, True):
            choice = AnswerChoice("A   About 3.0: as if nothing adapted", lambda: None)
            choice.setParent(window.lessons.strip)
            if judged:
                choice.show_verdict(right=True, chosen=False)
            choice.ensurePolished()
            choice.resize(width, 60)
            found.add((choice.minimumSizeHint().height(), choice.text().removeprefix("✓ ")))
            assert choice.sizeHint().height() <= choice.minimumSizeHint().height()
            choice.deleteLater()
        assert len(found) == 1, width


def test_a_second_click_does_not_skip_why(window: MainWindow, lesson: Lesson, qtbot: QtBot):
    lessons, strip = window.lessons, window.lessons.strip
    lessons.start(lesson)
    for answer in (lambda: strip.choices[0], lambda: strip.next_button):
        lessons.jump(1)
        settle(window)
        press(qtbot, answer())
        revealed = lessons.scene
        assert revealed is lesson.scenes[2] and strip.next_button.isEnabled()
        press(qtbot, strip.next_button)
        assert lessons.scene is revealed
        qtbot.waitUntil(lambda: not strip.rest.isActive())
        press(qtbot, strip.next_button)
        assert lessons.scene is lesson.scenes[3]


def test_the_list_takes_the_keys_of_a_remote_control(opened: Opener, qtbot: QtBot):
    window = opened(size=(1280, 800))
    window.presenter.toggle()
    shown = window.lessons.list
    window.actions_table["lessons"].trigger()
    bar = shown._area.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    qtbot.keyClick(window.focusWidget() or window, Qt.Key.Key_PageDown)
    assert bar.value() > 0
    qtbot.keyClick(window.focusWidget() or window, Qt.Key.Key_PageUp)
    assert bar.value() == 0
    window.session.link.pull()
    assert window.session.link.last_part is None and shown.isVisible()
    window.presenter.toggle()


def test_playing_and_returning(window: MainWindow, lesson: Lesson, qtbot: QtBot):
    session, strip = window.session, window.lessons.strip
    window.lessons.start(lesson)
    settle(window)
    probe = session.task.probe
    press(qtbot, strip.play_button)
    assert "waits on page 1 of 3" in strip.note.full
    assert window.lessons.playing and window.lessons.frames.framed == []
    assert not strip.text.isVisible()
    session.task.new_task()
    session.set_hidden([])
    session.editor.edit({"inner_lr": 0.9})
    session.control.train()
    session.link.pull()
    assert step(window) > 30
    press(qtbot, strip.next_button)
    settle(window)
    assert step(window) == 30 and session.settings == lesson.scenes[0].acts[0].settings
    assert session.task.probe is not None and same_task(session.task.probe, probe)
    assert session.hidden == {"Slow"} and strip.text.isVisible()
    # untouched, nothing is done again
    begun = len(worker_of(window).posted_of(commands.Restart))
    press(qtbot, strip.play_button)
    press(qtbot, strip.next_button)
    settle(window)
    assert len(worker_of(window).posted_of(commands.Restart)) == begun


def test_what_a_person_changes_in_a_step_is_undone_by_the_next(window: MainWindow, lesson: Lesson):
    session = window.session
    window.lessons.start(lesson)
    settle(window)
    session.editor.edit({"outer_lr": 0.5, "seed": 3})
    session.control.restart()
    session.link.pull()
    window.lessons.forward()
    settle(window)
    assert session.editor.edited == lesson.scenes[1].acts[-1].settings
    assert step(window) == 30


def test_the_next_step_waits_for_training_that_was_paused(window: MainWindow, lesson: Lesson):
    session, lessons = window.session, window.lessons
    worker_of(window)._per_pull = 10
    lessons.start(lesson)
    session.link.pull()
    session.control.pause()
    session.link.pull()
    assert step(window) < 30 and "paused at" in lessons.strip.note.full
    lessons.forward()
    settle(window)
    assert step(window) == 30 and session.settings.inner.inner_lr == 0.05


def test_a_lesson_goes_on_where_all_arms_diverged(window: MainWindow, lesson: Lesson):
    worker = worker_of(window)
    window.lessons.start(lesson)
    window.session.link.pull()
    worker.pause_at = 10  # type: ignore[attr-defined]
    worker.step = 10
    for arm in ("MAML", "Slow"):
        worker.report(reports.Diverged(worker.run, arm, 10, 5, f"{arm} diverged."))
    worker._enter(reports.Phase.PAUSED)
    window.session.link.pull()
    assert window.lessons.run.goal is None


def test_a_click_on_the_dots_goes_to_a_step(window: MainWindow, lesson: Lesson, qtbot: QtBot):
    window.lessons.start(lesson)
    dots = window.lessons.strip.dots
    assert dots.accessibleName() == "Step 1 of 3"
    qtbot.mouseClick(dots, Qt.MouseButton.LeftButton, pos=QPoint(2 * 12 + 6, 8))
    window.session.link.pull()
    assert window.lessons.scene is lesson.scenes[3]
    assert worker_of(window).posted_of(commands.OpenRun) == [
        commands.OpenRun(str(example_folder()))
    ]
    assert window.lessons.strip.next_button.text() == "Finish"


def test_progress_is_kept(opened: Opener, qtbot: QtBot, tmp_path: Path, lesson: Lesson):
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / "mine.toml").write_text(GOOD)
    first = opened(tmp_path / "window.json")
    first.lessons.start(lesson)
    first.lessons.forward()
    first.close()
    second = opened(tmp_path / "window.json")
    assert listed(second)["A lesson"] == "on page 2 of 3"
    press(qtbot, next(e for e in second.lessons.list.entries if e.line.title == "A lesson"))
    assert not second.lessons.list.isVisible()
    settle(second)
    assert second.lessons.scene is not None and second.lessons.scene.text == "What now?"
    assert step(second) == 30, "it has the state of the step, not of the beginning"
    for _ in range(3):
        second.lessons.forward()
        settle(second)
    assert second.lessons.strip.words.startswith("Done")
    third = opened(tmp_path / "window.json")
    assert listed(third)["A lesson"] == "✓ seen"
    press(qtbot, next(e for e in third.lessons.list.entries if e.line.title == "A lesson"))
    assert third.lessons.scene is not None and third.lessons.scene.step == 0


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"schema": 9}', '{"schema": 1, "scenes": {"a": -1}}', '{"schema": 1, "done": [1]}',
     '{"schema": 1, "scenes": 3}', '{"schema": 1, "scenes": {"a": true}}',
     '{"schema": 1, "answers": 3}', '{"schema": 1, "answers": {"a": {"b": 1}}}',
     '{"schema": 1, "answers": {"a": {"1": -1}}}', '{"schema": 1, "answers": {"a": [1]}}'],
)  # fmt: skip
def test_damaged_progress_is_set_aside(opened: Opener, tmp_path: Path, content: str):
    path = tmp_path / "lessons.json"
    path.write_text(content)
    window = opened(tmp_path / "window.json")
    assert window.lessons.shelf.progress.done == frozenset()
    assert "could not be read" in said(window)[-1] and "unreadable" in said(window)[-1]
    assert not path.exists()
    window.lessons.start(lesson_from(GOOD, "mine"))
    assert json.loads(path.read_text())["scenes"] == {"mine": 0}


def test_a_refused_lesson_is_listed_with_its_reason(opened: Opener, tmp_path: Path):
    folder = tmp_path / "lessons"
    folder.mkdir()
    (folder / "bad.toml").write_text(GOOD.replace("inner_step = 2", "innerstep = 2"))
    (folder / "good.toml").write_text(GOOD)
    window = opened(tmp_path / "window.json")
    assert "A lesson" in listed(window)
    reason = "bad.toml, line 22, step 1: There is no “innerstep” here: did you mean inner_step?"
    assert window.lessons.list.refused == [reason]
    shown = [part.text() for part in window.lessons.list.findChildren(QLabel)]
    assert f"Not a lesson: {reason}" in shown


def test_a_lesson_is_opened_by_drop_and_by_command_line(
    opened: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    window = opened()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    action, buttons = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    keys = Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(300, 300), action, data, buttons, keys))
    assert window.lessons.lesson is not None and window.lessons.lesson.title == "A lesson"
    assert window.files.opening.recent == (str(path),)
    path.write_text(GOOD.replace("answer = 2", "answer = 9"))
    assert not window.files.opening.open(path)
    assert "open mine.toml. " in said(window)[-1] and "answer" in said(window)[-1]
    seen: list[Options] = []
    monkeypatch.setattr(run, "run", lambda options: seen.append(options) or 0)
    assert cli.main(["gui", "--safe-mode", str(path)]) == 0
    assert seen == [Options(lesson=path, safe_mode=True)]
    path.write_text(GOOD)
    other = opened(options=seen[0])
    begin(other, seen[0])
    assert other.lessons.lesson is not None and not other.welcome.isVisible()


def test_the_first_start_offers_the_tour(opened: Opener, qtbot: QtBot):
    window = opened()
    window.welcome.greet()
    press(qtbot, window.welcome.tour)
    assert not window.welcome.isVisible()
    assert window.lessons.lesson is not None and window.lessons.lesson.title == "The tour"
    window.session.link.pull()
    assert window.session.task.probed is not None and window.session.task.probed.outer_step == 500


def test_a_drawing_is_measured_exactly(window: MainWindow, qtbot: QtBot):
    ask = '[steps.question]\nask = "Draw."\nkind = "draw"\n'
    text = GOOD[: GOOD.index("[steps.question]")] + ask + GOOD[GOOD.index("[steps.reveal]") :]
    lessons = window.lessons
    lessons.start(lesson_from(text, "mine"))
    lessons.forward()
    settle(window)
    sketch = lessons.sketch
    assert sketch is not None and sketch.isVisible() and sketch.curve() is None
    canvas = window.columns.places["adaptation"].panel.canvas  # type: ignore[union-attr]
    left, right = (canvas.to_pixel(x, 0.0) for x in (-5.05, 5.05))
    before = window.session.task.probe
    qtbot.mousePress(sketch, Qt.MouseButton.LeftButton, pos=left)
    qtbot.mouseMove(sketch, pos=QPoint((left.x() + right.x()) // 2, left.y()))
    qtbot.mouseMove(sketch, pos=right)
    qtbot.mouseRelease(sketch, Qt.MouseButton.LeftButton, pos=right)
    assert window.session.task.probe is before, "drawing adds no points"
    drawn = sketch.curve()
    assert drawn is not None and np.abs(drawn[1]).max() < 0.05
    drawing = sketch.grab().toImage()
    colors = {drawing.pixelColor(x, canvas.to_pixel(0.0, 0.0).y()).name()
              for x in range(left.x() + 4, right.x() - 4)}  # fmt: skip
    assert window.session.theme.accent in colors, "the truth is drawn in the colour of text"
    press(qtbot, lessons.strip.next_button)
    settle(window)
    # the mean square of −1.62 cos x over −5 to 5, above the least there is (3.01)
    exact = 3.01 + 1.62**2 * (0.5 + np.sin(10) / 20)
    # as large as the text, in the place of the question
    note = re.fullmatch(
        r"Your drawing: expected MSE ([\d.]+) · best possible: 3.01", lessons.strip.ask.text()
    )
    assert note is not None and float(note[1]) == pytest.approx(exact, abs=0.03)
    assert sketch.isVisible()
    lessons.leave()
    assert not sketch.isVisible() and sketch.curve() is None


def test_closing_the_window_in_a_lesson_asks_about_the_persons_run(
    opened: Opener, qtbot: QtBot, tmp_path: Path, lesson: Lesson
):
    window = opened()
    worker, session = worker_of(window), window.session
    recovery = Recovery(window, tmp_path)
    recovery.timer.stop()
    worker.step = 60_000
    worker._enter(reports.Phase.PAUSED)
    session.link.pull()
    window.lessons.start(lesson)
    assert worker.posted_of(commands.SaveRun)[-1].autosave, (
        "a crash in the lesson must not cost the run"
    )
    settle(window)
    recovery.look()
    assert len(worker.posted_of(commands.SaveRun)) == 1
    window.close()
    assert window.isVisible()
    session.link.pull()
    qtbot.waitUntil(lambda: any("60\u202f000" in text for text in said(window)))
    assert window.isVisible() and step(window) == 60_000
    recovery.close()
    recovery.end()
    assert not window.isVisible()


def test_the_same_acts_give_the_same_run_bit_for_bit(qtbot: QtBot, qapp: QApplication):
    application()
    small = GOOD.replace("hidden = [8]", "hidden = [8]\nmeta_batch = 3\ntest_tasks = 4")
    lesson = lesson_from(small, "mine")
    window = open_window(Worker(), Options(safe_mode=True))
    qtbot.addWidget(window)
    window.show()
    session, lessons = window.session, window.lessons
    session.start()

    def curves(scene: int) -> np.ndarray:
        qtbot.waitUntil(
            lambda: (
                lessons.run.goal is None
                and session.task.probed is not None
                and session.task.probed.run == lessons.run.number
                and session.link.phase is reports.Phase.PAUSED
                and session.task.probed.probe is session.task.probe
                and session.task.probed.outer_step == step(window)
            ),
            timeout=60_000,
        )
        assert lessons.scene is lesson.scenes[scene]
        assert session.task.probed is not None
        return session.task.probed.arms["MAML"].curves

    lessons.start(lesson)  # while the engine loads
    first = curves(0)
    assert step(window) == 30
    lessons.forward()
    lessons.forward()
    third = curves(2)
    assert step(window) == 60
    lessons.let_play()
    session.editor.edit({"inner_lr": 0.2})
    session.control.outer_step()
    qtbot.waitUntil(lambda: step(window) == 61, timeout=60_000)
    lessons.forward()
    np.testing.assert_array_equal(curves(2), third)
    assert step(window) == 60
    lessons.back()
    lessons.back()
    np.testing.assert_array_equal(curves(0), first)
    lessons.leave()
    qtbot.waitUntil(lambda: step(window) == 0 and session.settings.model.hidden == (40, 40))
    qtbot.waitUntil(
        lambda: session.status is not None and session.status.settings == session.settings,
        timeout=60_000,
    )
    assert not [text for text in said(window) if "kept" in text]
    window.close()


@pytest.mark.parametrize(
    ("preset", "lacking"), [("finn-10-shot", OF_IMAGES), ("glyphs-2-way-4-shot", OF_CURVES)]
)
def test_every_part_that_a_lesson_can_name_is_there(
    opened: Opener, preset: str, lacking: tuple[str, ...]
):
    window = opened(options=Options(preset=load_preset(preset), safe_mode=True))
    found = {name: window.stage.part(name) for name in PART_NAMES if name not in lacking}
    assert [name for name, part in found.items() if part is None] == []
    # settings may share a line of the form, and pages share their tab; nothing else is one widget
    others = [
        part
        for name, part in found.items()
        if not name.startswith("settings.") and name.count(".") < 2
    ]
    assert len(set(map(id, others))) == len(others)


NAMING_LINES = [
    name for name in NAMES if "tab.pseudocode" in (LESSONS / f"{name}.toml").read_text()
]


@pytest.mark.parametrize("name", NAMING_LINES)
def test_lines_that_a_page_names_are_in_view(opened: Opener, qtbot: QtBot, name: str):
    window = opened(size=(1280, 800))
    lessons, shipped = window.lessons, load_lesson(LESSONS / f"{name}.toml")
    lessons.start(shipped)
    for scene in shipped.scenes:
        named = [part.split(".")[2] for part in scene.point_at if "pseudocode" in part]
        if not named:
            continue
        lessons.jump(scene.step)
        if scene.revealed:
            lessons.forward()
        settle(window)
        assert lessons.scene is scene
        panel = window.columns.places["pseudocode"].panel
        assert isinstance(panel, PseudocodePanel)
        rows = panel.rows_of(named[0])
        assert rows, (name, scene.step)

        def seen(panel: PseudocodePanel = panel, rows: list[int] = rows) -> bool:
            edit = panel.text
            blocks = [edit.document().findBlockByNumber(row) for row in rows]
            high = [edit.cursorRect(QTextCursor(block)) for block in blocks]
            return all(edit.viewport().rect().contains(one.center()) for one in high)

        qtbot.waitUntil(seen, timeout=3000)
