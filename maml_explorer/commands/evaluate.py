"""`maml-explorer evaluate`: the meta-test of an exported initialization."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from maml_explorer.commands.arguments import number_list, whole_number
from maml_explorer.results import evaluation_table

MAX_STEPS = 51


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "folder", metavar="INIT_DIR", type=Path, help="folder of an exported initialization"
    )
    parser.add_argument("--shots", default="5", metavar="K", help="support points (default 5)")
    parser.add_argument("--inner-steps", default="0,1,5,10", metavar="K,K", help="default 0,1,5,10")
    parser.add_argument("--tasks", default="600", metavar="N", help="held-out tasks (default 600)")
    parser.add_argument(
        "--seed", metavar="S", help="of the held-out tasks (default: that it was trained with)"
    )
    parser.add_argument("--json", action="store_true", help="print the record as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the record.

    Raises:
        UsageError: before anything was computed; so do SettingsError and StorageError.
    """
    shots = whole_number(arguments.shots, "shots", "--shots")
    steps = number_list(arguments.inner_steps, "test_steps", "--inner-steps", MAX_STEPS)
    tasks = whole_number(arguments.tasks, "test_tasks", "--tasks")
    seed = None if arguments.seed is None else whole_number(arguments.seed, "seed", "--seed")

    from maml_explorer.api import evaluate
    from maml_explorer.storage.initialization import load_initialization

    initialization = load_initialization(arguments.folder)
    if seed is None:
        seed = initialization.settings.run.seed
    record = evaluate(initialization, shots, steps, tasks, seed)
    text = json.dumps(record, allow_nan=False) if arguments.json else evaluation_table(record)
    sys.stdout.write(text + "\n")
    return 0
