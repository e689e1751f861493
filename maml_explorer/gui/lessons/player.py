"""The lesson that runs: its scenes one after the other, questions, drawings, and its end."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from maml_explorer.gui.lessons.after_lesson import AfterLesson
from maml_explorer.gui.lessons.borrowed_run import LessonRun
from maml_explorer.gui.lessons.chooser import LessonList, LessonRow
from maml_explorer.gui.lessons.drawn_curve import Sketch, excess_error
from maml_explorer.gui.lessons.highlight_frames import Frames
from maml_explorer.gui.lessons.lesson import DRAW, Lesson, Scene
from maml_explorer.gui.lessons.lesson_file import load_lesson
from maml_explorer.gui.lessons.running_lesson import RunningLesson, resumed
from maml_explorer.gui.lessons.shelf import LessonShelf
from maml_explorer.gui.lessons.stage import Stage
from maml_explorer.gui.lessons.strip import LessonStrip
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.time_left import TimeLeft
from maml_explorer.gui.session.view_state import new_view
from maml_explorer.gui.style.numbers import number, whole
from maml_explorer.protocol.reports import ReferenceLosses, Stepped, StepPhase
from maml_explorer.settings.words import counted

_TOUR = "tour"
ANSWERS = frozenset(("best", "freeze"))
"""Answers that a page before their question may leave out."""
READY_MADE = "trained in advance · press Reset, then Train, to watch it"
TESTING = "trained · testing on held-out tasks…"


class Lessons(QObject):
    """Plays lessons on a stage: the window, whose frames and list of lessons lie over it."""

    begun = Signal()
    """A lesson begins or goes on."""

    def __init__(self, stage: Stage, session: Session, shelf: LessonShelf, over: QWidget) -> None:
        super().__init__(over)
        self._stage, self._session = stage, session
        self.shelf = shelf
        self._running: RunningLesson | None = None
        self.run = LessonRun(stage, session, self)
        self.frames = Frames(over)
        self.sketch: Sketch | None = None
        self.strip = LessonStrip()
        self.left = TimeLeft()
        self.list = LessonList(over)
        self.strip.back.connect(self.back)
        self.strip.forward.connect(self.forward)
        self.strip.chosen.connect(self.choose)
        self.strip.play.connect(self.let_play)
        self.strip.closed.connect(self.leave)
        self.strip.jumped.connect(self.jump)
        self.run.changed.connect(self._say)
        self._walked = False
        """An outer step was walked through on this page."""
        self._finished: RunningLesson | None = None
        """The lesson that was gone through last."""
        session.link.stepped.connect(self._take_stepped)
        session.measured.meta_tested.connect(self._say)
        self.after = AfterLesson(self.strip, self.run, shelf, session.link)

    def choose_lesson(self) -> None:
        """Opens the list of lessons as they are now: gone through, begun, refused."""
        lessons, refused = self.shelf.all()
        lines = [
            LessonRow(
                one.title,
                one.summary,
                f"{one.minutes} min",
                self.shelf.state(one),
                partial(self.start, one),
            )
            for one in lessons
        ]
        self.list.offer(lines, refused, self.shelf.own_folder)

    # one that runs

    @property
    def lesson(self) -> Lesson | None:
        """The lesson that runs or waits; None where there is none."""
        return None if self._running is None else self._running.lesson

    @property
    def scene(self) -> Scene | None:
        """Scene that is shown."""
        running = self._running
        return None if running is None else running.lesson.scenes[running.nth]

    @property
    def playing(self) -> bool:
        """True where a lesson waits while the user plays."""
        return self._running is not None and self._running.playing

    def take_tour(self) -> None:
        """Begins the tour."""
        for lesson in self.shelf.shipped:
            if lesson.name.endswith(_TOUR):
                self.start(lesson)

    def open(self, path: Path) -> None:
        """Begins the lesson in a file.

        Raises:
            SettingsError: where it is refused: file, line, key, what is allowed.
            StorageError: where it cannot be read.
        """
        self.start(load_lesson(path))

    def start(self, lesson: Lesson) -> None:
        """Begins a lesson, or continues where the user left it."""
        self._begin(resumed(lesson, self.shelf.progress))

    def _begin(self, running: RunningLesson) -> None:
        self.begun.emit()
        self.after.begin()
        if self._running is None:
            self.run.lend()
        self._stage.show_inside(new_view())
        self._running = running
        self._show(again=True)

    def forward(self) -> None:
        """The next scene, the end after the last, or the lesson's own state after playing."""
        running = self._running
        if running is None:
            self._go_on_from_end()
        elif running.playing:
            running.playing = False
            self._show(again=True)
        elif running.nth + 1 < len(running.lesson.scenes):
            scene = running.lesson.scenes[running.nth]
            if scene.step in running.lesson.questions and not scene.revealed:
                running.first.setdefault(scene.step, None)
            running.nth += 1
            self._show()
        else:
            self._finish(running)

    def go_on(self) -> None:
        """Takes the inner steps that a page asks for, one at a call; then the next scene.

        Without a lesson it takes inner steps: a remote control has one key for all. After one it
        does nothing for a moment: who pressed it once too often meant the lesson.
        """
        if self._steps_first or (self._running is None and self.after.ended is None):
            if not self.after.rests:
                self._session.control.inner_step()
        else:
            self.forward()

    @property
    def _steps_first(self) -> bool:
        scene = self.scene
        asks = scene is not None and "inner_step" in scene.point_at
        return asks and not self.playing and not self._walked

    def _take_stepped(self, stepped: Stepped) -> None:
        self._walked = self._walked or stepped.phase == StepPhase.UPDATE
        self._say()

    def back(self) -> None:
        """The scene before; after the end of a lesson its last, with the answers given."""
        running = self._running
        if running is None and self.after.ended is not None and self._finished is not None:
            self._begin(self._finished)
        elif running is not None and not running.playing and running.nth > 0:
            running.nth -= 1
            self._show(again=True)

    def jump(self, step: int) -> None:
        """The first scene of a step."""
        running = self._running
        if running is not None:
            running.nth, running.playing = running.lesson.first_scene(step), False
            self._show(again=True)

    def choose(self, nth: int) -> None:
        """Answers the question that is asked, and shows what is true."""
        running, scene = self._running, self.scene
        if running is None or scene is None or scene.question is None or scene.revealed:
            return
        if nth < len(scene.question.choices):
            running.chosen[scene.step] = nth
            running.first.setdefault(scene.step, nth)
            self.forward()

    def let_play(self) -> None:
        """Lets the lesson wait."""
        running = self._running
        if running is None:
            return
        running.playing = True
        self.frames.point_at(self._stage.bring_out([]))
        self._leave_alone()
        self._wipe()
        self.strip.show_waiting(running.lesson, running.nth)

    def point_again(self) -> None:
        """Points at the parts of the scene anew, as where presenting has changed what is shown."""
        scene = self.scene
        if scene is not None and not self.playing:
            self.frames.point_at(self._stage.bring_out(scene.point_at))

    def leave(self) -> None:
        """Closes the lesson; the user's own run, settings and view come back."""
        lesson = self.lesson or self.after.ended
        self._give_back()
        self.after.close(lesson)

    def _give_back(self) -> None:
        if self._running is None:
            return
        self._running = None
        self.frames.point_at(self._stage.bring_out([]))
        self._wipe()
        self._leave_alone()
        self.run.give_back()

    def _leave_alone(self) -> None:
        self._session.hide_answers(False)
        self._session.lead(False)

    def _finish(self, running: RunningLesson) -> None:
        lesson, self._finished = running.lesson, running
        self.shelf.keep(self.shelf.progress.finished(lesson.name, running.score))
        result = f"Done{_of_score(running.score)}{_of_revealed(running.only_revealed)}."
        self._give_back()
        self.after.end(lesson, result)

    def _go_on_from_end(self) -> None:
        """The lesson that follows the one whose last page is shown; closes it where none does."""
        follows = self.after.follows
        if follows is None:
            self.leave()
        else:
            self.start(follows)

    # what is shown

    def _show(self, again: bool = False) -> None:
        running, scene = self._running, self.scene
        if running is None or scene is None:
            return
        lesson, self._walked = running.lesson, False
        self.run.show(scene, again)
        last = running.nth + 1 == len(lesson.scenes)
        self.strip.show_scene(lesson, running.nth, running.chosen.get(scene.step), last)
        asked = scene.question is not None and not scene.revealed
        # a lesson that hides an answer will ask for it
        self._session.hide_answers(asked or not ANSWERS.isdisjoint(scene.view.lines_off or ()))
        self._session.lead("train" not in scene.point_at)
        self.frames.point_at(self._stage.bring_out(scene.point_at))
        self._sketch(scene)
        self._say()
        self.shelf.keep(self.shelf.progress.at(lesson.name, running.nth, running.first))

    def _sketch(self, scene: Scene) -> None:
        question = scene.question
        if question is None or question.kind != DRAW:
            self._wipe()
        elif scene.revealed:
            if self.sketch is not None:
                self.sketch.keep()
        else:
            plot = self._stage.part("adaptation.plot")
            if self.sketch is None and isinstance(plot, Plot):
                self.sketch = Sketch(plot)
                self.sketch.changed.connect(self._say)
            if self.sketch is not None:
                self.sketch.begin()

    def _wipe(self) -> None:
        if self.sketch is not None:
            self.sketch.wipe()

    def _say(self) -> None:
        """Writes beside the dots: what is waited for, the error of a drawing."""
        running, scene = self._running, self.scene
        if running is None or scene is None or running.playing:
            return
        status, goal = self._session.status, self.run.goal
        awaited = self.run.awaited
        step = 0 if awaited or status is None else status.outer_step
        testing = scene.on_test and self.run.untested
        done = 1.0 if testing else None if goal is None else min(step / goal, 1.0)
        self.strip.show_awaited(awaited)
        self.strip.show_training(done)
        if awaited:
            self.strip.say("")
        elif goal is not None:
            paused = status is not None and not self._session.link.running
            doing = "paused at" if paused and step else "training first:"
            left = self.left.words(status, goal)
            self.strip.say(f"{doing} outer step {whole(step)} of {whole(goal)}{left}")
        elif testing:
            self.strip.say(TESTING, "testing…")
        elif scene.revealed and scene.question is not None and scene.question.kind == DRAW:
            self.strip.say("")
            self.strip.answer(self._worth() or scene.question.ask)
        elif self._steps_first and self.strip.in_a_hall:
            self.strip.say("Page Down takes the next inner step", "Page Down: next inner step")
        elif self.run.ready_made:
            self.strip.say(READY_MADE, "trained in advance")
        else:
            self.strip.say("")

    def _worth(self) -> str:
        probed, references = self._session.task.probed, self._session.measured.references
        drawn = self.sketch.curve() if self.sketch is not None else None
        if drawn is None or probed is None or probed.best_single is None:
            return ""
        if not isinstance(references, ReferenceLosses):
            return ""
        least = references.best_single
        mse = least + excess_error(drawn, probed.grid, probed.best_single)
        return f"Your drawing: expected MSE {number(mse)} · best possible: {number(least)}"


def _of_score(score: tuple[int, int] | None) -> str:
    return "" if score is None else f", {score[0]} of {counted(score[1], 'answer')} right"


def _of_revealed(count: int) -> str:
    return f", {count} revealed without an answer" if count else ""
