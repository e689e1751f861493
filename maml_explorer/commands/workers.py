"""Workers of a command: how many, where they are, and progress over all their runs."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from maml_explorer.commands.arguments import UsageError, folder_path
from maml_explorer.commands.output import REMARKS, tell
from maml_explorer.commands.progress import grouped, time_left
from maml_explorer.settings.words import counted

if TYPE_CHECKING:
    from maml_explorer.experiments.sweep.apart import SeedParts
    from maml_explorer.experiments.sweep.cluster import ClusterPlace
    from maml_explorer.experiments.sweep.driver import SweepProgress
    from maml_explorer.experiments.sweep.engine import Engine
    from maml_explorer.settings.settings import Settings

MAX_WORKERS = 256


def add_workers(parser: argparse.ArgumentParser, default: str) -> None:
    """The flag, the same in every command; `default` is what counts where it is left out."""
    many = "processes, or auto for one on each core"
    parser.add_argument("--workers", metavar="auto|N", help=f"{many} (default {default})")
    add_cluster(parser, "train on the workers of this Dask scheduler instead")
    parser.set_defaults(usual_workers=default)


def add_cluster(parser: argparse.ArgumentParser, words: str) -> None:
    """The flags that name a cluster."""
    add = parser.add_argument
    add("--cluster", metavar="FILE|ADDRESS", help=f"{words}: its file, or tls://HOST:PORT")
    add("--tls", metavar="DIR", type=folder_path,
        help="folder with ca.pem, cert.pem and key.pem for a tls:// scheduler")  # fmt: skip
    add("--insecure", action="store_true", help="speak to another host without TLS")


@dataclass(frozen=True)
class Workplace:
    """Workers that were asked for: so many here, or those of a cluster."""

    count: int
    cluster: ClusterPlace | None = None
    own_tasks: str | None = None
    """The user's own tasks by name, which the workers import; None for none."""

    @property
    def several(self) -> bool:
        """True where runs may train side by side."""
        return self.count > 1 or self.cluster is not None

    def at_most(self, runs: int) -> Workplace:
        """No more workers here than there are runs."""
        return replace(self, count=max(1, min(self.count, runs)))


def workplace(arguments: argparse.Namespace) -> Workplace:
    """The workers that the flags ask for.

    Raises:
        UsageError: for a number that is not allowed, or two places at once.
        StorageError: where the cluster is named wrongly, or open to others.
    """
    place, own_tasks = cluster_of(arguments), getattr(arguments, "own_tasks", None)
    if place is None:
        count = worker_count(arguments.workers or arguments.usual_workers)
        return Workplace(count, own_tasks=own_tasks)
    if arguments.workers is not None:
        raise UsageError("--workers and --cluster exclude each other: give one of them.")
    return Workplace(1, place, own_tasks)


def cluster_of(arguments: argparse.Namespace) -> ClusterPlace | None:
    """The cluster that the flags name; None where they name none.

    Raises:
        UsageError: for flags of a cluster without one.
        StorageError: where it is named wrongly, or open to others.
    """
    if arguments.cluster is None:
        if arguments.tls is not None or arguments.insecure:
            raise UsageError("--tls and --insecure go with --cluster.")
        return None

    from maml_explorer.experiments.sweep.cluster import cluster_place

    return cluster_place(arguments.cluster, arguments.tls, insecure=arguments.insecure)


def worker_count(text: str, flag: str = "--workers") -> int:
    """The number of workers that was asked for.

    Raises:
        UsageError: for what is neither auto nor an allowed number.
    """
    if text == "auto":
        available = getattr(os, "process_cpu_count", os.cpu_count)() or 1
        return min(int(available), MAX_WORKERS)
    if not text.isdecimal() or not 1 <= int(text[:9]) <= MAX_WORKERS:
        raise UsageError(f"{flag} takes auto or a number from 1 to {MAX_WORKERS}.")
    return int(text)


@contextmanager
def engine_of(workers: Workplace, inner_steps: int | None, stop: Path) -> Iterator[Engine]:
    """An engine of these workers; a single one here trains in this process.

    Args:
        workers: how many, or where.
        inner_steps: of the objective; None measures none.
        stop: the file that asks the workers to save and stop.

    Raises:
        StorageError: where the library for several workers is not installed.
    """
    from maml_explorer.experiments.sweep.engine import (
        InProcess,
        OnDask,
        local_cluster,
        local_slots,
        refuse_workers_without,
    )

    own = workers.own_tasks

    if workers.cluster is not None:
        from maml_explorer.experiments.sweep.cluster import SLOT, connected, slots_of

        with connected(workers.cluster, stop.parent, own) as client:
            yield OnDask(client, lambda: slots_of(client), inner_steps, stop, SLOT, own)
        return
    if workers.count == 1:
        yield InProcess(inner_steps, stop.exists)
        return
    with local_cluster(workers.count) as client:
        refuse_workers_without(client, own)
        yield OnDask(client, lambda: local_slots(client), inner_steps, stop, own_tasks=own)


@contextmanager
def kept_or_not(path: Path | None) -> Iterator[Path]:
    """The folder that was asked for; without one a folder that goes at the end."""
    if path is not None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="maml-explorer-") as temporary:
        yield Path(temporary)


def train_parts(parts: SeedParts, workers: Workplace, *, quiet: bool) -> float | None:
    """Train the parts of runs, and return the outer steps a second; None where none was left.

    Raises:
        KeyboardInterrupt: what was trained is saved.
        StorageError: naming a part that failed, and why; or the library is not installed.
    """
    from maml_explorer.experiments.sweep.apart import train_apart

    line = WorkersLine(quiet)
    try:
        with engine_of(workers.at_most(len(parts.trials())), None, parts.stop) as engine:
            train_apart(parts, engine, line)
    finally:
        line.close()
    return line.rate


def trained_apart(path: Path | None, workers: Workplace, units: int, *, resume: bool) -> bool:
    """True where the seeds are trained apart: with several workers, or as they were begun.

    A run that one process began goes on in one process.
    """
    from maml_explorer.experiments.sweep.apart import is_apart
    from maml_explorer.files.opening import is_file
    from maml_explorer.storage.run.folder import CHECKPOINT

    if resume and path is not None:
        return is_apart(path) or (workers.several and not is_file(path / CHECKPOINT))
    return workers.several and units > 1


def train_seeds_apart(
    folder: Path,
    runs: Sequence[tuple[Path, Settings]],
    seeds: Sequence[int],
    workers: Workplace,
    *,
    resume: bool,
    quiet: bool,
) -> float | None:
    """Train every seed of every run by itself, several at once, and join them to whole runs.

    Args:
        folder: that keeps the parts while they train.
        runs: run folder and settings of each, with the first seed.
        seeds: of every run.
        workers: how many, or where.
        resume: whether what is there may be gone on with.
        quiet: whether progress is left out.

    Returns:
        The outer steps a second, of all together; None where none was left to take.

    Raises:
        KeyboardInterrupt: what was trained is saved.
        StorageError: where something else is there, a part failed, or the library for several
            workers is not installed.
    """
    from maml_explorer.experiments.sweep.apart import ApartRun, begin_apart

    several = [ApartRun(path, settings) for path, settings in runs]
    named = workers.own_tasks is not None
    parts = begin_apart(folder, several, seeds, resume=resume, tasks_named=named)
    return train_parts(parts, workers, quiet=quiet)


class WorkersLine:
    """Progress over all runs: one line in a terminal, a line for each tenth elsewhere."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet, self.terminal = quiet, REMARKS.isatty()
        self.tenth, self.shown = -1, False
        self.rate: float | None = None

    def __call__(self, found: SweepProgress) -> None:
        """Show how far all runs are."""
        self.rate = found.rate or self.rate
        if self.quiet:
            return
        if self.terminal:
            self.shown = True
            REMARKS.write(f"\r{workers_line(found)}\x1b[K")
        elif found.outer_steps * 10 // max(1, found.total_steps) != self.tenth:
            self.tenth = found.outer_steps * 10 // max(1, found.total_steps)
            tell(workers_line(found))

    def close(self) -> None:
        """End the line."""
        if self.shown:
            REMARKS.write("\n")
        self.shown = False


def workers_line(found: SweepProgress) -> str:
    """Such as "3 of 8 runs, 2 running, 15 200 of 40 000 outer steps, 812/s, 0:31 left"."""
    parts = [
        f"{found.done + found.failed} of {counted(found.total, 'run')}, {found.running} running"
    ]
    parts += [f"{found.failed} failed"] if found.failed else []
    parts.append(
        f"{grouped(found.outer_steps)} of {counted(found.total_steps, 'outer step', grouped)}"
    )
    if found.rate is not None and found.seconds_left is not None:
        parts.append(f"{found.rate:.3g}/s, {time_left(found.seconds_left)} left")
    return ", ".join(parts)
