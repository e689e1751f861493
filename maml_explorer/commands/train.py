"""`maml-explorer train`: headless meta-training."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
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
from maml_explorer.commands.replay import replay
from maml_explorer.commands.signals import ends_as_by_ctrl_c, signals_held_back
from maml_explorer.commands.workers import (
    Workplace,
    add_workers,
    kept_or_not,
    train_seeds_apart,
    trained_apart,
    workplace,
)
from maml_explorer.core.schedules import explained
from maml_explorer.experiments.result_tables import results_table
from maml_explorer.settings.declaration import Value
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.settings import Settings

if TYPE_CHECKING:
    from maml_explorer.experiments.outcome import Outcome
    from maml_explorer.storage.run.checkpoint import Checkpoint
    from maml_explorer.storage.run.folder import RunFolder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("--preset", metavar="NAME|FILE", help="what to begin with")
    parser.add_argument(
        "--algorithms",
        "--algorithm",
        metavar="A,B",
        help=f"arms to train, from {','.join(ALGORITHMS)}",
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
    add_workers(parser, "1")
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
        return replay(arguments, typed)
    workers = workplace(arguments)
    with ends_as_by_ctrl_c():
        if arguments.resume and arguments.out is not None:
            if trained_apart(arguments.out, Workplace(1), 1, resume=True):
                return _apart(arguments, _resumed_apart(arguments, typed), workers)
        elif not arguments.resume and workers.several:
            begun = _asked(arguments, data | typed)
            if len(begun.seeds) > 1:
                return _apart(arguments, begun, workers)
        work = _resumed(arguments, typed) if arguments.resume else _new(arguments, data | typed)
        with nullcontext() if work.folder is None else work.folder.owned():
            return _trained(arguments, work)


def _trained(arguments: argparse.Namespace, work: _Work) -> int:
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
        return _stopped(None if work.folder is None else work.folder.path)
    if bar is not None:
        bar.close()
    return _written(arguments, work, outcome)


def _written(arguments: argparse.Namespace, work: _Work, outcome: Outcome) -> int:
    """Write what a finished run leaves, and print its table."""
    from maml_explorer.commands.pictures import draw_pictures

    summary = outcome.summary()
    as_json = json.dumps(summary, indent=2, allow_nan=False) if arguments.json else None
    if work.folder is not None:
        work.folder.write_summary(summary)
        with signals_held_back():
            draw_pictures(work.folder, outcome)
    return _told(arguments, work, outcome, as_json or results_table(summary))


def _told(arguments: argparse.Namespace, work: _Work, outcome: Outcome, results: str) -> int:
    say(results)
    reasons = [
        result.diverged if len(work.seeds) == 1 else f"Seed {seed}: {result.diverged}"
        for seed, arms in outcome.results.items()
        for result in arms.values()
        if result.diverged
    ]
    if reasons:
        tell(f"maml-explorer train: {' '.join(reasons)}")
        return 1
    if arguments.out is None and not arguments.quiet:
        tell("Nothing was saved: --out DIR writes a run folder.")
    return 0


@dataclass(frozen=True)
class _Work:
    settings: Settings
    seeds: tuple[int, ...]
    folder: RunFolder | None
    checkpoint: Checkpoint | None = None


def _new(arguments: argparse.Namespace, typed: Mapping[str, Value]) -> _Work:
    asked = _asked(arguments, typed)

    from maml_explorer.storage.run.folder import create_run

    folder = create_run(arguments.out, asked.settings) if arguments.out else None
    return dataclasses.replace(asked, folder=folder)


def _asked(arguments: argparse.Namespace, typed: Mapping[str, Value]) -> _Work:
    """A new run as it was asked for; nothing is written yet."""
    several = given_seeds(arguments, MAX_SEEDS)
    if several is not None and "seed" in typed:
        raise UsageError("--seed and --seeds exclude each other: give one of them.")
    preset = preset_for(arguments)
    # the arms first: a value must suit those that are trained, not those of the preset
    settings = with_algorithms(preset.settings, arguments.algorithms).with_values(typed)
    seeds = several or (settings.run.seed,)
    settings = settings.with_values({"seed": seeds[0]})

    from maml_explorer.core.plan import prepare

    prepare(settings)  # an absent device is refused before a folder is made
    return _Work(settings, seeds, None)


def _resumed_apart(arguments: argparse.Namespace, typed: Mapping[str, Value]) -> _Work:
    _refuse_beside_resume(arguments, typed)
    if "outer_steps" in typed:
        raise UsageError("--outer-steps cannot change when a run of several seeds is resumed.")

    from maml_explorer.experiments.sweep.apart import seeds_apart
    from maml_explorer.storage.run.folder import open_run

    return _Work(open_run(arguments.out)[1], seeds_apart(arguments.out), None)


def _apart(arguments: argparse.Namespace, work: _Work, workers: Workplace) -> int:
    """Train each seed by itself, several at once, and join them to the run that they are."""
    if arguments.insight:
        raise UsageError("--insight looks inside one seed after the other: leave out --workers.")

    from maml_explorer.experiments.continuing import begun_run
    from maml_explorer.experiments.sweep.apart import whole_outcome
    from maml_explorer.experiments.training import train_headless

    if not arguments.quiet:
        _explain(work.settings)
    with kept_or_not(arguments.out) as path:
        try:
            rate = train_seeds_apart(
                path, [(path, work.settings)], work.seeds, workers,
                resume=arguments.resume, quiet=arguments.quiet,
            )  # fmt: skip
        except KeyboardInterrupt:
            return _stopped(arguments.out)
        folder, checkpoint = begun_run(path, work.settings, work.seeds, resume=True)
        with folder.owned():
            outcome = train_headless(
                work.settings, work.seeds, folder=folder, checkpoint=checkpoint
            )
            outcome = whole_outcome(outcome, folder, rate)
            return _written(arguments, dataclasses.replace(work, folder=folder), outcome)


def _resumed(arguments: argparse.Namespace, typed: Mapping[str, Value]) -> _Work:
    _refuse_beside_resume(arguments, typed)
    return _continued(arguments, typed)


def _refuse_beside_resume(arguments: argparse.Namespace, typed: Mapping[str, Value]) -> None:
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


def _continued(arguments: argparse.Namespace, typed: Mapping[str, Value]) -> _Work:
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


def _stopped(path: Path | None) -> int:
    how = f"continue with --out {path} --resume" if path else "nothing was saved"
    tell(f"maml-explorer train: stopped; {how}.")
    return 1
