"""The lessons of a window: which there are, the one that runs, and how far a person is."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from maml_explorer.files.reader import StorageError
from maml_explorer.files.resources import resources
from maml_explorer.files.set_aside import set_aside
from maml_explorer.gui.lessons.borrowed_run import LessonRun
from maml_explorer.gui.lessons.chooser import LessonList, LessonRow
from maml_explorer.gui.lessons.drawn_curve import Sketch
from maml_explorer.gui.lessons.highlight_frames import Frames
from maml_explorer.gui.lessons.lesson import DRAW, Lesson, Scene, load_lesson
from maml_explorer.gui.lessons.progress import LessonProgress, read_progress, write_progress
from maml_explorer.gui.lessons.strip import LessonStrip
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.settings_form.row import SettingRow
from maml_explorer.gui.style.numbers import number, whole
from maml_explorer.gui.window.lesson_parts import PARTS
from maml_explorer.settings.declaration import SettingsError

if TYPE_CHECKING:
    from maml_explorer.gui.window.window import MainWindow

MOST_OWN = 50
_TOUR = "tour"


@dataclass
class _Running:
    """The lesson that runs."""

    lesson: Lesson
    nth: int
    """Index of its scene."""
    chosen: dict[int, int] = field(default_factory=dict)
    """Step → the choice that was made at its question."""
    playing: bool = False
    """Whether it waits while the person plays."""


class Lessons(QObject):
    """Plays lessons in a window. `folder` holds progress and own lessons; None keeps nothing."""

    def __init__(self, window: MainWindow, folder: Path | None) -> None:
        super().__init__(window)
        self._window, self._folder = window, folder
        self._running: _Running | None = None
        self._shipped: tuple[list[Lesson], list[str]] | None = None
        self._progress: LessonProgress | None = None
        self.run = LessonRun(window)
        self.frames = Frames(window)
        self.sketch: Sketch | None = None
        self.strip = LessonStrip()
        self.list = LessonList(window)
        self.strip.back.connect(self.back)
        self.strip.forward.connect(self.forward)
        self.strip.chosen.connect(self.choose)
        self.strip.play.connect(self.let_play)
        self.strip.closed.connect(self.leave)
        self.strip.jumped.connect(self.jump)
        self.run.changed.connect(self._say)

    # which there are

    @property
    def shipped(self) -> list[Lesson]:
        """The lessons that come with the program, in their order."""
        if self._shipped is None:
            self._shipped = lessons_in(Path(str(resources().joinpath("lessons"))))
        return self._shipped[0]

    def own(self) -> tuple[list[Lesson], list[str]]:
        """The person's own lessons as they are on disk now, and why others were refused."""
        if self._folder is None:
            return [], []
        return lessons_in(self._folder / "lessons")

    def choose_lesson(self) -> None:
        """Opens the list of lessons as they are now: gone through, begun, refused."""
        shipped, (own, refused) = self.shipped, self.own()
        refused = [*(self._shipped or ([], []))[1], *refused]
        lines = [
            LessonRow(
                lesson.title, lesson.summary, self._state(lesson), partial(self.start, lesson)
            )
            for lesson in [*shipped, *own]
        ]
        folder = "" if self._folder is None else str(self._folder / "lessons")
        self.list.offer(lines, refused, folder)

    def _state(self, lesson: Lesson) -> str:
        scene = self.progress.scenes.get(lesson.name, 0)
        if 0 < scene < len(lesson.scenes):
            return f"at step {lesson.scenes[scene].step + 1} of {lesson.steps}"
        return "✓ done" if lesson.name in self.progress.done else ""

    # one that runs

    @property
    def lesson(self) -> Lesson | None:
        """The lesson that runs or waits; None where there is none."""
        return None if self._running is None else self._running.lesson

    @property
    def scene(self) -> Scene | None:
        """What is shown of it."""
        running = self._running
        return None if running is None else running.lesson.scenes[running.nth]

    @property
    def playing(self) -> bool:
        """Whether a lesson waits while the person plays."""
        return self._running is not None and self._running.playing

    def take_tour(self) -> None:
        """Begins the tour."""
        for lesson in self.shipped:
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
        """Begins a lesson, or goes on with it where the person left it."""
        self._window.welcome.finish()
        self._window.banners.drop("lesson")
        if self._running is None:
            self.run.lend()
        at = self.progress.scenes.get(lesson.name, 0)
        self._running = _Running(lesson, at if at < len(lesson.scenes) else 0)
        self._show(anew=True)

    def forward(self) -> None:
        """The next scene, the end after the last, or the lesson's own state after playing."""
        running = self._running
        if running is None:
            return
        if running.playing:
            running.playing = False
            self._show(anew=True)
        elif running.nth + 1 < len(running.lesson.scenes):
            running.nth += 1
            self._show()
        else:
            self._finish(running.lesson)

    def back(self) -> None:
        """The scene before."""
        running = self._running
        if running is not None and not running.playing and running.nth > 0:
            running.nth -= 1
            self._show(anew=True)

    def jump(self, step: int) -> None:
        """The first scene of a step."""
        running = self._running
        if running is not None:
            running.nth, running.playing = running.lesson.first_scene(step), False
            self._show(anew=True)

    def choose(self, nth: int) -> None:
        """Answers the question that is asked, and shows what is true."""
        running, scene = self._running, self.scene
        if running is None or scene is None or scene.question is None or scene.revealed:
            return
        if nth < len(scene.question.choices):
            running.chosen[scene.step] = nth
            self.forward()

    def let_play(self) -> None:
        """Lets the lesson wait."""
        running = self._running
        if running is None:
            return
        running.playing = True
        self.frames.point_at([])
        self._wipe()
        self.strip.show_waiting(running.lesson, running.nth)

    def leave(self) -> None:
        """Closes the lesson; the person's own run, settings and view come back."""
        if self._running is None:
            return
        self._running = None
        self.frames.point_at([])
        self._wipe()
        self.strip.hide()
        self.run.give_back()

    def _finish(self, lesson: Lesson) -> None:
        self._keep(self.progress.finished(lesson.name))
        self.leave()
        names = [other.name for other in self.shipped]
        follows = names.index(lesson.name) + 1 if lesson.name in names else len(names)
        choices = [
            (f"Next lesson: {other.title}", partial(self.start, other))
            for other in self.shipped[follows : follows + 1]
        ]
        sources = f" Sources: {'; '.join(lesson.sources)}" if lesson.sources else ""
        self._window.banners.say(
            "lesson", f"“{lesson.title}” is done; your own run is back.{sources}", choices=choices
        )

    # what is shown

    def _show(self, anew: bool = False) -> None:
        running, scene = self._running, self.scene
        if running is None or scene is None:
            return
        lesson = running.lesson
        self.run.show(scene, anew)
        last = running.nth + 1 == len(lesson.scenes)
        self.strip.show_scene(lesson, running.nth, running.chosen.get(scene.step), last)
        self._point(scene)
        self._sketch(scene)
        self._say()
        self._keep(self.progress.at(lesson.name, running.nth))

    def _point(self, scene: Scene) -> None:
        widgets: list[QWidget] = []
        for name in scene.point_at:
            widget = PARTS[name](self._window)
            if widget is None:
                continue
            for part in self._window.parts.values():
                if part is widget or part.isAncestorOf(widget):
                    part.show()
            if name.startswith("tab."):
                self._window.show_tab(name.removeprefix("tab."))
            if isinstance(widget, SettingRow):
                self._window.form.bring_out(widget)
            widgets.append(widget)
        if any(self._window.narrow.holds(widget) for widget in widgets):
            self._window.narrow.show_right()
        self.frames.point_at(widgets)

    def _sketch(self, scene: Scene) -> None:
        question = scene.question
        if question is None or question.kind != DRAW:
            self._wipe()
        elif scene.revealed:
            if self.sketch is not None:
                self.sketch.keep()
        else:
            plot = PARTS["adaptation.plot"](self._window)
            if self.sketch is None and isinstance(plot, Plot):
                self.sketch = Sketch(plot)
                self.sketch.changed.connect(self._say)
            if self.sketch is not None:
                self.sketch.begin()

    def _wipe(self) -> None:
        if self.sketch is not None:
            self.sketch.wipe()

    def _say(self) -> None:
        """What stands beside the dots: how far training is, what a drawing is worth."""
        running, scene = self._running, self.scene
        if running is None or scene is None or running.playing:
            return
        status, goal = self._window.session.status, self.run.goal
        if goal is not None:
            step = status.outer_step if status is not None else 0
            paused = status is not None and not self._window.session.link.running
            doing = "paused at" if paused and step else "training:"
            self.strip.say(f"{doing} outer step {whole(step)} of {whole(goal)}")
        elif scene.revealed and scene.question is not None and scene.question.kind == DRAW:
            self.strip.say(self._worth())
        else:
            self.strip.say("")

    def _worth(self) -> str:
        """The expected MSE of the drawing as one answer for all tasks, beside the least there is.

        E (f − y)² = E (f* − y)² + mean over x of (f − f*)², f* being the best single predictor.
        """
        session = self._window.session
        drawn = self.sketch.curve() if self.sketch is not None else None
        if drawn is None or session.task.probed is None or session.measured.references is None:
            return ""
        single = session.task.probed.best_single
        if single is None:
            return ""
        best = np.interp(drawn[0], session.task.probed.grid, single)
        least = session.measured.references.best_single
        mse = least + float(np.mean((drawn[1] - best) ** 2))
        return f"your drawing: expected MSE {number(mse)} · the least there is: {number(least)}"

    # how far a person is

    @property
    def progress(self) -> LessonProgress:
        """How far the person is; read when it is first asked for."""
        if self._progress is None:
            self._progress = LessonProgress()
            path = self._path
            try:
                self._progress = read_progress(path) if path is not None else LessonProgress()
            except StorageError as error:
                self._forget(path, error)
        return self._progress

    @property
    def _path(self) -> Path | None:
        return None if self._folder is None else self._folder / "lessons.json"

    def _forget(self, path: Path | None, error: StorageError) -> None:
        kept = "It begins anew."
        if path is not None:
            try:
                kept = f"It was kept as {set_aside(path).name}."
            except OSError:
                kept = "It will be written anew."
        words = f"How far you are in the lessons was not read: {error} {kept}"
        self._window.banners.say("lesson progress", words, "warning")

    def _keep(self, progress: LessonProgress) -> None:
        self._progress = progress
        if self._path is None:
            return
        try:
            write_progress(self._path, progress)
        except OSError:
            # a comfort: the lesson goes on without it
            return


def lessons_in(folder: Path) -> tuple[list[Lesson], list[str]]:
    """The lessons of a folder in the order of their file names, and a sentence for each refused."""
    found: list[Lesson] = []
    refused: list[str] = []
    try:
        paths = sorted(folder.glob("*.toml"))[:MOST_OWN]
    except OSError:
        return found, refused
    for path in paths:
        try:
            found.append(load_lesson(path))
        except (SettingsError, StorageError) as error:
            refused.append(str(error))
    return found, refused
