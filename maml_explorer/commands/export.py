"""`maml-explorer export`: an exported initialization from a run folder."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from maml_explorer.commands.arguments import UsageError, folder_path, named_arms, whole_number
from maml_explorer.commands.data import add_data, opened_data
from maml_explorer.commands.output import say
from maml_explorer.commands.own_tasks import add_own_tasks, open_own_tasks
from maml_explorer.settings.settings import Arm, Settings
from maml_explorer.settings.words import counted

if TYPE_CHECKING:
    from maml_explorer.storage.initialization.folder import Initialization
    from maml_explorer.storage.run.folder import RunFolder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("folder", metavar="RUN_DIR", type=folder_path, help="run folder")
    parser.add_argument(
        "--algorithm", "--arm", required=True, metavar="NAME", help="algorithm, or name of the arm"
    )
    parser.add_argument("--seed", metavar="S", help="where the run has several")
    add_data(parser)
    add_own_tasks(parser)
    parser.add_argument("--out", required=True, metavar="DIR", type=folder_path, help="to write")


def run(arguments: argparse.Namespace) -> int:
    """Write the folder.

    Raises:
        UsageError: where nothing was written; so do SettingsError and StorageError.
        OSError: where the folder cannot be written.
    """
    seed = None if arguments.seed is None else whole_number(arguments.seed, "seed", "--seed")

    from maml_explorer.storage.initialization.folder import save_initialization
    from maml_explorer.storage.run.folder import open_run

    opened_data(arguments)
    open_own_tasks(arguments)
    folder, settings = open_run(arguments.folder)
    arm = _arm(settings, arguments.algorithm)
    initialization = _from_run(folder, settings, arm, seed)
    try:
        save_initialization(arguments.out, initialization)
    except FileExistsError as error:
        raise UsageError(f"{arguments.out}: {error.strerror}: choose another folder.") from None
    say(f"{arm.name} after {counted(initialization.outer_step, 'outer step')}: {arguments.out}")
    return 0


def _arm(settings: Settings, text: str) -> Arm:
    found = named_arms(settings, text)
    if len(found) == 1:
        return found[0]
    names = ", ".join(arm.name for arm in settings.arms)
    wrong = "does not name one arm" if found else "is no arm of the run"
    raise UsageError(f"--algorithm “{' '.join(text[:40].split())}” {wrong}: there are {names}.")


def _from_run(folder: RunFolder, settings: Settings, arm: Arm, seed: int | None) -> Initialization:
    """The arm as the checkpoint has it; for a finished seed of several, as it was exported."""
    from maml_explorer.core.plan import prepare
    from maml_explorer.experiments.training import threads_of
    from maml_explorer.storage.initialization.folder import Initialization, load_initialization
    from maml_explorer.storage.run.changes import read_changes
    from maml_explorer.storage.run.checkpoint import load_checkpoint
    from maml_explorer.storage.run.folder import CHANGES, CHECKPOINT
    from maml_explorer.storage.run.history import history_of
    from maml_explorer.storage.run.records import arm_records

    checkpoint = load_checkpoint(
        folder.path / CHECKPOINT,
        prepare(settings.with_values({"device": "cpu"})),
        to_resume=False,
    )
    if seed is None and len(checkpoint.seeds) > 1:
        seeds = ", ".join(map(str, checkpoint.seeds))
        raise UsageError(f"The run has several seeds: choose one of {seeds} with --seed.")
    seed = checkpoint.seeds[0] if seed is None else seed
    if seed not in checkpoint.seeds:
        seeds = ", ".join(map(str, checkpoint.seeds))
        raise UsageError(f"--seed cannot be {seed}: the run has {seeds}.")
    if seed != checkpoint.settings.run.seed:
        if seed not in checkpoint.results:
            raise UsageError(f"Seed {seed} of the run has not begun: train it with --resume.")
        place = folder.initialization_folder(settings, arm.name, seed)
        return load_initialization(place, as_exported=True)
    own = checkpoint.settings
    state = checkpoint.state.arms[arm.name]
    plan = prepare(own.with_values({"device": "cpu"}))
    with threads_of(plan):
        records = arm_records(plan, arm.name, state.initialization)
    return Initialization(
        own.with_arms((own.arm(arm.name),)),
        state.initialization.numpy(),
        state.outer_step,
        records,
        history=history_of(own, arm.name, state.outer_step, read_changes(folder.path / CHANGES)),
    )
