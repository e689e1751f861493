"""Seeds of ordinary runs, trained apart on an engine and joined to the run that they are.

A joined run folder is, byte for byte, the one that a single process writes, except for durations.
The parts lie in a folder of their own, each an ordinary run of one seed, and go when all are
joined.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maml_explorer.core.families.own.data import opened_images
from maml_explorer.core.plan import prepare
from maml_explorer.experiments.continuing import checkpoint_of
from maml_explorer.experiments.outcome import Outcome
from maml_explorer.experiments.sweep.driver import SweepProgress, drive
from maml_explorer.experiments.sweep.engine import Engine
from maml_explorer.experiments.training import threads_of
from maml_explorer.files.lock import Held, hold
from maml_explorer.files.opening import is_file
from maml_explorer.files.reader import StorageError, read_json
from maml_explorer.files.writer import new_folder, write_text
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.initialization.folder import load_initialization
from maml_explorer.storage.own_images.file import IMAGES, write_images
from maml_explorer.storage.report.sweep_table import TrialState
from maml_explorer.storage.run.checkpoint import ArmResult, save_checkpoint
from maml_explorer.storage.run.folder import (
    CHECKPOINT,
    COLUMNS,
    LOCK,
    SUMMARY,
    RunFolder,
    create_run,
    is_run_folder,
    open_run,
)
from maml_explorer.storage.sweep.result import FAILURE, refuse_other_processes
from maml_explorer.storage.sweep.trials import Trial, trial_name, trials_of

PARTS = ".seeds"
"""Folder of the parts, inside the folder that is written."""
SEEDS = "seeds.json"
STOP = "stop"


@dataclass(frozen=True)
class ApartRun:
    """A run of several seeds that is trained in parts, one for each seed."""

    path: Path
    """Its run folder."""
    settings: Settings
    """With the first seed."""


@dataclass(frozen=True)
class SeedParts:
    """The parts of some runs, as a driver needs them."""

    home: Path
    runs: tuple[ApartRun, ...]
    seeds: tuple[int, ...]
    rungs: tuple[int, ...] = ()
    proposed_runs: int = 0
    halving: int = 0
    higher: bool = False
    """Seeds are not compared with each other: all are trained to the end."""

    @property
    def stop(self) -> Path:
        """The file that asks the workers to save and stop."""
        return self.home / STOP

    def trials(self) -> list[Trial]:
        """One for each run and seed, the seeds of a run side by side."""
        return [one for run in self.runs for one in trials_of(run.settings, [()], self.seeds)]

    def settings_of(self, run: ApartRun) -> list[Settings]:
        """The settings of a run with each of the seeds."""
        return [run.settings.with_values({"seed": seed}) for seed in self.seeds]

    def run(self, name: str) -> Path:
        """The folder of a part."""
        return self.home / "runs" / name

    def state(self, name: str) -> TrialState:
        """The state of a part, by its files; one that failed is tried again."""
        done = is_file(self.run(name) / SUMMARY)
        return TrialState.DONE if done else TrialState.QUEUED

    def held(self) -> Held:
        """The right to train the parts: one driver at a time."""
        return hold(self.home / LOCK)

    def decide(self, what: str, **details: Any) -> None:
        """Nothing is noted: the parts go when they are joined."""

    def write_live(self, live: Mapping[str, Any]) -> None:
        """Nobody watches the parts from outside."""


def is_apart(path: Path) -> bool:
    """True if runs in a folder were begun in parts that are not joined yet."""
    return is_file(path / PARTS / SEEDS)


def seeds_apart(path: Path) -> tuple[int, ...]:
    """The seeds of the parts in a folder.

    Raises:
        StorageError: if the file that names them is damaged.
    """
    found = read_json(path / PARTS / SEEDS).get("seeds")
    if not isinstance(found, list) or not found or not all(type(seed) is int for seed in found):
        raise StorageError(f"{path / PARTS / SEEDS} names no seeds.")
    return tuple(found)


def begin_apart(
    folder: Path,
    runs: Sequence[ApartRun],
    seeds: Sequence[int],
    *,
    resume: bool,
    tasks_named: bool = False,
) -> SeedParts:
    """The parts of all runs that are not trained yet, begun or gone on with.

    Args:
        folder: in which the parts are kept while they train.
        runs: in order.
        seeds: of every run, in order.
        resume: whether parts of the same runs and seeds may be there.
        tasks_named: whether own tasks were named, so that every process imports them.

    Raises:
        StorageError: if something else is there, or other seeds were begun.
        SettingsError: if the tasks are an object of this process alone.
        OSError: if nothing can be written.
    """
    refuse_other_processes(runs[0].settings, tasks_named=tasks_named)
    home = folder / PARTS
    left = tuple(run for run in runs if not (resume and is_file(run.path / CHECKPOINT)))
    parts = SeedParts(home, left, tuple(seeds))
    if is_apart(folder):
        if not resume:
            raise StorageError(
                f"{folder} holds a run already: continue it with --resume, or choose another "
                "folder."
            )
        if seeds_apart(folder) != tuple(seeds):
            raise StorageError(
                f"{folder} holds a run of other seeds: --resume needs the arguments that it began "
                "with."
            )
    for run in left:
        if resume and is_run_folder(run.path):
            if open_run(run.path)[1] != run.settings:
                raise StorageError(
                    f"{run.path} holds a run of other settings, arms or seeds: --resume needs the "
                    "arguments that it began with."
                )
        else:
            create_run(run.path, run.settings)
    if left and not is_apart(folder):
        with new_folder(home) as begun:
            write_text(begun / SEEDS, json.dumps({"seeds": list(seeds)}) + "\n")
            if runs[0].settings.family.own_data:
                write_images(begun / IMAGES, opened_images(runs[0].settings.images.data))
    return parts


def train_apart(
    parts: SeedParts, engine: Engine, progress: Callable[[SweepProgress], None] | None = None
) -> None:
    """Train all parts on an engine and join them, so that every run goes on as one that is done.

    Args:
        parts: what is left to train.
        engine: where; it measures no objective.
        progress: called about once a second.

    Raises:
        InUseError: if another process trains or writes there.
        StorageError: naming a part that failed, and why.
        OSError: if the disk fails.
    """
    if parts.runs:
        (parts.home / "runs").mkdir(exist_ok=True)
        ended = drive(parts, engine, retry_failed=True, progress=progress)
        if ended.failed:
            raise StorageError(_failure(parts))
        for run in parts.runs:
            _join(parts, run)
    shutil.rmtree(parts.home, ignore_errors=True)


def whole_outcome(outcome: Outcome, folder: RunFolder, rate: float | None) -> Outcome:
    """The outcome of a joined run with the initializations that its parts exported.

    Raises:
        StorageError: if one of them was changed or removed since.
    """
    several = len(outcome.results) > 1
    found = {
        seed: {
            name: load_initialization(
                folder.initialization_folder(outcome.settings, name, seed if several else None),
                as_exported=True,
            )
            for name in arms
        }
        for seed, arms in outcome.results.items()
    }
    return dataclasses.replace(outcome, initializations=found, steps_per_second=rate)


def _join(parts: SeedParts, run: ApartRun) -> None:
    """Write the run folder of all seeds; the checkpoint comes last, and makes it a run."""
    several = parts.settings_of(run)
    folder, _ = open_run(run.path)
    with folder.owned():
        folder.clear_rows()
        results: dict[int, Mapping[str, ArmResult]] = {}
        last = checkpoint_of(RunFolder(parts.run(trial_name(several[-1]))), several[-1])
        for settings in several:
            place = parts.run(trial_name(settings))
            part = RunFolder(place)
            results.update(checkpoint_of(part, settings).results)
            for name, columns in COLUMNS.items():
                head = len(",".join(columns)) + 1
                folder.append_text(name, (place / name).read_bytes()[head:])
            seed = settings.run.seed if len(several) > 1 else None
            for arm in settings.arms:
                source = part.initialization_folder(settings, arm.name, None)
                target = folder.initialization_folder(settings, arm.name, seed)
                shutil.rmtree(target, ignore_errors=True)
                target.parent.mkdir(exist_ok=True)
                with new_folder(target) as begun:
                    for file in source.iterdir():
                        shutil.copyfile(file, begun / file.name)
        whole = dataclasses.replace(
            last, seeds=parts.seeds, results=results, file_sizes=folder.file_sizes()
        )
        with threads_of(prepare(several[-1])):
            save_checkpoint(folder.path / CHECKPOINT, whole)


def _failure(parts: SeedParts) -> str:
    for trial in parts.trials():
        path = parts.run(trial.name) / FAILURE
        if is_file(path):
            reason = str(read_json(path).get("reason", ""))
            return f"Seed {trial.seed} failed: {reason}"
    return "A seed failed."
