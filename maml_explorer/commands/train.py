"""`maml-explorer train`: headless meta-training."""

from __future__ import annotations

import argparse
import dataclasses
import json
from contextlib import nullcontext
from typing import TYPE_CHECKING

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.commands.arguments import (
    UsageError,
    add_hyperparameters,
    add_seeds,
    folder_path,
    given_hyperparameters,
)
from maml_explorer.commands.asked import (
    AskedRun,
    asked_run,
    new_run,
    resumed_apart,
    resumed_run,
)
from maml_explorer.commands.data import add_data, opened_data
from maml_explorer.commands.output import REMARKS, say, tell
from maml_explorer.commands.own_tasks import add_own_tasks, open_own_tasks
from maml_explorer.commands.progress import ProgressBar
from maml_explorer.commands.replay import replay
from maml_explorer.commands.signals import ends_as_by_ctrl_c, signals_held_back
from maml_explorer.commands.together import process_count, train_together
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
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from maml_explorer.core.shards import Shards
    from maml_explorer.experiments.outcome import Outcome


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
    parser.add_argument(
        "--init",
        metavar="DIR|FILE",
        type=folder_path,
        help="begin from an exported initialization, or from weights of another program",
    )
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
    parser.add_argument(
        "--shards",
        metavar="N",
        help="cut each meta-batch into N parts, which the processes of torchrun share; the bits "
        "depend on N alone (docs/sweeps.md)",
    )
    add_data(parser)
    add_own_tasks(parser)
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
    add_hyperparameters(parser)


def run(arguments: argparse.Namespace) -> int:
    """Train; 1 where an arm diverged or the run was interrupted.

    Raises:
        UsageError: before anything was written; so do SettingsError and StorageError.
        OSError: where the disk fails.
    """
    open_own_tasks(arguments)
    typed = given_hyperparameters(arguments)
    data = opened_data(arguments)
    if arguments.insight and arguments.out is None:
        raise UsageError("--insight writes into the run folder: give --out DIR.")
    if arguments.replay is not None:
        return replay(arguments, typed)
    if process_count() > 1:
        if arguments.init is not None:
            raise UsageError("--init begins a run in one process: leave out torchrun.")
        with ends_as_by_ctrl_c():
            return train_together(arguments, data | typed, _trained)
    workers = workplace(arguments)
    if arguments.shards is not None and workers.several:
        raise UsageError("--shards and --workers exclude each other: give one of them.")
    with ends_as_by_ctrl_c():
        if arguments.resume and arguments.out is not None:
            if trained_apart(arguments.out, Workplace(1), 1, resume=True):
                return _apart(arguments, resumed_apart(arguments, typed), workers)
        elif not arguments.resume and workers.several:
            begun = asked_run(arguments, data | typed)
            if len(begun.seeds) > 1:
                return _apart(arguments, begun, workers)
        work = (
            resumed_run(arguments, typed) if arguments.resume else new_run(arguments, data | typed)
        )
        with nullcontext() if work.folder is None else work.folder.owned():
            return _trained(arguments, work)


def _trained(arguments: argparse.Namespace, work: AskedRun, shards: Shards | None = None) -> int:
    from maml_explorer.core.shards import shards_here
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
            shards=shards or (shards_here(work.shards) if work.shards else None),
        )
    except KeyboardInterrupt:
        if bar is not None:
            bar.close()
        return _stopped(None if work.folder is None else work.folder.path)
    if bar is not None:
        bar.close()
    return _written(arguments, work, outcome)


def _written(arguments: argparse.Namespace, work: AskedRun, outcome: Outcome) -> int:
    """Write what a finished run leaves, and print its table."""
    from maml_explorer.commands.pictures import draw_pictures

    summary = outcome.summary()
    as_json = json.dumps(summary, indent=2, allow_nan=False) if arguments.json else None
    if work.folder is not None:
        work.folder.write_summary(summary)
        with signals_held_back():
            draw_pictures(work.folder, outcome)
    return _told(arguments, work, outcome, as_json or results_table(summary))


def _told(arguments: argparse.Namespace, work: AskedRun, outcome: Outcome, results: str) -> int:
    say(results)
    reasons = [
        result.diverged if len(work.seeds) == 1 else f"Seed {seed}: {result.diverged}"
        for seed, arms in outcome.results.items()
        for result in arms.values()
        if result.diverged
    ]
    if reasons:
        tell(f"maml-explorer train: {' '.join(reasons)}")
        # torchrun would start the processes once more, for the same end
        return 1 if process_count() == 1 else 0
    if arguments.out is None and not arguments.quiet:
        tell("Nothing was saved: --out DIR writes a run folder.")
    return 0


def _apart(arguments: argparse.Namespace, work: AskedRun, workers: Workplace) -> int:
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
