"""`maml-explorer train`: headless meta-training."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.commands.arguments import (
    MAX_SEEDS,
    UsageError,
    add_hyperparameters,
    add_seeds,
    folder_path,
    given_hyperparameters,
    given_seeds,
    with_algorithms,
)
from maml_explorer.commands.data import add_data, opened_data, preset_for
from maml_explorer.commands.output import REMARKS, say, tell
from maml_explorer.commands.progress import ProgressBar
from maml_explorer.commands.signals import ends_as_by_ctrl_c, signals_held_back
from maml_explorer.core.schedules import explained
from maml_explorer.experiments.result_tables import results_table
from maml_explorer.settings.declaration import Value
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.settings import Settings

if TYPE_CHECKING:
    from maml_explorer.storage.run.checkpoint import Checkpoint
    from maml_explorer.storage.run.folder import RunFolder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("--preset", metavar="NAME|FILE", help="what to begin with")
    parser.add_argument(
        "--algorithms", metavar="A,B", help=f"arms to train, from {','.join(ALGORITHMS)}"
    )
    add_seeds(parser, "trained one after the other")
    parser.add_argument("--out", metavar="DIR", type=folder_path, help="run folder to write")
    parser.add_argument(
        "--resume", action="store_true", help="continue the run in --out, bit for bit"
    )
    parser.add_argument(
        "--replay",
        metavar="RUN_DIR",
        type=folder_path,
        help="train a saved run again with all that was changed while it trained, and compare",
    )
    parser.add_argument(
        "--insight",
        action="store_true",
        help="look inside at the end: every view of the insight, written to --out",
    )
    add_data(parser)
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
    add_hyperparameters(parser)


def run(arguments: argparse.Namespace) -> int:
    """Train; 1 where an arm diverged or the run was interrupted.

    Raises:
        UsageError: before anything was written; so do SettingsError and StorageError.
        OSError: where the disk fails.
    """
    typed = given_hyperparameters(arguments)
    data = opened_data(arguments)
    if arguments.insight and arguments.out is None:
        raise UsageError("--insight writes into the run folder: give --out DIR.")
    if arguments.replay is not None:
        return _replay(arguments, typed)
    with ends_as_by_ctrl_c():
        work = _resumed(arguments, typed) if arguments.resume else _new(arguments, data | typed)
        with nullcontext() if work.folder is None else work.folder.owned():
            return _trained(arguments, work)


def _trained(arguments: argparse.Namespace, work: _Work) -> int:
    from maml_explorer.commands.pictures import draw_pictures
    from maml_explorer.experiments.training import train_headless

    if not arguments.quiet:
        _explain(work.settings)
    bar = None if arguments.quiet else ProgressBar(REMARKS)
    try:
        outcome = train_headless(
            work.settings,
            work.seeds,
            folder=work.folder,
            checkpoint=work.checkpoint,
            progress=bar,
            look_inside=arguments.insight,
        )
    except KeyboardInterrupt:
        if bar is not None:
            bar.close()
        return _stopped(work.folder)
    if bar is not None:
        bar.close()
    summary = outcome.summary()
    as_json = json.dumps(summary, indent=2, allow_nan=False) if arguments.json else None
    if work.folder is not None:
        work.folder.write_summary(summary)
        with signals_held_back():
            draw_pictures(work.folder, outcome)
    say(as_json or results_table(summary))
    reasons = [
        result.diverged if len(work.seeds) == 1 else f"Seed {seed}: {result.diverged}"
        for seed, arms in outcome.results.items()
        for result in arms.values()
        if result.diverged
    ]
    if reasons:
        tell(f"maml-explorer train: {' '.join(reasons)}")
        return 1
    if work.folder is None and not arguments.quiet:
        tell("Nothing was saved: --out DIR writes a run folder.")
    return 0


@dataclass(frozen=True)
class _Work:
    settings: Settings
    seeds: tuple[int, ...]
    folder: RunFolder | None
    checkpoint: Checkpoint | None = None


def _new(arguments: argparse.Namespace, typed: Mapping[str, Value]) -> _Work:
    several = given_seeds(arguments, MAX_SEEDS)
    if several is not None and "seed" in typed:
        raise UsageError("--seed and --seeds exclude each other: give one of them.")
    preset = preset_for(arguments)
    # the arms first: a value must suit those that are trained, not those of the preset
    settings = with_algorithms(preset.settings, arguments.algorithms).with_values(typed)
    seeds = several or (settings.run.seed,)
    settings = settings.with_values({"seed": seeds[0]})

    from maml_explorer.core.plan import prepare
    from maml_explorer.storage.run.folder import create_run

    prepare(settings)  # an absent device is refused before a folder is made
    folder = create_run(arguments.out, settings) if arguments.out else None
    return _Work(settings, seeds, folder)


def _resumed(arguments: argparse.Namespace, typed: Mapping[str, Value]) -> _Work:
    if arguments.out is None:
        raise UsageError("--resume needs the run folder: --out DIR.")
    others = [DECLARATIONS[key].flag for key in typed if key != "outer_steps"]
    others += [
        flag
        for flag in ("--preset", "--algorithms", "--seeds", "--num-seeds")
        if getattr(arguments, flag[2:].replace("-", "_")) is not None
    ]
    if others:
        raise UsageError(
            f"--resume continues with the settings of the run: only --outer-steps may change, not "
            f"{', '.join(others)}."
        )

    from maml_explorer.experiments.continuing import checkpoint_of
    from maml_explorer.storage.run.folder import CHANGES, open_run

    folder, settings = open_run(arguments.out)
    folder.take()
    checkpoint = checkpoint_of(folder, settings)
    _say_other_kernels(checkpoint)
    settings = checkpoint.settings.with_values({"seed": checkpoint.seeds[0]})
    old, new = settings.outer.outer_steps, typed.get("outer_steps", settings.outer.outer_steps)
    if new != old:
        reached = checkpoint.state.outer_step
        if len(checkpoint.seeds) > 1:
            raise UsageError("--outer-steps cannot change when a run of several seeds is resumed.")
        if not isinstance(new, int) or new < reached:
            raise UsageError(
                f"--outer-steps cannot be {new}: the run has taken {reached} outer steps already."
            )
        # the finished seed goes on
        checkpoint = dataclasses.replace(checkpoint, results={})
        settings = settings.with_values({"outer_steps": new})
    folder.check_rows(checkpoint.file_sizes)
    folder.cut_back(checkpoint.file_sizes)
    if new != old:
        folder.append(CHANGES, [(checkpoint.state.outer_step, "outer_steps", old, new)])
        folder.write_settings(settings)
    return _Work(settings, checkpoint.seeds, folder, checkpoint)


def _say_other_kernels(checkpoint: Checkpoint) -> None:
    """Says on stderr where a run goes on by other kernels than it was trained by."""
    from maml_explorer.core.plan import kernels_of, prepare
    from maml_explorer.storage.run.checkpoint import kernels_before

    plan = prepare(checkpoint.settings)
    before = kernels_before(checkpoint, plan)
    if before:
        tell(
            f"The run was trained by {before} kernels and goes on by {kernels_of(plan)} ones: the "
            "last digits will differ from those of a run that was not interrupted."
        )


def _explain(settings: Settings) -> None:
    """Says on stderr where a setting does not do what one may expect of it."""
    said: dict[str, list[str]] = {}
    for arm in settings.arms:
        own = settings.of_arm(arm)
        for key, sentence in explained(own, [ALGORITHMS[arm.algorithm]]).items():
            said.setdefault(f"{DECLARATIONS[key].label}: {sentence}", []).append(arm.name)
    for sentence, arms in said.items():
        tell(f"{', '.join(arms)}: {sentence}")


def _replay(arguments: argparse.Namespace, typed: Mapping[str, Value]) -> int:
    others = [DECLARATIONS[key].flag for key in typed]
    others += [
        f"--{name}"
        for name in ("preset", "algorithms", "seeds", "num-seeds", "out", "resume")
        if getattr(arguments, name.replace("-", "_"))
    ]
    if others:
        raise UsageError(
            f"--replay trains what the run says: it does not go with {', '.join(others)}."
        )

    from maml_explorer.experiments.replay import differences, replay_folder

    bar = None if arguments.quiet else ProgressBar(REMARKS)
    try:
        saved, settings, state = replay_folder(arguments.replay, bar)
    finally:
        if bar is not None:
            bar.close()
    differs = differences(saved.state, state)
    if saved.settings != settings:
        differs.append("the settings")
    if arguments.json:
        result = {"outer_step": state.outer_step, "equal": not differs, "differs": differs}
        say(json.dumps(result, indent=2))
    elif not differs:
        say(f"The replay equals the saved run at outer step {state.outer_step} bit for bit.")
    if differs:
        tell(
            f"maml-explorer train: the replay differs from the saved run in {', '.join(differs)}: "
            "another version, device, kind of kernels or number of threads may have trained it."
        )
    return 1 if differs else 0


def _stopped(folder: RunFolder | None) -> int:
    how = f"continue with --out {folder.path} --resume" if folder else "nothing was saved"
    tell(f"maml-explorer train: stopped; {how}.")
    return 1
