"""The run that `maml-explorer train` is asked for: a new one, or one that is gone on with."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from maml_explorer.commands.arguments import MAX_SEEDS, UsageError, given_seeds, with_algorithms
from maml_explorer.commands.data import preset_for
from maml_explorer.commands.output import tell
from maml_explorer.commands.own_tasks import own_task_values
from maml_explorer.files.reader import StorageError
from maml_explorer.settings.declaration import Value
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.presets import Preset
from maml_explorer.settings.settings import Settings

if TYPE_CHECKING:
    from maml_explorer.storage.run.checkpoint import Checkpoint
    from maml_explorer.storage.run.folder import RunFolder


@dataclass(frozen=True)
class AskedRun:
    """A run to train."""

    settings: Settings
    """With the first seed."""
    seeds: tuple[int, ...]
    folder: RunFolder | None = None
    """In which it is written, once that is made."""
    checkpoint: Checkpoint | None = None
    """From which it goes on."""
    shards: int = 0
    """Parts into which its meta-batches are cut; 0 cuts none."""


def asked_run(arguments: argparse.Namespace, typed: Mapping[str, Value]) -> AskedRun:
    """A new run as it was asked for; nothing is written yet.

    Raises:
        UsageError: for arguments that do not go together; SettingsError for values.
    """
    several = given_seeds(arguments, MAX_SEEDS)
    if several is not None and "seed" in typed:
        raise UsageError("--seed and --seeds exclude each other: give one of them.")
    if arguments.init is not None and len(several or (0,)) > 1:
        raise UsageError("--init begins a run of one seed: give one of --seeds.")
    preset = _own_preset(arguments) or preset_for(arguments)
    # the arms first: a value must suit those that are trained, not those of the preset
    settings = with_algorithms(preset.settings, arguments.algorithms)
    settings = settings.with_values({**own_task_values(arguments, settings), **typed})
    seeds = several or (settings.run.seed,)
    settings = settings.with_values({"seed": seeds[0]})

    from maml_explorer.core.families.own_tasks.opened import refuse_absent_tasks
    from maml_explorer.core.plan import prepare
    from maml_explorer.core.shards import shards_here

    shards = given_shards(arguments.shards)
    # an absent device is refused before a folder is made
    prepare(settings, shards=shards_here(shards) if shards else None)
    refuse_absent_tasks(settings)
    return AskedRun(settings, seeds, shards=shards)


def new_run(arguments: argparse.Namespace, typed: Mapping[str, Value]) -> AskedRun:
    """A new run, with its folder where one is wanted."""
    asked = asked_run(arguments, typed)
    if arguments.init is not None:
        return _begun_from(arguments, asked)
    return begun_folder(arguments.out, asked, resume=False) if arguments.out else asked


def _own_preset(arguments: argparse.Namespace) -> Preset | None:
    """The settings that an exported initialization was trained with, where no others are given."""
    if arguments.init is None or arguments.preset is not None:
        return None

    from maml_explorer.storage.foreign.importing import brings_settings, is_export
    from maml_explorer.storage.initialization.folder import load_initialization

    if not brings_settings(arguments.init):
        return None
    place = arguments.init if is_export(arguments.init) else arguments.init.parent
    settings = load_initialization(place).settings.with_values({"device": "auto"})
    return Preset("", "", "", "", settings)


def _begun_from(arguments: argparse.Namespace, asked: AskedRun) -> AskedRun:
    """The run at outer step 0, its arms begun from the weights of --init."""
    from maml_explorer.storage.run.checkpoint import Checkpoint
    from maml_explorer.storage.run.folder import CHANGES
    from maml_explorer.worker.files.begun_from import begun_from

    begun = begun_from(arguments.init, asked.settings, in_window=False)
    if not begun.rows:
        raise UsageError(f"{begun.notes[0]} Name one with --algorithms.")
    if arguments.out is not None:
        asked = begun_folder(arguments.out, asked, resume=False)
        assert asked.folder is not None
        asked.folder.append(CHANGES, begun.rows)
    for note in begun.notes:
        tell(note)
    start = Checkpoint(asked.settings, begun.state, asked.seeds, shards=asked.shards)
    return dataclasses.replace(asked, checkpoint=start)


def begun_folder(path: Path, asked: AskedRun, *, resume: bool) -> AskedRun:
    """The run with its folder made, or gone on with where it is there and that is allowed.

    Raises:
        StorageError: where something else is there, or another process writes it.
    """
    from maml_explorer.experiments.continuing import begun_run

    folder, checkpoint = begun_run(path, asked.settings, asked.seeds, resume=resume)
    if checkpoint is not None and checkpoint.shards != asked.shards:
        raise StorageError(f"{path} holds a run of {checkpoint.shards} shards, not {asked.shards}.")
    return dataclasses.replace(asked, folder=folder, checkpoint=checkpoint)


def resumed_run(arguments: argparse.Namespace, typed: Mapping[str, Value]) -> AskedRun:
    """The run in a folder, to go on with; its outer steps may become more.

    Raises:
        UsageError: for what cannot change.
        StorageError: where the folder is no run, is damaged, or another process writes it.
    """
    _refuse_beside_resume(arguments, typed)

    from maml_explorer.experiments.continuing import checkpoint_of, gone_on
    from maml_explorer.storage.run.folder import open_run

    folder, settings = open_run(arguments.out)
    folder.take()
    checkpoint = checkpoint_of(folder, settings)
    shards = given_shards(arguments.shards, checkpoint.shards)
    _say_other_kernels(checkpoint)
    settings, checkpoint = gone_on(folder, checkpoint, typed.get("outer_steps"), "--outer-steps")
    return AskedRun(settings, checkpoint.seeds, folder, checkpoint, shards)


def resumed_apart(arguments: argparse.Namespace, typed: Mapping[str, Value]) -> AskedRun:
    """The run whose seeds were trained apart, to go on with.

    Raises:
        UsageError: for what cannot change.
        StorageError: where a file is damaged.
    """
    _refuse_beside_resume(arguments, typed)
    if "outer_steps" in typed:
        raise UsageError("--outer-steps cannot change when a run of several seeds is resumed.")

    from maml_explorer.experiments.sweep.apart import seeds_apart
    from maml_explorer.storage.run.folder import open_run

    return AskedRun(open_run(arguments.out)[1], seeds_apart(arguments.out))


def _refuse_beside_resume(arguments: argparse.Namespace, typed: Mapping[str, Value]) -> None:
    if arguments.out is None:
        raise UsageError("--resume needs the run folder: --out DIR.")
    others = [DECLARATIONS[key].flag for key in typed if key != "outer_steps"]
    others += [
        flag
        for flag in ("--preset", "--algorithms", "--seeds", "--num-seeds", "--init")
        if getattr(arguments, flag[2:].replace("-", "_")) is not None
    ]
    if others:
        raise UsageError(
            f"--resume continues with the settings of the run: only --outer-steps may change, not "
            f"{', '.join(others)}."
        )


def given_shards(text: str | None, saved: int | None = None) -> int:
    """The number of shards of a run; 0 where it has none.

    Args:
        text: that of --shards.
        saved: those of the run that is gone on with; None for a new run.

    Raises:
        UsageError: for what is no number, or another one than the run has.
    """
    if text is not None and not (text.isdecimal() and int(text[:9]) >= 2 and len(text) < 10):
        raise UsageError("--shards takes a number from 2 up to the tasks of a meta-batch.")
    asked = 0 if text is None else int(text)
    if saved is None:
        return asked
    if text is not None and asked != saved:
        was = f"in {saved} shards" if saved else "without shards"
        raise UsageError(
            f"The run was trained {was}, and another number gives other last digits: leave out "
            "--shards to go on."
        )
    return saved


def _say_other_kernels(checkpoint: Checkpoint) -> None:
    """Says on stderr where a run goes on by other kernels than it was trained by."""
    from maml_explorer.core.plan import kernels_of, prepare
    from maml_explorer.core.shards import shards_here
    from maml_explorer.storage.run.checkpoint import kernels_before

    shards = shards_here(checkpoint.shards) if checkpoint.shards else None
    plan = prepare(checkpoint.settings, shards=shards)
    before = kernels_before(checkpoint, plan)
    if before:
        tell(
            f"The run was trained by {before} kernels and goes on by {kernels_of(plan)} ones: the "
            "last digits will differ from those of a run that was not interrupted."
        )
