"""The row that says how far a sweep is, and trains or stops it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from maml_explorer.files.reader import StorageError
from maml_explorer.gui.panels.sweep.point_words import best_words
from maml_explorer.gui.panels.sweep.reader import SweepSeen
from maml_explorer.gui.panels.sweep.training import SECONDS_TO_BEGIN, stop_sweep, train_sweep
from maml_explorer.gui.session.time_left import duration
from maml_explorer.gui.widgets.controls import button
from maml_explorer.gui.widgets.elided_label import SEPARATOR, ElidedLabel
from maml_explorer.settings.words import counted
from maml_explorer.storage.report.sweep_table import TrialState

TRAIN = "Train what is left, on all cores; this goes on when the window is closed"
STOP = "Save all runs and stop; “Train sweep” goes on from there, bit for bit"


class ProgressRow(QWidget):
    """Progress of a sweep, in words, and the button that trains or stops it.

    Args:
        others: buttons at its right end.
    """

    asked = Signal()
    """Its training was started, or asked to stop."""

    def __init__(self, *others: QWidget) -> None:
        super().__init__()
        self._path: Path | None = None
        self._seen: SweepSeen | None = None
        self._began: float | None = None
        """Time, by the monotonic clock, at which its training was started here; None where it is
        not awaited."""
        self._stopping, self._command = False, ""
        self.words = ElidedLabel()
        keeps = self.words.sizePolicy()
        keeps.setRetainSizeWhenHidden(True)
        self.words.setSizePolicy(keeps)
        self.trains = button("Train sweep", self.train, TRAIN)
        self.stops = button("Stop sweep", self.stop, STOP)
        box = QHBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        box.addWidget(self.words, 1)
        for control in (self.trains, self.stops, *others):
            box.addWidget(control)
        self.trains.hide()
        self.stops.hide()

    def open(self, path: Path, command: str = "") -> None:
        """Is of another folder, which has not been read yet.

        Args:
            path: the folder.
            command: that trains it, where it was copied.
        """
        self._path, self._seen, self._command = path, None, command
        self._began, self._stopping = None, False
        self.say("Reading the sweep …")
        self._offer("")

    def take(self, seen: SweepSeen) -> None:
        """Says how far the sweep is, and offers to train or to stop it."""
        self._seen = seen
        began = self._began
        if began is not None and (
            time.monotonic() - began > SECONDS_TO_BEGIN
            or (seen.began_at > began and (seen.workers or seen.said or seen.ended))
        ):
            self._began = None
        self._stopping = self._stopping and seen.workers > 0
        self._show()

    def say(self, text: str) -> None:
        """Says something else, until the folder is read again."""
        self.words.say(text)

    def train(self) -> None:
        """Starts the training of what is left, in a process that outlives the window."""
        if self._taken(train_sweep):
            self._began = time.monotonic()
            self._show()
            self.asked.emit()

    def stop(self) -> None:
        """Asks whatever trains the sweep to save its runs and to end."""
        if self._taken(stop_sweep):
            self._stopping = True
            self._show()
            self.asked.emit()

    def _taken(self, ask: Callable[[Path], None]) -> bool:
        """True where the folder took what was asked; else the reason is said."""
        if self._path is None:
            return False
        try:
            ask(self._path)
        except (StorageError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else ""
            self.say(f"The folder cannot be written: {reason}." if reason else str(error))
            return False
        return True

    def _show(self) -> None:
        awaited = (
            "starting …" if self._began is not None else "stopping …" if self._stopping else ""
        )
        if self._seen is not None:
            words = words_of(self._seen, awaited)
            if self._seen.workers or self._seen.ended or awaited:
                self._command = ""  # it says how to train it
            elif self._command:
                copied = f"{words[1]}{SEPARATOR}command copied"
                words = (f"{words[0]}{SEPARATOR}copied: {self._command}", copied, "command copied")
            self.words.say(*words)
        self._offer(awaited)

    def _offer(self, awaited: str) -> None:
        seen = self._seen
        left = seen is not None and not seen.ended
        driven = seen is not None and seen.workers > 0
        self.trains.setVisible(left and not driven)
        self.stops.setVisible(left and driven)
        for control in (self.trains, self.stops):
            control.setEnabled(not awaited)


def words_of(seen: SweepSeen, awaited: str = "") -> tuple[str, ...]:
    """Such as "42 of 100 runs done · 3 diverged · 2 begun · 2 workers · 4 min left".

    The longest wording is the first.

    Args:
        seen: the folder as it was read.
        awaited: what was asked for and has not happened yet.
    """
    counts = seen.counts
    done = f"{counts['done']} of {counted(len(seen.trials), 'run')} done"
    parts = [done]
    if not seen.complete:
        parts = [f"{len(seen.rows)} of {counted(len(seen.trials), 'run')} read", *parts]
    parts += [f"{counts[key]} {key}" for key in ("diverged", "pruned", "failed") if counts[key]]
    if awaited:
        return (SEPARATOR.join([*parts, awaited]), f"{done}{SEPARATOR}{awaited}", awaited)
    if seen.ended:
        best = best_words(seen.rows, seen.axes, seen.sweep.spec)
        return (SEPARATOR.join([*parts, *best]), *best)
    if seen.workers:
        parts += [f"{counts['running']} begun", counted(seen.workers, "worker")]
        parts += [f"{duration(seen.seconds_left)} left"] if seen.seconds_left else []
        return (SEPARATOR.join(parts),)
    if seen.said and not seen.said.startswith("stopped"):
        return (SEPARATOR.join([*parts, "nothing trains it", seen.said]), seen.said)
    begun = any(row.state is not TrialState.QUEUED for row in seen.rows)
    state, hint = ("stopped", "goes on") if begun else ("not begun", "begins it")
    short = f"{done}{SEPARATOR}{state}"
    return (f"{SEPARATOR.join([*parts, state])}: “Train sweep” {hint}", short, state)
