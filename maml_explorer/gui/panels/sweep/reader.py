"""A sweep folder read in a thread of its own: what is done is read once.

What did not change is handed over as the same objects, so that the panel draws only what did.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from maml_explorer.files.reader import StorageError, read_json
from maml_explorer.gui.panels.sweep.training import last_words
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.storage.report.sweep_report import counts_of
from maml_explorer.storage.report.sweep_table import (
    SweepAxis,
    SweepCell,
    SweepRow,
    TrialState,
    cell_of,
)
from maml_explorer.storage.run.folder import METRICS
from maml_explorer.storage.run.metrics import Losses, read_losses
from maml_explorer.storage.sweep.axes import Point
from maml_explorer.storage.sweep.folder import LIVE, RUNS, SweepFolder, open_sweep
from maml_explorer.storage.sweep.trials import Trial

MOST_DRAWN = 6
"""Runs whose losses are read at a time."""
_STALE = 10.0
"""Seconds after which a driver that wrote nothing counts as gone."""
_BINS = 100
_AT_ONCE = 0.5
"""Seconds after which what was read is shown, and the rest is read the next time."""
_ALWAYS = 100
"""Runs beyond those that are known that are read in any case, so that a reading gets on."""


@dataclass(frozen=True)
class SweepSeen:
    """A sweep folder as it was read."""

    sweep: SweepFolder
    axes: tuple[SweepAxis, ...]
    rows: tuple[SweepRow, ...]
    """The same object as in the reading before where no row has changed; so are the cells."""
    cells: tuple[SweepCell, ...]
    counts: Mapping[str, int]
    """State → how many of the rows."""
    trials: Mapping[str, Trial]
    complete: bool = True
    """False while the first reading of many runs goes on."""
    workers: int = 0
    """Of the driver; 0 where none drives the sweep now."""
    seconds_left: float | None = None
    said: str = ""
    """Last words of a driver that a window started."""
    began_at: float = 0.0
    """Time, by the monotonic clock, at which this reading began."""
    losses: Mapping[str, Mapping[str, Losses]] = field(default_factory=dict)
    """Run → arm name → losses, of the runs that were asked for."""

    @property
    def ended(self) -> bool:
        """True where nothing is left to train."""
        left = (TrialState.QUEUED, TrialState.RUNNING)
        return self.complete and not any(self.counts[state.value] for state in left)


class SweepReader(QObject):
    """Reads a folder when asked, one reading at a time."""

    seen = Signal(object)
    """A `SweepSeen`."""
    failed = Signal(str)
    """The folder cannot be read; the sentence says why."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread: threading.Thread | None = None
        self._last: SweepSeen | None = None
        self._read_rows = _Rows()
        self._losses: dict[str, tuple[int, Mapping[str, Losses]]] = {}
        """Run → (bytes of its file, losses), of those that were drawn last."""

    @property
    def busy(self) -> bool:
        """True while a reading is under way."""
        return self._thread is not None and self._thread.is_alive()

    def ask(self, path: Path, drawn: tuple[str, ...] = ()) -> None:
        """Reads a folder, and the losses of some runs; nothing where a reading is under way."""
        if not self.busy:
            self._thread = threading.Thread(target=self._read, args=(path, drawn), daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Waits until the reading under way has ended."""
        if self._thread is not None:
            self._thread.join()

    def _read(self, path: Path, drawn: tuple[str, ...]) -> None:
        try:
            found: object = self._found(path, drawn)
        except (StorageError, SettingsError, OSError) as error:
            found = " ".join(str(error).split())
        try:
            (self.failed if isinstance(found, str) else self.seen).emit(found)
        except RuntimeError:  # the panel is gone
            return

    def _found(self, path: Path, drawn: tuple[str, ...]) -> SweepSeen:
        began_at, said = time.monotonic(), last_words(path)
        sweep, last = open_sweep(path), self._last
        if last is None or last.sweep.path != path or last.sweep.spec != sweep.spec:
            self._read_rows, self._losses, last = _Rows(), {}, None
        if last is None or sweep.spec.proposed is not None:  # there a round adds some
            self._read_rows.know({trial.name: trial for trial in sweep.trials()})
        known = self._read_rows
        known.read(sweep, time.monotonic() + _AT_ONCE)
        workers, left = _driver(path)
        self._losses = {
            name: self._losses_of(sweep, known.trials[name])
            for name in drawn
            if name in known.trials
        }
        self._last = SweepSeen(
            sweep, sweep.axes(), known.rows, known.cells, known.counts, known.trials,
            len(known.rows) == len(known.trials), workers, left, said, began_at,
            {name: losses for name, (_, losses) in self._losses.items()},
        )  # fmt: skip
        return self._last

    def _losses_of(self, sweep: SweepFolder, trial: Trial) -> tuple[int, Mapping[str, Losses]]:
        """The losses of a run; those of the reading before where its file is as long as then."""
        path, before = sweep.run(trial.name) / METRICS, self._losses.get(trial.name)
        try:
            size = path.stat().st_size
            if before is not None and before[0] == size:
                return before
            found = read_losses(path, trial.seed)
        except (StorageError, OSError):  # not begun yet, or just being written
            return 0, {}
        return size, {arm: thinned(losses) for arm, losses in found.items()}


class _Rows:
    """The rows of a sweep and its cells, of which a reading renews what has changed."""

    def __init__(self) -> None:
        self.trials: Mapping[str, Trial] = {}
        self.rows: tuple[SweepRow, ...] = ()
        self.cells: tuple[SweepCell, ...] = ()
        self.counts: Mapping[str, int] = counts_of(())
        self._row: dict[str, SweepRow] = {}
        self._names: dict[Point, list[str]] = {}
        """Point → its runs."""
        self._cell: dict[Point, SweepCell] = {}

    def know(self, trials: Mapping[str, Trial]) -> None:
        """Take the runs of the sweep; what was read of them stays."""
        if list(trials) == list(self.trials):
            return
        self.trials, self._names = trials, {}
        for name, trial in trials.items():
            self._names.setdefault(trial.point, []).append(name)

    def read(self, sweep: SweepFolder, until: float) -> None:
        """Read the runs that are not done; of those that were never read only some at a time.

        Args:
            sweep: the folder.
            until: time, by the monotonic clock, from which a first reading stops.
        """
        there, least = _names_in(sweep.path / RUNS), len(self._row) + _ALWAYS
        rows, changed = list[SweepRow](), dict[Point, None]()
        for nth, (name, trial) in enumerate(self.trials.items()):
            before = self._row.get(name)
            if before is not None and _stays(before, name in there):
                rows.append(before)
                continue
            if name not in there:
                row = SweepRow(name, trial.point, trial.seed, TrialState.QUEUED)
            elif before is None and nth >= least and time.monotonic() > until:
                continue
            else:
                (row,) = sweep.rows([trial])
            if row != before:
                self._row[name] = row
                changed[trial.point] = None
            rows.append(self._row[name])
            if nth % 50 == 49:
                time.sleep(0)  # the window comes first
        if changed or len(rows) != len(self.rows):
            self.rows, self.counts = tuple(rows), counts_of(rows)
            self._fold(changed)

    def _fold(self, changed: Mapping[Point, None]) -> None:
        other = False
        for point in changed:
            cell = cell_of([self._row[name] for name in self._names[point] if name in self._row])
            if cell != self._cell.get(point):
                self._cell[point], other = cell, True
        if other:
            self.cells = tuple(self._cell[at] for at in self._names if at in self._cell)


def _stays(row: SweepRow, there: bool) -> bool:
    """True for a row that need not be read again: it is done, or has not begun."""
    return row.state is TrialState.DONE or (row.state is TrialState.QUEUED and not there)


def _names_in(path: Path) -> set[str]:
    try:
        with os.scandir(path) as found:
            return {entry.name for entry in found}
    except FileNotFoundError:
        return set()


def thinned(losses: Losses) -> Losses:
    """A long curve by one or two hundred points, each the mean of as many outer steps."""
    count = len(losses.outer_step) // _BINS
    if count < 2:
        return losses
    whole = count * _BINS
    inner, outer = (v[:whole].reshape(-1, count).mean(1) for v in (losses.inner, losses.outer))
    return replace(losses, outer_step=losses.outer_step[count - 1 : whole : count],
                   inner=inner, outer=outer)  # fmt: skip


def _driver(path: Path) -> tuple[int, float | None]:
    """Workers of the driver and seconds left, as it last said; (0, None) where it is gone."""
    try:
        live = read_json(path / LIVE)
    except (StorageError, OSError):
        return 0, None
    at, workers, left = live.get("at"), live.get("workers"), live.get("seconds_left")
    if not isinstance(at, int | float) or not isinstance(workers, int):
        return 0, None
    if not abs(time.time() - at) < _STALE:
        return 0, None
    return max(0, workers), float(left) if isinstance(left, int | float) else None
