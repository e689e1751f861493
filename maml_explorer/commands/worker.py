"""`maml-explorer worker`: trains what the driver of a cluster sends, inside a job or a pod."""

from __future__ import annotations

import argparse

from maml_explorer.commands.arguments import UsageError
from maml_explorer.commands.output import tell
from maml_explorer.commands.own_tasks import add_own_tasks, open_own_tasks
from maml_explorer.commands.workers import add_cluster, cluster_of, worker_count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    add_cluster(parser, "the scheduler to work for")
    add_own_tasks(parser)
    parser.add_argument(
        "--slots", metavar="auto|N", default="1", help="runs at once, a process each (default 1)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Train until the scheduler is gone or a signal comes.

    Raises:
        UsageError: where no cluster is given.
        StorageError: where the scheduler does not answer.
        SettingsError: where the own tasks that are named cannot be imported here.
    """
    open_own_tasks(arguments)
    slots = worker_count(arguments.slots, "--slots")
    place = cluster_of(arguments)
    if place is None:
        raise UsageError(
            "A worker needs the scheduler: --cluster FILE or --cluster tls://HOST:PORT."
        )

    from maml_explorer.experiments.sweep.cluster import run_workers

    tell(f"maml-explorer worker: {slots} slots for {place.address}.")
    run_workers(place, slots)
    return 0
