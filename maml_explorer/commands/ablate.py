"""`maml-explorer ablate`: tricks alone and together, or algorithms, on the same tasks."""

from __future__ import annotations

import argparse
import json
import shlex
from contextlib import ExitStack

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.commands.arguments import (
    UsageError,
    add_seeds,
    add_set,
    folder_path,
    given_seeds,
    given_set,
    number_list,
    set_words,
    whole_number,
    with_algorithms,
)
from maml_explorer.commands.data import add_data, opened_data, preset_for
from maml_explorer.commands.output import REMARKS, say, tell
from maml_explorer.commands.own_tasks import add_own_tasks, own_task_values
from maml_explorer.commands.progress import ProgressBar
from maml_explorer.commands.signals import ends_as_by_ctrl_c
from maml_explorer.commands.workers import (
    add_workers,
    kept_or_not,
    train_seeds_apart,
    trained_apart,
    workplace,
)
from maml_explorer.settings.presets import DEFAULT_PRESET
from maml_explorer.settings.settings import Settings

FILE = "ablation.json"
MOST_SEEDS = 30
DEFAULT_SEEDS = (0, 1, 2)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("--preset", metavar="NAME|FILE", help=f"default {DEFAULT_PRESET}")
    add_set(parser)
    add_workers(parser, "1")
    add_data(parser)
    add_own_tasks(parser)
    add_seeds(parser, "default 0:3")
    parser.add_argument("--outer-steps", metavar="N", help="default: the preset's")
    parser.add_argument(
        "--algorithms",
        metavar="all|A,B",
        help="compare these algorithms with MAML, in place of the tricks: from "
        + ",".join(ALGORITHMS),
    )
    parser.add_argument(
        "--train-steps",
        metavar="K,K",
        help="of --algorithms: each with so many inner steps in training (default: the preset's)",
    )
    parser.add_argument(
        "--shots",
        metavar="K",
        help="of the meta-test (default 5 for sines, for images those it is trained with)",
    )
    parser.add_argument("--inner-steps", default="1,5,10", metavar="K,K", help="default 1,5,10")
    parser.add_argument("--out", metavar="DIR", type=folder_path, help=f"for {FILE} and the runs")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue what was interrupted in --out, with the same other arguments",
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")


def run(arguments: argparse.Namespace) -> int:
    """Train and test every variant; 1 where it was interrupted.

    A variant that diverges is a result, not a failure.

    Raises:
        UsageError: before anything was written; so do SettingsError and StorageError.
        OSError: where the disk fails.
    """
    preset = preset_for(arguments)
    arguments.preset = arguments.preset or preset.name
    settings = preset.settings.with_values(opened_data(arguments))
    settings = settings.with_values(own_task_values(arguments, settings))
    settings = settings.with_values(given_set(arguments))
    seeds = given_seeds(arguments, MOST_SEEDS) or DEFAULT_SEEDS
    steps = number_list(arguments.inner_steps, "test_steps", "--inner-steps", 51)
    usual = settings.family.record_shots
    shots = usual[0] if usual else settings.inner.shots
    if arguments.shots is not None:
        shots = whole_number(arguments.shots, "shots", "--shots")
    if arguments.outer_steps is not None:
        count = whole_number(arguments.outer_steps, "outer_steps", "--outer-steps")
        settings = settings.with_values({"outer_steps": count})
    keys, train_steps = _compared(arguments, settings)

    from maml_explorer.core.plan import prepare
    from maml_explorer.experiments.ablation import ablate, run_folders, runs_of
    from maml_explorer.experiments.variants import algorithms_of, tricks_of
    from maml_explorer.files.writer import write_text
    from maml_explorer.storage.report.ablation_table import ablation_blocks, columns_of

    if arguments.resume and arguments.out is None:
        raise UsageError("--resume needs the folder: --out DIR.")
    variants = algorithms_of(settings, keys, train_steps) if keys else tricks_of(settings)
    prepare(settings)  # an absent device is refused before a folder is made
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
    workers = workplace(arguments)
    bar = None if arguments.quiet else ProgressBar(REMARKS)
    try:
        with ends_as_by_ctrl_c(), ExitStack() as until:
            folder, resume = arguments.out, arguments.resume
            units = len(seeds) * len(runs_of(settings, variants))
            if trained_apart(folder, workers, units, resume=resume):
                folder = until.enter_context(kept_or_not(folder))
                train_seeds_apart(
                    folder, run_folders(folder, settings, variants, seeds[0]), seeds, workers,
                    resume=resume, quiet=arguments.quiet,
                )  # fmt: skip
                bar, resume = None, True
            result = ablate(
                settings,
                variants,
                seeds,
                shots,
                steps,
                _command(arguments, seeds, shots),
                bar,
                folder=folder,
                resume=resume,
            )
    except KeyboardInterrupt:
        how = "repeat the command with --resume" if arguments.out else "nothing was saved"
        tell(f"\nmaml-explorer ablate: stopped; {how}.")
        return 1
    finally:
        if bar is not None:
            bar.close()
    result["preset"] = str(arguments.preset)
    text = json.dumps(result, indent=1, allow_nan=False, ensure_ascii=False)
    if arguments.out is not None:
        write_text(arguments.out / FILE, text + "\n")
    if arguments.json:
        say(text)
        return 0
    head = columns_of(result)
    for title, rows in ablation_blocks(result):
        widths = [max(len(row[n]) for row in [head, *rows]) for n in range(len(head))]
        lines = [
            "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in [head, *rows]
        ]
        say("\n".join([title, *lines, ""]))
    for one in result["variants"]:
        for said in one["training_diverged"]:
            say(said)
    return 0


def _compared(
    arguments: argparse.Namespace, settings: Settings
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Keys of the algorithms to compare, none where tricks are, and their steps in training.

    Raises:
        UsageError: for what is no such list; SettingsError for an unknown algorithm.
    """
    text, counts = arguments.algorithms, arguments.train_steps
    if text is None:
        if counts is not None:
            raise UsageError("--train-steps needs the algorithms: --algorithms all, or a list.")
        return (), ()
    arms = with_algorithms(settings, ",".join(ALGORITHMS) if text == "all" else text).arms
    if counts is None:
        return tuple(arm.algorithm for arm in arms), (settings.inner.inner_steps,)
    steps = number_list(counts, "inner_steps", "--train-steps", 10)
    return tuple(arm.algorithm for arm in arms), steps


def _command(arguments: argparse.Namespace, seeds: tuple[int, ...], shots: int) -> str:
    words = ["maml-explorer", "ablate", "--preset", str(arguments.preset)]
    words += ["--seeds", ",".join(map(str, seeds))]
    words += [] if arguments.outer_steps is None else ["--outer-steps", arguments.outer_steps]
    words += [] if arguments.algorithms is None else ["--algorithms", arguments.algorithms]
    words += [] if arguments.train_steps is None else ["--train-steps", arguments.train_steps]
    words += set_words(arguments)
    return shlex.join([*words, "--shots", str(shots), "--inner-steps", arguments.inner_steps])
