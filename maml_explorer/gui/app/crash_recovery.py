"""Crash recovery: the running session is saved now and then, and offered again.

Every process has a folder of its own, `session-NAME`, in the user's data folder, and holds its
lock. It goes only when the user closes the window: however else the process ends, the session is
offered at the next start, and so is what was written down of a crash. Nothing is sent anywhere.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TextIO

from PySide6.QtCore import QEvent, QObject, QStandardPaths, QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication

from maml_explorer.files.lock import Held, hold
from maml_explorer.files.opening import open_file
from maml_explorer.files.reader import StorageError, read_text
from maml_explorer.gui.app.left_sessions import LeftSessions, in_words, remove_session
from maml_explorer.gui.app.unsaved_training import UnsavedTraining
from maml_explorer.gui.style.numbers import whole
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol.commands import OpenRun, SaveRun
from maml_explorer.protocol.reports import Exported, Phase, Refused, Status, Written
from maml_explorer.settings.words import counted

ANSWER = 600.0
"""Seconds after which a save that was not answered is given up."""
WORTH_ASKING = 3.0
"""Seconds of training, of all arms together, that are worth a question before closing."""
LEAVING = 60_000
"""Milliseconds after which the end of the desktop's session did not come."""
COMMIT = 3.0
"""Seconds that the end of the desktop's session waits for a save."""


def data_folder() -> Path:
    """Folder of the sessions."""
    kind = QStandardPaths.StandardLocation.AppDataLocation
    return Path(QStandardPaths.writableLocation(kind)) / "sessions"


class Recovery(QObject):
    """Saves the session of a window, asks before work is lost, offers what a crash left."""

    def __init__(
        self, window: MainWindow, folder: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(window)
        self._window, self._place, self._clock = window, folder, clock
        name = os.urandom(8).hex()
        self.folder = folder / f"session-{name}"
        self.report = folder / f"crash-{name}.txt"
        self._left = LeftSessions(folder)
        self._held: Held | None = None
        self._saved: tuple[int, int] | None = None
        """(run, outer step) that is on disk, in the session's folder or where the user chose."""
        self._unsaved_training = UnsavedTraining(window.session)
        self._asked: tuple[int, int] | None = None
        self._began: float | None = None
        """Time at which the save began that is not answered yet."""
        self._last, self._took = clock(), 0.0
        """Time at which the last save was answered, and the seconds it took."""
        self._may_close = False
        self._closes_with: int | None = None
        """The number of a run: once it is there, the window closes."""
        self._confirmed = False
        """True if the user closed the window: only then is the session removed."""
        self._leaving = False
        """True if something else ends the program, which asks nothing and keeps the session."""
        self._recovered: int | None = None
        """The number of the run that was recovered, until it is saved again."""
        self._untold = False
        """True if an error came when the window was no longer there to say it."""
        self._file: TextIO | None = None
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            self._held = hold(folder / f"session-{name}.lock")
            descriptor = open_file(self.report, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            self._file = os.fdopen(descriptor, "w", encoding="utf-8")
        window.session.link.exported.connect(self._exported)
        window.lessons.run.lending.connect(self._save_before_a_lesson)
        window.session.control.opened.connect(self._opened)
        window.session.link.status_changed.connect(self._close_after_a_lesson)
        window.session.link.status_changed.connect(self._count_on)
        window.session.link.refused.connect(self._refused)
        window.installEventFilter(self)
        self.timer = QTimer(self)
        self.timer.timeout.connect(self.look)
        self.timer.start(5_000)

    def catch_crashes(self) -> None:
        """Has the interpreter write down where it stood when it is killed by a fault of its own."""
        if self._file is not None:
            faulthandler.enable(self._file)

    # saving

    def look(self) -> None:
        """Saves session and layout where it is time and something is new."""
        self._window.remember()
        now = self._clock()
        if self._began is not None and now - self._began < ANSWER:
            return
        if self._window.lessons.run.lent:
            return
        if now - self._last >= self._window.files.autosave.pause(self._took) and self._unsaved():
            self.save()

    def _save_before_a_lesson(self) -> None:
        """A crash in a lesson must not cost the run that waits for its end."""
        if self._unsaved():
            self.save()

    def save(self) -> None:
        """Has the worker save the session."""
        self._began = self._clock()
        self._asked = self._now()
        view = self._window.files.sharing.written(*self._window.session.pins.drawn)
        command = SaveRun(str(self.folder), overwrite=True, autosave=True, view=view)
        self._window.session.link.post(command)

    def _exported(self, report: Exported) -> None:
        if report.what == Written.RUN:
            self._note_saved()
        elif report.what == Written.SESSION and self._began is not None:
            self._saved = self._asked
            self._last = self._clock()
            self._took, self._began = self._last - self._began, None
        saved = self._saved[0] if self._saved is not None else 0
        if self._recovered is not None and saved >= self._recovered:
            self._recovered = None
            self._left.saved_again()

    def _opened(self) -> None:
        """A run that comes from a folder is on disk there, unless that is one of a crash."""
        run, _ = self._now()
        if run != self._recovered:
            self._note_saved()

    def _note_saved(self) -> None:
        self._saved = self._now()
        self._unsaved_training.note_saved(*self._saved)

    def _now(self) -> tuple[int, int]:
        status = self._window.session.status
        return (status.first, status.outer_step) if status is not None else (0, 0)

    def _unsaved(self) -> bool:
        now = self._now()
        return now[1] > 0 and now != self._saved

    # closing

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Asks once, in the window, before training is lost."""
        if watched is not self._window or event.type() != QEvent.Type.Close:
            return False
        app = QGuiApplication.instance()
        if self._leaving or (isinstance(app, QGuiApplication) and app.isSavingSession()):
            return False
        if not self._may_close:
            if self._window.lessons.run.lent:
                event.ignore()
                self._window.lessons.leave()
                self._closes_with = self._window.lessons.run.number
                return True
            if self._unsaved_training.seconds(*self._now()) > WORTH_ASKING:
                event.ignore()
                self._ask(self._now()[1])
                return True
        self._confirmed = True
        return False

    def _close_after_a_lesson(self, status: Status) -> None:
        """A lesson is closed first, so that the question is about the user's own run."""
        if self._closes_with is not None and status.run >= self._closes_with:
            self._closes_with = None
            QTimer.singleShot(0, self._window, self._window.close)

    def _ask(self, steps: int) -> None:
        self._window.banners.say(
            "close",
            _not_saved(steps),
            "warning",
            (("Save run…", self._window.files.save_run), ("Close without saving", self.close)),
            first=True,
        )

    def _count_on(self, status: Status) -> None:
        """Has the question say how far the run is by now: it trains on meanwhile."""
        if self._window.welcome.untouched:  # the example comes with the program
            self._note_saved()
        asked = self._window.banners.of("close")
        if asked is not None and asked.text.full != _not_saved(status.outer_step):
            asked.text.say(_not_saved(status.outer_step))

    def close(self) -> None:
        """Closes the window without a question."""
        self._may_close = True
        self._window.close()

    def save_and_close(self) -> None:
        """Saves the session, so that the next start offers it, and closes the window."""
        self._leaving = True
        self._save_all()  # obeyed before the stop that follows
        self._window.close()

    def commit(self) -> None:
        """The desktop's session ends: saves, and waits a moment until that is on disk.

        The window stays open, since another program may still refuse the end.
        """
        self._leaving = True
        self._save_all()
        end = time.monotonic() + COMMIT
        while self._began is not None and time.monotonic() < end:
            self._window.session.link.pull()
            time.sleep(0.01)
        QTimer.singleShot(LEAVING, self, self._stay)

    def _stay(self) -> None:
        self._leaving = False

    def _save_all(self) -> None:
        lessons = self._window.lessons
        lent = lessons.run.lent
        lessons.leave()
        # the newest status may be older than the first steps, or of a lesson's run
        if self._unsaved() or self._window.session.link.running or lent:
            self.save()

    def save_what_is_new(self) -> None:
        """Saves again where the event loop ended and nobody had closed the window."""
        session = self._window.session
        open_still = not self._confirmed and session.link.worker.alive
        new = self._unsaved() or session.link.running
        if open_still and new and not self._window.lessons.run.lent:
            self.save()

    def end(self) -> None:
        """After the event loop: leaves what the next start shall offer.

        That is the session, unless the user has closed the window; and then too where training
        had failed, as the last save before that.
        """
        self.timer.stop()
        status = self._window.session.status
        keep = not self._confirmed or (status is not None and status.phase is Phase.FAILED)
        if self._confirmed:
            self._left.saved_again()
        self._left.close()
        if self._file is not None:
            faulthandler.disable()
            self._file.close()
            self._file = None
            with contextlib.suppress(OSError):
                if self.report.stat().st_size == 0:
                    self.report.unlink()
                elif (self._confirmed or self._leaving) and not self._untold:
                    _put_aside(self.report)  # the window said it, and went on
        if not keep:
            remove_session(self.folder)
        if self._held is not None:
            self._held.release()
            self._held = None

    # after a crash

    def note(self, error: BaseException) -> None:
        """Writes down an uncaught exception; the next start says it, unless this one goes on."""
        self._untold = self._untold or self._confirmed
        if self._file is not None:
            with contextlib.suppress(OSError, ValueError):
                self._file.write("".join(traceback.format_exception(error)))
                self._file.flush()

    def offer(self) -> None:
        """Offers what processes that are no more have left behind."""
        runs, reports = self._left.found()
        for path in reports:
            self._offer_report(path)
        for path in runs:
            self._window.banners.say(
                f"recover {path.name}",
                in_words(path),
                "warning",
                (
                    ("Recover", partial(self._recover, path)),
                    ("Discard", partial(self._left.discard, path)),
                ),
            )

    def _recover(self, path: Path) -> None:
        try:
            path = self._left.recover(path)
        except (OSError, StorageError) as error:
            words = error.strerror if isinstance(error, OSError) else error
            self._window.banners.say(
                "recover",
                f"The session could not be recovered; its folder was left as it is: {words}",
                "warning",
            )
            return
        if self._window.files.opening.open(path):
            self._recovered = self._window.session.link.expected_run

    def _refused(self, report: Refused) -> None:
        """Keeps what cannot be opened, for the next start."""
        if report.refused is OpenRun:
            self._recovered = None

    def _offer_report(self, path: Path) -> None:
        try:
            text = read_text(path)
        except StorageError:
            return
        with contextlib.suppress(OSError):
            path = _put_aside(path)
        if not text.strip():
            return
        folder = QUrl.fromLocalFile(str(path.parent))
        self._window.banners.say(
            "crash",
            f"The last session ended with an error, which was written to {path}.",
            "warning",
            (
                ("Copy report", lambda: QGuiApplication.clipboard().setText(text)),
                ("Open folder", lambda: QDesktopServices.openUrl(folder)),
            ),
        )


def _put_aside(report: Path) -> Path:
    """Renames a report that was told, in place of the one before; its path from then on."""
    return report.replace(report.with_name("last-crash.txt"))


def _not_saved(steps: int) -> str:
    return f"The run of {counted(steps, 'outer step', whole)} is not saved."
