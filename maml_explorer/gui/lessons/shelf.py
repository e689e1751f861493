"""The lessons there are, shipped and own, and the progress that is kept of them."""

from __future__ import annotations

from pathlib import Path

from maml_explorer.files.reader import StorageError
from maml_explorer.files.resources import resources
from maml_explorer.files.set_aside import set_aside
from maml_explorer.gui.lessons.lesson import Lesson
from maml_explorer.gui.lessons.lesson_file import load_lesson
from maml_explorer.gui.lessons.progress import LessonProgress, read_progress, write_progress
from maml_explorer.gui.widgets.banner import Banners
from maml_explorer.settings.declaration import SettingsError

MOST_OWN = 50


class LessonShelf:
    """Lessons and progress. `folder` holds progress and own lessons; None keeps nothing."""

    def __init__(self, folder: Path | None, banners: Banners) -> None:
        self._folder, self._banners = folder, banners
        self._shipped: tuple[list[Lesson], list[str]] | None = None
        self._progress: LessonProgress | None = None

    @property
    def shipped(self) -> list[Lesson]:
        """The lessons that come with the program, in their order."""
        return self._read_shipped()[0]

    def own(self) -> tuple[list[Lesson], list[str]]:
        """The user's own lessons as they are on disk now, and why others were refused."""
        return ([], []) if self._folder is None else lessons_in(self._folder / "lessons")

    def all(self) -> tuple[list[Lesson], list[str]]:
        """Shipped and own lessons, and a sentence for each refused file."""
        shipped, refused = self._read_shipped()
        own, refused_own = self.own()
        return [*shipped, *own], [*refused, *refused_own]

    @property
    def own_folder(self) -> str:
        """The folder of own lessons; empty where none are kept."""
        return "" if self._folder is None else str(self._folder / "lessons")

    def after(self, lesson: Lesson) -> Lesson | None:
        """The shipped lesson that follows; None after the last one or an own one."""
        names = [other.name for other in self.shipped]
        follows = names.index(lesson.name) + 1 if lesson.name in names else len(names)
        return self.shipped[follows] if follows < len(names) else None

    def state(self, lesson: Lesson) -> str:
        """The mark of a lesson in the list: "✓ 4 of 5 right", "on page 3 of 8", or nothing."""
        scene = self.progress.scenes.get(lesson.name, 0)
        if 0 < scene < len(lesson.scenes):
            return f"on page {lesson.scenes[scene].step + 1} of {lesson.steps}"
        if lesson.name not in self.progress.done:
            return ""
        if lesson.name in self.progress.scores:
            right, asked = self.progress.scores[lesson.name]
            return f"✓ {right} of {asked} right"
        return "✓ seen" if lesson.questions else "✓ done"

    @property
    def progress(self) -> LessonProgress:
        """Progress of the user; read when first needed."""
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
        kept = "It starts from the beginning again."
        if path is not None:
            try:
                kept = f"It was kept as {set_aside(path).name}."
            except OSError:
                kept = "It will be written again."
        words = f"Your progress in the lessons could not be read: {error} {kept}"
        self._banners.say("lesson progress", words, "warning")

    def keep(self, progress: LessonProgress) -> None:
        """Remembers the progress, on disk where there is a folder."""
        self._progress = progress
        if self._path is None:
            return
        try:
            write_progress(self._path, progress)
        except OSError:
            # a comfort: the lesson continues without it
            return

    def _read_shipped(self) -> tuple[list[Lesson], list[str]]:
        if self._shipped is None:
            self._shipped = lessons_in(resources().joinpath("lessons"))
        return self._shipped


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
