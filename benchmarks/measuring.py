"""Times taken in alternating rounds, and tables of them."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Work = Callable[[int], object]
"""Does its piece of work so many times."""


@dataclass(frozen=True)
class Times:
    """Seconds per piece of work, one entry per round."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def minimum(self) -> float:
        return min(self.rounds)

    @property
    def spread(self) -> float:
        """Half the range of the middle half of the rounds, as a part of the median."""
        if len(self.rounds) < 4:
            return (max(self.rounds) - min(self.rounds)) / 2 / self.median
        low, _, high = statistics.quantiles(self.rounds, n=4)
        return (high - low) / 2 / self.median

    def over(self, other: Times) -> Ratio:
        """How many times longer than the other."""
        paired = [a / b for a, b in zip(self.rounds, other.rounds, strict=True)]
        return Ratio(statistics.median(paired), self.minimum / other.minimum)


@dataclass(frozen=True)
class Ratio:
    """One time over another."""

    median: float
    """Of the ratios of single rounds."""
    minima: float
    """Of the fastest rounds: what noise disturbs least."""


def alternate(works: Mapping[str, Work], rounds: int, turn: float) -> dict[str, Times]:
    """Times of each work, in rounds; the order of turns is reversed from round to round.

    Args:
        turn: seconds that one turn takes, about; work that takes longer is done once a turn.
    """
    counts = {name: _count(work, turn) for name, work in works.items()}
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for index in range(rounds):
        names = list(works) if index % 2 == 0 else list(reversed(works))
        for name in names:
            begin = time.perf_counter()
            works[name](counts[name])
            seconds[name].append((time.perf_counter() - begin) / counts[name])
    return {name: Times(tuple(values)) for name, values in seconds.items()}


def _count(work: Work, turn: float) -> int:
    """How often the work fits into a turn; on the way it is warmed up."""
    work(1)
    count = 1
    while True:
        begin = time.perf_counter()
        work(count)
        taken = time.perf_counter() - begin
        if taken >= turn / 4 or count > 10**6:
            return max(1, round(count * turn / taken))
        count *= 2


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its columns aligned so that it reads well as it is."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        first = cells[0].ljust(widths[0])
        rest = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        return "| " + " | ".join([first, *rest]) + " |"

    rule = "|" + "|".join(
        "-" * (width + 2) if i == 0 else "-" * (width + 1) + ":" for i, width in enumerate(widths)
    )
    return "\n".join([line(header), rule + "|", *map(line, rows)])


def show(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], note: str = "") -> None:
    """Prints a table under its title."""
    print(f"\n### {title}\n\n{table(header, rows)}")
    if note:
        print(f"\n{note}")
    print(flush=True)


def figure(value: float) -> str:
    """Three digits: 0.354, 3.54, 35.4, 354."""
    if value == 0:
        return "0"
    return f"{value:.3g}" if value < 999.5 else f"{value:,.0f}"


def milliseconds(seconds: float) -> str:
    return figure(1000 * seconds)


def percent(part: float) -> str:
    return f"{100 * part:.1f} %" if part < 0.0995 else f"{100 * part:.0f} %"


def machine() -> str:
    """What this ran on, in one line."""
    import torch

    model = platform.processor() or platform.machine()
    try:
        rows = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(row.split(":", 1)[1].strip() for row in rows if "model name" in row)
    except (OSError, StopIteration):
        pass  # not Linux: the architecture's name has to do
    cores = os.cpu_count()
    return (
        f"{cores} cores, {model}, Python {platform.python_version()}, PyTorch {torch.__version__}"
    )


def quick_asked(description: str) -> bool:
    """Reads the command line of a benchmark: whether --quick was given."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, under 20 seconds")
    return bool(parser.parse_args().quick)
