"""End of a lesson: its last page, the way back of the user's run, and a moment of rest."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from maml_explorer.gui.lessons.borrowed_run import LessonRun
from maml_explorer.gui.lessons.lesson import Lesson
from maml_explorer.gui.lessons.shelf import LessonShelf
from maml_explorer.gui.lessons.strip import LessonStrip
from maml_explorer.gui.session.worker_link import WorkerLink

COMING_BACK = "Your own run is coming back… The panels do not show it yet."
_REST = 3000
"""Milliseconds in which a key of a remote control that was pressed once too often does nothing."""


class AfterLesson(QObject):
    """Says in the strip how a lesson went, and where the user's run is."""

    def __init__(
        self, strip: LessonStrip, run: LessonRun, shelf: LessonShelf, link: WorkerLink
    ) -> None:
        super().__init__(strip)
        self._strip, self._run, self._shelf = strip, run, shelf
        self.ended: Lesson | None = None
        """The lesson whose last page is shown."""
        self._result = ""
        """The first words of that page."""
        self._closed: Lesson | None = None
        """The lesson that was closed while the user's run has not come back."""
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST)
        link.status_changed.connect(lambda _: self._say())
        link.refused.connect(lambda _: self._say())

    @property
    def rests(self) -> bool:
        """True for a moment after a lesson was closed, and until the user's run is back."""
        return self._closed is not None or self._rest.isActive()

    @property
    def follows(self) -> Lesson | None:
        """The lesson after the one whose last page is shown."""
        return None if self.ended is None else self._shelf.after(self.ended)

    def begin(self) -> None:
        """Ends with the beginning of another lesson."""
        self.ended = self._closed = None
        self._rest.stop()

    def end(self, lesson: Lesson, result: str) -> None:
        """Shows the page after the last one of a lesson whose run was given back."""
        self.ended, self._result = lesson, result
        self._say()

    def close(self, lesson: Lesson | None) -> None:
        """Takes the strip away, once the user's run is back or where they close that too."""
        waits = self._run.awaited and self._closed is None
        self.ended, self._closed = None, lesson if waits else None
        if lesson is not None:
            self._rest.start()
        if self._closed is None:
            self._strip.hide()
        self._say()

    def _say(self) -> None:
        if self._closed is not None:
            self._say_closed(self._closed)
        elif self.ended is not None:
            self._say_end(self.ended)

    def _say_closed(self, lesson: Lesson) -> None:
        if self._run.awaited:
            self._strip.show_return(lesson, COMING_BACK)
        else:
            self._closed = None
            self._strip.hide()

    def _say_end(self, lesson: Lesson) -> None:
        said, follows = self._result, self.follows
        if self._run.awaited:
            said = f"{said} {COMING_BACK}"
        elif self._run.back:
            said = f"{said} Your own run is back."
        if follows is not None:
            stop = "" if follows.title.endswith("?") else "."
            said = f"{said} Next: {follows.title}{stop}"
        if lesson.sources:
            said = f"{said}\nSources: {'; '.join(lesson.sources)}."
        if said != self._strip.words:
            self._strip.show_end(lesson, said, "" if follows is None else follows.title)
