"""Figures of the views over outer steps: what a view found again and again, kept within bounds.

Torch-free: the worker keeps them for the run folder, the window to draw them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from maml_explorer.protocol.insight import Insight

MOST_POINTS = 1_000
"""Points of one figure, an even number; where it has more, every second one goes."""
FigureRow = tuple[int, str, str, str, float]
"""(outer step, view, arm, figure, value)"""


@runtime_checkable
class Followed(Protocol):
    """A record of which figures are followed over training."""

    def figures(self) -> Mapping[str, float]:
        """Figure → value."""


@runtime_checkable
class FollowedAlone(Protocol):
    """A record of the one arm that a request names, figures of which are followed."""

    def arm_figures(self) -> Mapping[str, float]:
        """Figure → value."""


@dataclass(slots=True)
class Series:
    """One figure of one arm, in the order of outer steps."""

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    _every: int = 1
    """One of so many values is kept, and the newest."""
    _taken: int = 0

    def add(self, outer_step: int, value: float) -> None:
        """Adds a value; one of the same or a later outer step gives way."""
        if self.steps and self.steps[-1] >= outer_step:
            self.cut(outer_step - 1)
        if self._taken and (self._taken - 1) % self._every:
            self.steps.pop()
            self.values.pop()
        self.steps.append(outer_step)
        self.values.append(value)
        self._taken += 1
        if len(self.steps) > MOST_POINTS:
            del self.steps[1::2], self.values[1::2]
            self._every *= 2

    def cut(self, outer_step: int) -> None:
        """Forgets what came after an outer step."""
        keep = bisect_right(self.steps, outer_step)
        if keep < len(self.steps):
            del self.steps[keep:], self.values[keep:]
            self._taken = max(0, keep - 1) * self._every + 1 if keep else 0


class Figures:
    """Every figure that is followed in one run."""

    def __init__(self, rows: Iterable[FigureRow] = ()) -> None:
        self._series: dict[tuple[str, str, str], Series] = {}
        for step, view, arm, figure, value in rows:
            self._of(view, arm, figure).add(step, value)

    def take(self, insight: Insight) -> None:
        """Adds what a view found, where its records have figures that are followed."""
        arm = insight.request.values().get("arm")
        if isinstance(insight.value, FollowedAlone) and isinstance(arm, str):
            for figure, value in insight.value.arm_figures().items():
                self._of(insight.request.view, arm, figure).add(insight.outer_step, value)
        if not isinstance(insight.value, Mapping):
            return
        for arm, record in insight.value.items():
            if isinstance(record, Followed):
                for figure, value in record.figures().items():
                    self._of(insight.request.view, arm, figure).add(insight.outer_step, value)

    def rewind(self, outer_step: int) -> None:
        """Forgets what came after an outer step."""
        for series in self._series.values():
            series.cut(outer_step)

    def series(self, view: str, arm: str, figure: str) -> Series:
        """A figure of an arm; empty where it was not looked at."""
        return self._series.get((view, arm, figure), Series())

    def rows(self) -> Iterator[FigureRow]:
        """Everything, figure by figure."""
        for (view, arm, figure), series in self._series.items():
            for step, value in zip(series.steps, series.values, strict=True):
                yield step, view, arm, figure, value

    def _of(self, view: str, arm: str, figure: str) -> Series:
        return self._series.setdefault((view, arm, figure), Series())
