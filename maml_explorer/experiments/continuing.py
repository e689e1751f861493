"""A run folder that is begun or continued, and the results of its finished seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from maml_explorer.core.families.own_tasks.opened import refuse_absent_tasks
from maml_explorer.core.plan import prepare
from maml_explorer.experiments.outcome import Outcome
from maml_explorer.files.opening import is_file
from maml_explorer.files.reader import StorageError
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.words import counted
from maml_explorer.storage.initialization.folder import load_initialization
from maml_explorer.storage.run.checkpoint import Checkpoint, load_checkpoint
from maml_explorer.storage.run.folder import CHANGES, CHECKPOINT, RunFolder, create_run, open_run


def checkpoint_of(folder: RunFolder, settings: Settings) -> Checkpoint:
    """The checkpoint to go on from.

    Raises:
        StorageError: if there is none yet, with what to do then, or it is damaged.
        SettingsError: if the own tasks that it trains on are absent.
    """
    path = folder.path / CHECKPOINT
    if not path.is_symlink() and not path.exists():
        raise StorageError(
            f"{folder.path} was ended before its first checkpoint, so nothing was trained: begin "
            "it again with the same command without --resume."
        )
    refuse_absent_tasks(settings)
    return load_checkpoint(path, prepare(settings))


def gone_on(
    folder: RunFolder, saved: Checkpoint, outer_steps: object, name: str
) -> tuple[Settings, Checkpoint]:
    """Settings and checkpoint to go on with; the folder is cut back to where that was saved.

    Args:
        folder: held.
        saved: its checkpoint.
        outer_steps: to train up to; None keeps them as declared.
        name: of the outer steps in a sentence, such as "--outer-steps".

    Raises:
        SettingsError: if the number of outer steps is not allowed.
        StorageError: if rows are missing.
        OSError: if nothing can be written.
    """
    settings = saved.settings.with_values({"seed": saved.seeds[0]})
    old, reached = settings.outer.outer_steps, saved.state.outer_step
    new = old if outer_steps is None else DECLARATIONS["outer_steps"].check(outer_steps)
    if new != old:
        if len(saved.seeds) > 1:
            raise SettingsError(f"{name} cannot change when a run of several seeds is resumed.")
        if not isinstance(new, int) or new < reached:
            raise SettingsError(
                f"{name} cannot be {new}: the run has taken {counted(reached, 'outer step')} "
                "already."
            )
        saved = dataclasses.replace(saved, results={})  # the finished seed goes on
        settings = settings.with_values({"outer_steps": new})
    folder.check_rows(saved.file_sizes)
    folder.cut_back(saved.file_sizes)
    if new != old:
        folder.append(CHANGES, [(reached, "outer_steps", old, new)])
        folder.write_settings(settings)
    return settings, saved


def begun_run(
    path: Path, settings: Settings, seeds: Sequence[int], *, resume: bool
) -> tuple[RunFolder, Checkpoint | None]:
    """A run folder to train in, held, and where to go on; None if the training begins.

    Args:
        path: the folder.
        settings: with the first seed.
        seeds: all of them, in order.
        resume: whether an existing run of these settings and seeds may be continued.

    Raises:
        StorageError: if something else is there, or another process writes it.
        OSError: if nothing can be written.
    """
    if not resume or not is_file(path / CHECKPOINT):
        return create_run(path, settings), None
    folder, saved = open_run(path)
    folder.take()
    checkpoint = checkpoint_of(folder, saved)
    if saved != settings or checkpoint.seeds != tuple(seeds):
        raise StorageError(
            f"{path} holds a run of other settings, arms or seeds: --resume needs the arguments "
            "that it began with."
        )
    folder.check_rows(checkpoint.file_sizes)
    folder.cut_back(checkpoint.file_sizes)
    return folder, checkpoint


def learned_of(
    outcome: Outcome, folder: RunFolder | None, seeds: Sequence[int]
) -> dict[int, dict[str, Tensor]]:
    """θ with all that was learned beside it, by seed and arm name, on the CPU.

    What was not trained now is read from where it was exported, exactly as it was.

    Raises:
        StorageError: if an exported initialization was changed or removed since.
    """
    found: dict[int, dict[str, Tensor]] = {}
    for seed in seeds:
        if seed in outcome.learned or folder is None:
            found[seed] = dict(outcome.learned[seed])
            continue
        place = seed if len(seeds) > 1 else None
        found[seed] = {
            arm.name: torch.from_numpy(
                load_initialization(
                    folder.initialization_folder(outcome.settings, arm.name, place),
                    as_exported=True,
                ).parameters.copy()
            )
            for arm in outcome.settings.arms
        }
    return found
