"""A sweep folder: its description, its runs, and the tables derived from them.

The folder is the truth, not the engine: what is queued, interrupted, done or failed is read from
the files of each run. Everything derived can be made again at will.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from maml_explorer.core.families.own.data import opened_images
from maml_explorer.files.lock import Held, hold
from maml_explorer.files.opening import is_file
from maml_explorer.files.reader import StorageError, read_bytes, read_json
from maml_explorer.files.writer import append_bytes, write_passing, write_text
from maml_explorer.settings.words import counted
from maml_explorer.storage.own_images.file import IMAGES, write_images
from maml_explorer.storage.report.sweep_table import (
    SweepAxis,
    SweepRow,
    TrialState,
    higher_is_better,
    runs_csv,
)
from maml_explorer.storage.run.folder import CHECKPOINT, SUMMARY
from maml_explorer.storage.sweep.result import (
    FAILURE,
    PRUNED,
    open_data,
    read_objective,
    refuse_other_processes,
    step_of,
)
from maml_explorer.storage.sweep.rounds import MAX_DECISIONS, Round, read_rounds
from maml_explorer.storage.sweep.spec import BASE, SPEC, SweepSpec, read_spec
from maml_explorer.storage.sweep.trials import Trial

RUNS, DECISIONS, LIVE, LOCK, STOP = "runs", "decisions.jsonl", "live.json", ".lock", "stop"
LOG = "driver.log"
"""File of what a driver says that a window started."""
TABLE, REPORT = "runs.csv", "report.html"


@dataclass(frozen=True)
class SweepFolder:
    """A sweep on disk. Construct it with :func:`create_sweep` or :func:`open_sweep`."""

    path: Path
    spec: SweepSpec

    @property
    def stop(self) -> Path:
        """The file that asks the driver and its workers to save and stop; anybody may make it."""
        return self.path / STOP

    @property
    def rungs(self) -> tuple[int, ...]:
        """Outer steps at which halving compares the cells; empty without it."""
        return self.spec.rungs

    @property
    def halving(self) -> int:
        """Factor by which the cells become fewer at each rung; 0 without halving."""
        return self.spec.halving

    @property
    def higher(self) -> bool:
        """True where a higher objective is better."""
        return higher_is_better(self.spec.objective)

    def trials(self) -> list[Trial]:
        """The runs of the sweep; of a search that proposes points, those of all rounds so far."""
        return self.spec.trials([point for one in self.rounds() for point in one.points])

    def rounds(self) -> list[Round]:
        """The rounds so far of a search that proposes points; none of another search.

        Raises:
            StorageError: where they cannot be read.
        """
        if self.spec.proposed is None:
            return []
        return read_rounds(self.path / DECISIONS, self.spec.axes)

    @property
    def proposed_runs(self) -> int:
        """Runs at the end of a search that will propose more points; 0 where all are known."""
        if self.spec.proposed is None:
            return 0
        asked = sum(len(one.points) for one in self.rounds())
        return self.spec.most_runs if asked < self.spec.proposed[0] else 0

    def run(self, name: str) -> Path:
        """The run folder of a trial."""
        return self.path / RUNS / name

    def held(self) -> Held:
        """The right to drive the sweep: one driver at a time.

        Raises:
            InUseError: another process drives it, which is named.
        """
        return hold(self.path / LOCK)

    def state(self, name: str) -> TrialState:
        """The state of a trial, by its files."""
        place = self.run(name)
        if is_file(place / SUMMARY):
            return TrialState.DONE
        if is_file(place / FAILURE):
            return TrialState.FAILED
        if is_file(place / PRUNED):
            return TrialState.PRUNED
        return TrialState.RUNNING if is_file(place / CHECKPOINT) else TrialState.QUEUED

    def rows(self, trials: Iterable[Trial] | None = None) -> list[SweepRow]:
        """One row a trial, read from its files; those of the sweep unless given.

        A result that cannot be read makes that run a failed one, and no other.
        """
        return [self._row(trial) for trial in (self.trials() if trials is None else trials)]

    def axes(self) -> tuple[SweepAxis, ...]:
        """The axes as reports name them."""
        return tuple(SweepAxis(a.key, a.label, _spread(a.values) or a.log) for a in self.spec.axes)

    def decide(self, what: str, **details: Any) -> None:
        """Append one decision of the driver, and bring it to disk."""
        entry = {"at": time.strftime("%Y-%m-%dT%H:%M:%S"), "what": what, **details}
        path = self.path / DECISIONS
        # one that was cut, as by a power cut, keeps its line to itself
        cut = is_file(path) and not read_bytes(path, MAX_DECISIONS).endswith(b"\n")
        line = ("\n" if cut else "") + json.dumps(entry, allow_nan=False) + "\n"
        append_bytes(path, line.encode())

    def write_live(self, live: Mapping[str, Any]) -> None:
        """Write what a window shows of a running sweep: counts, workers, time left."""
        write_passing(self.path / LIVE, json.dumps(live, allow_nan=False) + "\n")

    def write_table(self, rows: Sequence[SweepRow]) -> None:
        """Rewrite runs.csv."""
        write_text(self.path / TABLE, runs_csv(self.axes(), rows))

    def _row(self, trial: Trial) -> SweepRow:
        place, state = self.run(trial.name), self.state(trial.name)
        row = SweepRow(trial.name, trial.point, trial.seed, state)
        try:
            if state is TrialState.FAILED:
                reason = str(read_json(place / FAILURE).get("reason", ""))
                return SweepRow(trial.name, trial.point, trial.seed, state, reason=reason)
            if state is not TrialState.DONE:
                return replace(row, outer_step=step_of(place))
            found = read_objective(place)
        except StorageError as error:
            failed = TrialState.FAILED
            return SweepRow(trial.name, trial.point, trial.seed, failed, reason=str(error))
        reason, diverged = found["diverged_in_training"], found["diverged"]
        bad = bool(reason) or diverged > 0 or found["mean"] is None
        if diverged and not reason:
            tasks = counted(int(found.get("tasks", diverged)), "validation task")
            reason = f"{found.get('arm', 'It')} diverged on {diverged} of {tasks}."
        return SweepRow(
            trial.name,
            trial.point,
            trial.seed,
            state,
            None if bad else found["mean"],
            bad,
            self.spec.base.outer.outer_steps,
            found["seconds"],
            reason,
        )


def create_sweep(path: Path, spec: SweepSpec, *, tasks_named: bool = False) -> SweepFolder:
    """A new sweep folder.

    Args:
        path: the folder.
        spec: what is trained.
        tasks_named: whether own tasks were named, so that every process imports them.

    Raises:
        StorageError: where something is there already.
        SettingsError: where the tasks are an object of this process alone.
        OSError: where nothing can be written.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        hint = ": go on with --resume" if is_sweep(path) else ""
        raise StorageError(f"{path} is not empty{hint}, or choose another folder.")
    refuse_other_processes(spec.base, tasks_named=tasks_named)
    (path / RUNS).mkdir(parents=True, exist_ok=True)
    if spec.base.family.own_data:  # other processes train too, and a sweep may go on later
        write_images(path / IMAGES, opened_images(spec.base.images.data))
    files = spec.files()
    for name in (BASE, SPEC):  # the description last: with it the folder is a sweep
        write_text(path / name, files[name])
    return SweepFolder(path, spec)


def open_sweep(path: Path) -> SweepFolder:
    """The sweep in a folder.

    Raises:
        StorageError: where there is none, or a file of it is damaged.
        SettingsError: where a value in it is not allowed.
    """
    if not is_sweep(path):
        raise StorageError(f"{path} is no sweep folder: it has no {SPEC}.")
    spec = read_spec(path)
    open_data(path, spec.base)
    return SweepFolder(path, spec)


def extended(sweep: SweepFolder, spec: SweepSpec) -> SweepFolder:
    """The sweep with more seeds, more points or wider axes; what is trained stays.

    Raises:
        OSError: where nothing can be written.
    """
    for name, text in spec.files().items():
        write_text(sweep.path / name, text)
    return SweepFolder(sweep.path, spec)


def is_sweep(path: Path) -> bool:
    """True where a folder holds a sweep."""
    return is_file(path / SPEC)


def _spread(values: Sequence[object]) -> bool:
    """True where numbers are spread by ratios rather than by distances."""
    numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    return len(numbers) > 1 and min(numbers) > 0 and max(numbers) / min(numbers) >= 20
