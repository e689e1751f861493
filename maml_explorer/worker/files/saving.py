"""Saving in the worker: an arm's initialization, the run. Refused in words, never half done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from maml_explorer.core.last_good import LastGood
from maml_explorer.core.plan import Plan, kernels_of, prepare
from maml_explorer.core.replay.interruption import Interrupted, Look
from maml_explorer.core.training import RunState
from maml_explorer.files.reader import StorageError
from maml_explorer.files.writer import write_text
from maml_explorer.protocol import commands, reports
from maml_explorer.protocol.insight_series import Figures
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.storage.initialization.folder import Initialization, save_initialization
from maml_explorer.storage.run import folder as files
from maml_explorer.storage.run.changes import Row, read_changes
from maml_explorer.storage.run.checkpoint import (
    Checkpoint,
    kernels_before,
    load_checkpoint,
    save_checkpoint,
)
from maml_explorer.storage.run.folder import open_run, whole_run
from maml_explorer.storage.run.gaps import read_gaps, write_gaps
from maml_explorer.storage.run.history import history_of
from maml_explorer.storage.run.insight import (
    insight_entry,
    read_entries,
    read_figures,
    same_view,
    write_insight,
)
from maml_explorer.storage.run.metrics import Losses, read_losses
from maml_explorer.storage.run.records import arm_records
from maml_explorer.worker.files.metrics_file import History
from maml_explorer.worker.files.other_run import write_pin
from maml_explorer.worker.run import Run


def export_initialization(run: Run, command: commands.ExportInitialization, look: Look) -> str:
    """Write the arm's newest state; return the folder.

    Raises:
        SettingsError: where it cannot be written; nothing was changed.
    """
    run.settings.arm(command.arm)  # refuses an unknown name in words
    folder = Path(command.folder)
    with _refused(folder):
        initialization = initialization_of(run.plan, run.state, command.arm, run.changes, look)
        save_initialization(folder, initialization, overwrite=command.overwrite)
    return str(folder)


def save_run(run: Run, command: commands.SaveRun, look: Look) -> str:
    """Write the run as a folder that `train --resume` can continue; return the folder.

    Its metrics file has every outer step; the two losses that cost extra passes stay empty.

    Raises:
        SettingsError: where it cannot be written.
    """
    plan, state = run.plan, run.state
    path = Path(command.folder)
    with _refused(path), whole_run(path, run.settings, overwrite=command.overwrite) as folder:
        folder.append(files.CHANGES, run.changes)
        write_insight(folder.path, _found(run), run.figures.rows())
        write_gaps(folder.path, run.history.gaps)
        if command.view:
            write_text(folder.path / files.VIEW, command.view)
        for block in run.history.blocks(run.number):
            folder.append(files.METRICS, _rows(block, run.settings.run.seed))
        for name in () if command.autosave else state.arms:
            place = folder.initialization_folder(run.settings, name, None)
            found = initialization_of(plan, state, name, run.changes, look)
            save_initialization(place, found)
        frozen = {name: "it diverged." for name, arm in state.arms.items() if arm.frozen}
        save_checkpoint(
            folder.path / files.CHECKPOINT,
            Checkpoint(
                run.settings,
                state,
                (run.settings.run.seed,),
                diverged={name: f"{name} was frozen: {why}" for name, why in frozen.items()},
                file_sizes=folder.file_sizes(),
                kernels=kernels_of(run.plan),
            ),
        )
    return str(path)


def pin_run(run: Run, command: commands.PinRun) -> None:
    """Write what can be shown of the run later.

    Raises:
        SettingsError: where it cannot be written.
    """
    path = Path(command.folder)
    with _refused(path):
        write_pin(path, run.settings, run.state)


def opened_run(path: Path) -> Run:
    """The run that was saved in a folder.

    Raises:
        SettingsError: where the folder is no run, is damaged, or was trained on another device.
    """
    try:
        folder, settings = open_run(path)
        settings.refuse_unshown()
        checkpoint = load_checkpoint(folder.path / files.CHECKPOINT, prepare(settings))
        settings = checkpoint.settings
        plan, state = prepare(settings), checkpoint.state
        changes = list(read_changes(folder.path / files.CHANGES))
        losses = read_losses(folder.path / files.METRICS, settings.run.seed)
        gaps = read_gaps(path)
        figures, saved = Figures(read_figures(path)), tuple(read_entries(path))
    except StorageError as error:
        raise SettingsError(str(error)) from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    history = History()
    history.gaps = gaps
    block = _block(plan, state, losses)
    if block is not None:
        with suppress(OSError):  # where it fits nowhere, it is a gap from now on
            history.add(block)
    return Run(
        settings,
        plan,
        state,
        LastGood.begin(state),
        changes=changes,
        beyond=state.outer_step > settings.outer.outer_steps,
        totals=history.totals(),
        history=history,
        figures=figures,
        saved_insights=saved,
        kernels_before=kernels_before(checkpoint, plan),
    )


def _found(run: Run) -> list[dict[str, Any]]:
    """Newest results of the views, and those stored in the run that was opened."""
    seed = run.settings.run.seed
    entries = [
        insight_entry(one.request.view, one.request.values(), seed, one.outer_step, one.value)
        for one in run.insights.values()
    ]
    newer = {same_view(entry) for entry in entries}
    return [entry for entry in run.saved_insights if same_view(entry) not in newer] + entries


def _rows(block: reports.Metrics, seed: int) -> Iterator[tuple[object, ...]]:
    for column, step in enumerate(block.outer_step.tolist()):
        for row, name in enumerate(block.arms):
            inner, outer = block.support_before[row, column], block.query_after[row, column]
            if np.isfinite(inner) or np.isfinite(outer):
                yield step, name, seed, float(inner), float(outer), "", ""


def _block(plan: Plan, state: RunState, losses: Mapping[str, Losses]) -> reports.Metrics | None:
    """The saved losses as one block of metrics; seconds were not saved and are 0."""
    names = tuple(plan.arms)
    found = [losses[name].outer_step for name in names if name in losses]
    if not found:
        return None
    steps = np.unique(np.concatenate(found))
    # a run that was killed has rows after its checkpoint
    steps = steps[steps <= state.outer_step]
    if not len(steps):
        return None
    shape = (len(names), len(steps))
    support, query = np.full(shape, np.nan), np.full(shape, np.nan)
    counts = np.zeros(shape, dtype=np.int64)
    for row, name in enumerate(names):
        if name in losses:
            kept = losses[name].outer_step <= state.outer_step
            at = np.searchsorted(steps, losses[name].outer_step[kept])
            support[row, at] = losses[name].inner[kept]
            query[row, at] = losses[name].outer[kept]
            # not every step has a row: those of lessons have each tenth, and others have gaps
            joined = state.outer_step - state.arms[name].outer_step
            taken = np.maximum(steps[at] - joined, np.arange(1, len(at) + 1))
            own = np.zeros(len(steps), dtype=np.int64)
            own[at] = plan.arms[name].gradient_evaluations(taken)
            counts[row] = np.maximum.accumulate(own)
    return reports.Metrics(0, names, steps, support, query, np.zeros(shape), counts)


def initialization_of(
    plan: Plan,
    state: RunState,
    arm_name: str,
    changes: Sequence[Row],
    look: Look | None = None,
) -> Initialization:
    """The arm's initialization with its meta-test, during which `look` is called."""
    arm = state.arms[arm_name]
    settings = plan.settings
    return Initialization(
        settings.with_arms((settings.arm(arm_name),)),
        arm.initialization.cpu().numpy(),
        arm.outer_step,
        arm_records(plan, arm_name, arm.initialization, look),
        history=history_of(settings, arm_name, arm.outer_step, changes),
    )


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    """Turns an error while writing into the sentence that the window shows."""
    try:
        yield
    except SettingsError:
        raise
    except Interrupted:
        raise SettingsError(f"{path} was not written: that was cancelled.") from None
    except StorageError as error:
        raise SettingsError(str(error)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SettingsError(f"{path} was not written: {reason}. The run goes on.") from None
