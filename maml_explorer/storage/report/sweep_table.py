"""Results of a sweep as rows and cells: one row a run, one cell a point. Torch-free."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from statistics import fmean, stdev

from maml_explorer.core.student_t import student_t_975
from maml_explorer.files.csv_text import csv_text
from maml_explorer.settings.declaration import Value, shown
from maml_explorer.storage.report.figures import PERCENT


class TrialState(Enum):
    """State of one run of a sweep, read from its files."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    PRUNED = "pruned"
    """Stopped by halving, since others were better at the same outer step."""


ENDED = (TrialState.DONE, TrialState.FAILED, TrialState.PRUNED)
"""States of runs that are not trained further."""


@dataclass(frozen=True)
class SweepAxis:
    """An axis as a report names and spaces it."""

    key: str
    label: str
    log: bool = False


@dataclass(frozen=True)
class SweepRow:
    """One run: its point, its seed and what came of it."""

    name: str
    point: tuple[tuple[str, Value], ...]
    """(axis, value), in the order of the axes."""
    seed: int
    state: TrialState
    objective: float | None = None
    """On validation tasks; None where the run is not done, diverged, or is not finite."""
    diverged: bool = False
    outer_step: int = 0
    seconds: float | None = None
    reason: str = ""
    """Reason why it failed or diverged."""


@dataclass(frozen=True)
class SweepCell:
    """All seeds of one point."""

    point: tuple[tuple[str, Value], ...]
    values: tuple[float, ...]
    """Objectives of the seeds that are done and finite."""
    seeds: int
    done: int
    diverged: int
    failed: int
    reason: str = ""
    """Reason of the first seed that failed or diverged."""

    @cached_property
    def mean(self) -> float | None:
        """Mean over the finite seeds; None where there is none."""
        return fmean(self.values) if self.values else None

    @cached_property
    def half(self) -> float | None:
        """Half-width of the 95 % Student t interval over seeds; None for fewer than two."""
        if len(self.values) < 2:
            return None
        t = student_t_975(len(self.values) - 1)
        return t * stdev(self.values) / math.sqrt(len(self.values))

    def words(self) -> str:
        """The cell in one line: "0.31 ± 0.04, 1 of 5 diverged"."""
        parts = []
        if self.mean is not None:
            half = "" if self.half is None else f" ± {self.half:.2g}"
            parts.append(f"{self.mean:.3g}{half}")
        if self.diverged:
            parts.append(f"{self.diverged} of {self.seeds} diverged")
        if self.failed:
            parts.append(f"{self.failed} of {self.seeds} failed")
        if self.done < self.seeds:
            parts.append(f"{self.done} of {self.seeds} done")
        return ", ".join(parts)


def higher_is_better(objective: str) -> bool:
    """True for an objective such as "accuracy@5", false for "mse@5"."""
    return objective.partition("@")[0] in PERCENT


def cells_of(rows: Sequence[SweepRow]) -> list[SweepCell]:
    """The cells of the rows, in the order in which their points first stand."""
    groups: dict[tuple[tuple[str, Value], ...], list[SweepRow]] = {}
    for row in rows:
        groups.setdefault(row.point, []).append(row)
    return [cell_of(group) for group in groups.values()]


def cell_of(rows: Sequence[SweepRow]) -> SweepCell:
    """The cell of rows that have one point; at least one row."""
    return SweepCell(
        rows[0].point,
        tuple(row.objective for row in rows if row.objective is not None),
        len(rows),
        sum(row.state is TrialState.DONE for row in rows),
        sum(row.diverged for row in rows),
        sum(row.state is TrialState.FAILED for row in rows),
        next((row.reason for row in rows if row.reason), ""),
    )


def folded(
    cells: Sequence[SweepCell], keys: Sequence[str], *, higher: bool = False
) -> list[SweepCell]:
    """The cells over some axes only: of the others, the best cell by its mean.

    Cells with a diverged seed rank behind all others, so that a lucky seed is never the best.
    With `higher` a higher mean is better.
    """
    best: dict[tuple[tuple[str, Value], ...], SweepCell] = {}
    for cell in cells:
        point = tuple((key, value) for key, value in cell.point if key in keys)
        held = best.get(point)
        if held is None or _rank(cell, higher) < _rank(held, higher):
            best[point] = replace(cell, point=point)
    return list(best.values())


def best_cell(rows: Sequence[SweepRow], *, higher: bool = False) -> SweepCell | None:
    """The cell with the best mean over seeds among those that are whole, or None.

    The smallest is best, with `higher` the largest.
    """
    whole = [cell for cell in cells_of(rows) if len(cell.values) == cell.seeds]
    return min(whole, key=lambda cell: _rank(cell, higher), default=None)


def paired(rows: Sequence[SweepRow], base: tuple[tuple[str, Value], ...]) -> list[SweepCell]:
    """Differences to the base point, seed by seed: cells whose values are differences."""
    of_base = {row.seed: row.objective for row in rows if row.point == base}
    shifted = []
    for row in rows:
        start = of_base.get(row.seed)
        known = row.objective is not None and start is not None
        gap = row.objective - start if known else None  # type: ignore[operator]
        shifted.append(
            SweepRow(row.name, row.point, row.seed, row.state, gap, row.diverged, row.outer_step)
        )
    return cells_of(shifted)


def runs_csv(axes: Sequence[SweepAxis], rows: Sequence[SweepRow]) -> str:
    """The table as CSV: one row a run; what is not known is an empty field."""
    head = ["run", *(axis.key for axis in axes), "seed", "state", "objective", "diverged"]
    lines: list[list[object]] = [[*head, "outer_step", "seconds"]]
    for row in rows:
        values = dict(row.point)
        lines.append(
            [
                row.name,
                *(shown(values[axis.key]) if axis.key in values else "" for axis in axes),
                row.seed,
                row.state.value,
                row.objective,
                int(row.diverged),
                row.outer_step,
                "" if row.seconds is None else f"{row.seconds:.3f}",
            ]
        )
    return csv_text(lines)


def _rank(cell: SweepCell, higher: bool) -> tuple[bool, float]:
    if cell.mean is None:
        return True, math.inf
    return cell.diverged > 0, -cell.mean if higher else cell.mean
