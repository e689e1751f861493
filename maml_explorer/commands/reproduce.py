"""`maml-explorer reproduce`: train a preset, test it, and say whether its numbers are reached."""

from __future__ import annotations

import argparse
import json
import shlex
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.commands.arguments import (
    UsageError,
    add_seeds,
    add_set,
    folder_path,
    given_seeds,
    given_set,
    set_words,
    whole_number,
    with_algorithms,
)
from maml_explorer.commands.data import add_data, opened_data, preset_for
from maml_explorer.commands.output import REMARKS, say, tell
from maml_explorer.commands.progress import ProgressBar
from maml_explorer.commands.signals import ends_as_by_ctrl_c
from maml_explorer.commands.workers import (
    add_workers,
    kept_or_not,
    train_seeds_apart,
    trained_apart,
    workplace,
)
from maml_explorer.settings.presets import Preset
from maml_explorer.settings.settings import Settings

if TYPE_CHECKING:
    from maml_explorer.storage.run.checkpoint import Checkpoint
    from maml_explorer.storage.run.folder import RunFolder

REPORT, FIGURES = "report.html", "reproduction.json"
"""Names of the files beside a run's own in its folder."""
MOST_SEEDS = 30
DEFAULT_SEEDS = (0, 1, 2, 3, 4)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("preset", nargs="?", metavar="PRESET", help="name of a preset, or its file")
    parser.add_argument(
        "--preset", dest="named", metavar="NAME|FILE", help="the same, as in other commands"
    )
    add_seeds(parser, "default 0:5")
    parser.add_argument(
        "--outer-steps", metavar="N", help="train for so many (default: the preset's; said so)"
    )
    parser.add_argument(
        "--algorithms",
        metavar="A,B",
        help="arms to train, from "
        + ",".join(ALGORITHMS)
        + " (default: those that numbers are published for; all where none are)",
    )
    parser.add_argument("--out", metavar="DIR", type=folder_path, help="run folder to write")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue what was interrupted in --out, with the same other arguments",
    )
    add_set(parser)
    add_workers(parser, "1")
    add_data(parser)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")


def run(arguments: argparse.Namespace) -> int:
    """Train, test, report; 1 where an arm diverged or the run was interrupted.

    A figure that differs is a result, not a failure: the exit code says nothing of it.

    Raises:
        UsageError: before anything was written; so do SettingsError and StorageError.
        OSError: where the disk fails.
    """
    if (arguments.preset is None) == (arguments.named is None):
        raise UsageError("Give one preset: PRESET or --preset NAME.")
    arguments.preset = arguments.preset or arguments.named
    preset = preset_for(arguments)
    seeds = given_seeds(arguments, MOST_SEEDS) or DEFAULT_SEEDS

    from maml_explorer.experiments.reproduction import settings_to_reproduce

    settings = with_algorithms(settings_to_reproduce(preset), arguments.algorithms)
    settings = settings.with_values({"seed": seeds[0], **opened_data(arguments)})
    settings = settings.with_values(given_set(arguments))
    if arguments.outer_steps is not None:
        steps = whole_number(arguments.outer_steps, "outer_steps", "--outer-steps")
        settings = settings.with_values({"outer_steps": steps})

    if arguments.resume and arguments.out is None:
        raise UsageError("--resume needs the run folder: --out DIR.")

    from maml_explorer.core.plan import prepare
    from maml_explorer.experiments.continuing import begun_run

    prepare(settings)  # an absent device is refused before a folder is made
    workers = workplace(arguments)
    with ends_as_by_ctrl_c(), ExitStack() as until:
        folder, checkpoint = None, None
        if trained_apart(arguments.out, workers, len(seeds), resume=arguments.resume):
            path = until.enter_context(kept_or_not(arguments.out))
            try:
                train_seeds_apart(
                    path, [(path, settings)], seeds, workers,
                    resume=arguments.resume, quiet=arguments.quiet,
                )  # fmt: skip
            except KeyboardInterrupt:
                return _stopped(arguments)
            folder, checkpoint = begun_run(path, settings, seeds, resume=True)
        elif arguments.out is not None:
            folder, checkpoint = begun_run(arguments.out, settings, seeds, resume=arguments.resume)
        with nullcontext() if folder is None else folder.owned():
            return _reproduced(arguments, preset, settings, seeds, folder, checkpoint)


def _reproduced(
    arguments: argparse.Namespace,
    preset: Preset,
    settings: Settings,
    seeds: tuple[int, ...],
    folder: RunFolder | None,
    checkpoint: Checkpoint | None,
) -> int:
    from maml_explorer.experiments.reproduction import reproduce
    from maml_explorer.files.writer import write_text
    from maml_explorer.storage.report.page import report_html
    from maml_explorer.storage.report.report import report_json, report_text

    bar = None if arguments.quiet else ProgressBar(REMARKS)
    try:
        report, outcome = reproduce(
            preset,
            settings,
            seeds,
            _command(arguments, seeds),
            folder=folder,
            checkpoint=checkpoint,
            progress=bar,
        )
    except KeyboardInterrupt:
        return _stopped(arguments)
    finally:
        if bar is not None:
            bar.close()
    figures = json.dumps(report_json(report), indent=2, allow_nan=False)
    if folder is not None:
        folder.write_summary(outcome.summary())
        write_text(folder.path / FIGURES, figures + "\n")
        write_text(folder.path / REPORT, report_html(report))
    say(figures if arguments.json else report_text(report))
    if folder is not None and arguments.out is not None:
        tell(f"The report is {folder.path / REPORT}.")
    elif not arguments.quiet:
        tell("Nothing was saved: --out DIR writes a run folder with a report.")
    if report.notes:
        tell(f"maml-explorer reproduce: {' '.join(report.notes)}")
    return 1 if report.notes else 0


def _stopped(arguments: argparse.Namespace) -> int:
    how = "repeat the command with --resume" if arguments.out else "nothing was saved"
    tell(f"\nmaml-explorer reproduce: stopped; {how}.")
    return 1


def _command(arguments: argparse.Namespace, seeds: tuple[int, ...]) -> str:
    """Command that makes the report again."""
    words = ["maml-explorer", "reproduce", str(arguments.preset), "--seeds"]
    words.append(",".join(map(str, seeds)))
    for flag, value in (
        ("--algorithms", arguments.algorithms),
        ("--outer-steps", arguments.outer_steps),
    ):
        words += [] if value is None else [flag, value]
    return shlex.join([*words, *set_words(arguments)])
