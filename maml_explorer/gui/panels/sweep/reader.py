"""A sweep folder read in a thread of its own: what is done is read once."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from maml_explorer.files.reader import StorageError, read_json
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.storage.report.sweep_table import SweepAxis, SweepRow, TrialState
from maml_explorer.storage.run.folder import METRICS
from maml_explorer.storage.run.metrics import Losses, read_losses
from maml_explorer.storage.sweep.folder import LIVE, RUNS, SweepFolder, open_sweep
from maml_explorer.storage.sweep.trials import Trial

MOST_DRAWN = 6
"""Runs whose losses are read at a time."""
_STALE = 10.0
"""Seconds after which a driver that wrote nothing counts as gone."""
_BINS = 400
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
    trials: Mapping[str, Trial]
    complete: bool = True
    """False while the first reading of many runs goes on."""
    workers: int = 0
    """Of the driver; 0 where none drives the sweep now."""
    seconds_left: float | None = None
    losses: Mapping[str, Mapping[str, Losses]] = field(default_factory=dict)
    """Run → arm name → losses, of the runs that were asked for."""

    @property
    def ended(self) -> bool:
        """True where nothing is left to train."""
        left = (TrialState.QUEUED, TrialState.RUNNING)
        return self.complete and not any(row.state in left for row in self.rows)


class SweepReader(QObject):
    """Reads a folder when asked, one reading at a time."""

    seen = Signal(object)
    """A `SweepSeen`."""
    failed = Signal(str)
    """The folder cannot be read; the sentence says why."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread: threading.Thread | None = None
        self._done: dict[str, SweepRow] = {}
        self._last: SweepSeen | None = None

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
        sweep = open_sweep(path)
        last = self._last
        if last is None or last.sweep.path != path or last.sweep.spec != sweep.spec:
            self._done = {}
            last = None
        if last is None or sweep.spec.proposed is not None:  # there a round adds some
            trials = {trial.name: trial for trial in sweep.trials()}
        else:
            trials = dict(last.trials)
        rows = self._rows(sweep, trials, time.monotonic() + _AT_ONCE)
        workers, left = _driver(path)
        losses = {name: _losses(sweep, trials[name]) for name in drawn if name in trials}
        self._last = SweepSeen(
            sweep, sweep.axes(), tuple(rows), trials, len(rows) == len(trials), workers, left,
            losses,
        )  # fmt: skip
        return self._last

    def _rows(
        self, sweep: SweepFolder, trials: Mapping[str, Trial], until: float
    ) -> list[SweepRow]:
        """The rows of all runs; of those that are read for the first time only some."""
        try:
            there = {path.name for path in (sweep.path / RUNS).iterdir()}
        except FileNotFoundError:
            there = set()
        rows, least = [], len(self._done) + _ALWAYS
        for nth, (name, trial) in enumerate(trials.items()):
            row = self._done.get(name)
            if row is None and name not in there:
                row = SweepRow(name, trial.point, trial.seed, TrialState.QUEUED)
            elif row is None and nth >= least and time.monotonic() > until:
                continue
            elif row is None:
                (row,) = sweep.rows([trial])
                if row.state is TrialState.DONE:
                    self._done[name] = row
            rows.append(row)
            if nth % 50 == 49:
                time.sleep(0)  # the window comes first
        return rows


def thinned(losses: Losses) -> Losses:
    """At most some hundreds of points of a long curve, each the mean of its neighbours."""
    count = len(losses.outer_step) // _BINS
    if count < 2:
        return losses
    whole = count * _BINS
    inner, outer = (v[:whole].reshape(-1, count).mean(1) for v in (losses.inner, losses.outer))
    return replace(losses, outer_step=losses.outer_step[count - 1 : whole : count],
                   inner=inner, outer=outer)  # fmt: skip


def _losses(sweep: SweepFolder, trial: Trial) -> Mapping[str, Losses]:
    try:
        found = read_losses(sweep.run(trial.name) / METRICS, trial.seed)
    except (StorageError, OSError):  # not begun yet, or just being written
        return {}
    return {arm: thinned(losses) for arm, losses in found.items()}


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
