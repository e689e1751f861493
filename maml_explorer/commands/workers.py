"""Workers of a command: how many, where they are, and progress over all their runs."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from maml_explorer.commands.arguments import UsageError
from maml_explorer.commands.output import REMARKS, tell
from maml_explorer.commands.progress import grouped, time_left

if TYPE_CHECKING:
    from maml_explorer.experiments.sweep.apart import SeedParts
    from maml_explorer.experiments.sweep.driver import SweepProgress
    from maml_explorer.experiments.sweep.engine import Engine
    from maml_explorer.settings.settings import Settings

MAX_WORKERS = 256


def add_workers(parser: argparse.ArgumentParser, default: str) -> None:
    """The flag, the same in every command; `default` is what counts where it is left out."""
    many = "processes, or auto for one on each core"
    parser.add_argument(
        "--workers", metavar="auto|N", default=default, help=f"{many} (default {default})"
    )


def worker_count(text: str) -> int:
    """The number of workers that was asked for.

    Raises:
        UsageError: for what is neither auto nor an allowed number.
    """
    if text == "auto":
        available = getattr(os, "process_cpu_count", os.cpu_count)() or 1
        return min(int(available), MAX_WORKERS)
    if not text.isdecimal() or not 1 <= int(text[:9]) <= MAX_WORKERS:
        raise UsageError(f"--workers takes auto or a number from 1 to {MAX_WORKERS}.")
    return int(text)


@contextmanager
def engine_of(workers: int, inner_steps: int | None, stop: Path) -> Iterator[Engine]:
    """An engine of so many workers on this machine; one trains in this process.

    Args:
        workers: at least one.
        inner_steps: of the objective; None measures none.
        stop: the file that asks the workers to save and stop.

    Raises:
        StorageError: where the library for several workers is not installed.
    """
    from maml_explorer.experiments.sweep.engine import InProcess, OnDask, local_cluster

    if workers == 1:
        yield InProcess(inner_steps, stop.exists)
        return
    with local_cluster(workers) as client:
        yield OnDask(client, workers, inner_steps, stop)


@contextmanager
def kept_or_not(path: Path | None) -> Iterator[Path]:
    """The folder that was asked for; without one a folder that goes at the end."""
    if path is not None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="maml-explorer-") as temporary:
        yield Path(temporary)


def train_parts(parts: SeedParts, workers: int, *, quiet: bool) -> float | None:
    """Train the parts of runs, and return the outer steps a second; None where none was left.

    Raises:
        KeyboardInterrupt: what was trained is saved.
        StorageError: naming a part that failed, and why; or the library is not installed.
    """
    from maml_explorer.experiments.sweep.apart import train_apart

    line = WorkersLine(quiet)
    try:
        count = max(1, min(workers, len(parts.trials())))
        with engine_of(count, None, parts.stop) as engine:
            train_apart(parts, engine, line)
    finally:
        line.close()
    return line.rate


def trained_apart(path: Path | None, workers: int, units: int, *, resume: bool) -> bool:
    """True where the seeds are trained apart: with several workers, or as they were begun.

    A run that one process began goes on in one process.
    """
    from maml_explorer.experiments.sweep.apart import is_apart
    from maml_explorer.files.opening import is_file
    from maml_explorer.storage.run.folder import CHECKPOINT

    if resume and path is not None:
        return is_apart(path) or (workers > 1 and not is_file(path / CHECKPOINT))
    return workers > 1 and units > 1


def train_seeds_apart(
    folder: Path,
    runs: Sequence[tuple[Path, Settings]],
    seeds: Sequence[int],
    workers: int,
    *,
    resume: bool,
    quiet: bool,
) -> float | None:
    """Train every seed of every run by itself, several at once, and join them to whole runs.

    Args:
        folder: that keeps the parts while they train.
        runs: run folder and settings of each, with the first seed.
        seeds: of every run.
        workers: how many are trained at once.
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
    parts = begin_apart(folder, several, seeds, resume=resume)
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
    parts = [f"{found.done + found.failed} of {found.total} runs, {found.running} running"]
    parts += [f"{found.failed} failed"] if found.failed else []
    parts.append(f"{grouped(found.outer_steps)} of {grouped(found.total_steps)} outer steps")
    if found.rate is not None and found.seconds_left is not None:
        parts.append(f"{found.rate:.3g}/s, {time_left(found.seconds_left)} left")
    return ", ".join(parts)
