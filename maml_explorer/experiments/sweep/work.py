"""One trial of a sweep, from its folder to its result: begun, gone on with, or already there.

The run folder is the truth: settings are read from it, results are written to it, and the state of
a trial is what its files say. A second worker on the same trial is refused by the folder's lock.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maml_explorer.files.lock import InUseError
from maml_explorer.files.opening import is_file
from maml_explorer.files.writer import write_text
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.text import from_toml
from maml_explorer.storage.run.folder import SETTINGS, SUMMARY
from maml_explorer.storage.sweep.result import OBJECTIVE, open_data, rung_file, step_file
from maml_explorer.storage.sweep.spec import VALIDATION_TASKS

if TYPE_CHECKING:
    from maml_explorer.experiments.outcome import Outcome, Progress
    from maml_explorer.storage.run.folder import RunFolder

LOOK_SECONDS = 0.5
"""Seconds between two looks for a request to stop."""


class Ended(Enum):
    """Result of one attempt at a trial."""

    DONE = "done"
    PAUSED = "paused at a rung"
    STOPPED = "stopped"
    BUSY = "in use by another process"


class _AtRung(Exception):  # noqa: N818 - nothing went wrong
    """The rung is reached, out of the training loop: what is trained is saved by then."""


class _Stopped(Exception):  # noqa: N818 - nothing went wrong
    """A request to stop, out of the training loop: what is trained is saved by then."""


def train_trial(
    path: Path,
    inner_steps: int | None,
    asked_to_stop: Callable[[], bool] = lambda: False,
    until: int | None = None,
) -> Ended:
    """Train the run in a folder to its end, from its checkpoint where there is one.

    Args:
        path: the run folder, with its settings.
        inner_steps: after which the objective is measured; None measures none, and tests on the
            held-out tasks as a run outside a sweep does.
        asked_to_stop: looked at about twice a second; the run is then saved and can go on.
        until: outer step at which it pauses and its objective is measured; None goes to the end.

    Raises:
        StorageError: if a file is damaged; the same for SettingsError.
        OSError: if the disk fails.
    """
    from maml_explorer.experiments.continuing import begun_run
    from maml_explorer.experiments.training import train_headless
    from maml_explorer.files.reader import read_text

    if is_file(path / SUMMARY):
        return Ended.DONE
    if until is not None and is_file(rung_file(path, until)):
        return Ended.PAUSED
    settings = from_toml(read_text(path / SETTINGS))
    open_data(path.parent.parent, settings)
    seed = settings.run.seed
    newest = time.monotonic() - LOOK_SECONDS

    def look(progress: Progress) -> None:
        nonlocal newest
        if time.monotonic() - newest >= LOOK_SECONDS:
            newest = time.monotonic()
            _note_step(path, progress.done)
            if asked_to_stop():
                raise _Stopped
        if until is not None and progress.done >= until:
            raise _AtRung

    try:
        folder, checkpoint = begun_run(path, settings, (seed,), resume=True)
        with folder.owned():
            began = time.monotonic()
            outcome = train_headless(
                settings, (seed,), folder=folder, checkpoint=checkpoint, progress=look,
                meta_tested=inner_steps is None,
            )  # fmt: skip
            if inner_steps is not None:
                _write_objective(path, settings, outcome, folder, inner_steps, began)
            # last: a folder with a summary is done
            folder.write_summary(outcome.summary())
            step_file(path).unlink(missing_ok=True)
    except InUseError:
        return Ended.BUSY
    except _AtRung:
        assert inner_steps is not None and until is not None
        _write_rung(path, settings, inner_steps, until)
        return Ended.PAUSED
    except _Stopped:
        return Ended.STOPPED
    return Ended.DONE


def _write_objective(
    path: Path, settings: Settings, outcome: Outcome, folder: RunFolder, steps: int, began: float
) -> None:
    seed, name = settings.run.seed, settings.arms[0].name
    learned = outcome.learned.get(seed)
    if learned is None:  # trained to the end before, and ended while this was written
        from maml_explorer.experiments.continuing import learned_of

        learned = learned_of(outcome, folder, (seed,))[seed]
    found = objective(settings, name, learned[name], steps)
    found["diverged_in_training"] = outcome.results[seed][name].diverged
    found["seconds"] = round(time.monotonic() - began, 3)
    write_text(path / OBJECTIVE, json.dumps(found, indent=2, allow_nan=False) + "\n")


def _write_rung(path: Path, settings: Settings, inner_steps: int, until: int) -> None:
    """Measure a paused run by its checkpoint."""
    from maml_explorer.core.plan import prepare
    from maml_explorer.storage.run.checkpoint import load_checkpoint
    from maml_explorer.storage.run.folder import CHECKPOINT

    saved, name = load_checkpoint(path / CHECKPOINT, prepare(settings)), settings.arms[0].name
    found = objective(settings, name, saved.state.arms[name].initialization, inner_steps)
    found["diverged_in_training"] = saved.diverged.get(name, "")
    write_text(rung_file(path, until), json.dumps(found, indent=2, allow_nan=False) + "\n")


def _note_step(path: Path, step: int) -> None:
    # not brought to disk: it is for those who watch, and the checkpoint is the truth
    with contextlib.suppress(OSError):
        step_file(path).write_text(str(step), encoding="ascii")


def objective(settings: Settings, arm_name: str, learned: Any, inner_steps: int) -> dict[str, Any]:
    """The query error of an arm on validation tasks, never the held-out ones, as JSON values.

    Args:
        settings: of the run; its seed names the stream of validation tasks.
        arm_name: the arm.
        learned: θ with all that was learned beside it [parameter].
        inner_steps: after which the error is measured.
    """
    from maml_explorer.core.meta_test import meta_test, run_to_end
    from maml_explorer.core.plan import prepare
    from maml_explorer.experiments.training import threads_of

    plan = prepare(settings.with_values({"device": "cpu"}))
    with threads_of(plan):
        work = meta_test(plan, arm_name, learned, None, inner_steps, VALIDATION_TASKS, "validation")
        record, _ = run_to_end(work)
    mean = record.mean[inner_steps]
    return {
        "arm": arm_name,
        "inner_steps": inner_steps,
        "shots": settings.inner.shots,
        "tasks": VALIDATION_TASKS,
        "mean": mean,
        "median": record.median[inner_steps],
        "diverged": record.diverged[inner_steps],
    }
