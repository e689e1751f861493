"""Messages between window and worker about the views of the insight.

Torch-free and frozen, as :mod:`maml_explorer.protocol.reports`, which has these in its tables. What
a view finds is a record of :mod:`maml_explorer.protocol.insight_records`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from maml_explorer.late_dataclass import dataclass

Option = str | int | float | bool | None | tuple[float, ...]


class ViewName(StrEnum):
    """A view of the insight, as the worker's table and the files name it."""

    GRADIENT = "gradient"
    CHECK = "check"
    COST = "cost"
    STABILITY = "stability"
    FEATURES = "features"
    STEP_SIZES = "step_sizes"
    LAYER = "layer"
    NORM = "norm"
    PARAMETER_MAP = "parameter_map"
    ERROR_MAP = "error_map"
    DATA_MAP = "data_map"
    LANDSCAPE = "landscape"
    EMBEDDING = "embedding"


@dataclass(frozen=True)
class InsightRequest:
    """A view with its options. Equal ones are the same view."""

    view: ViewName
    options: tuple[tuple[str, Option], ...] = ()
    """(name, value), in the order of names."""

    @classmethod
    def of(cls, view: ViewName, **options: Option) -> InsightRequest:
        """The request for a view with these options; those it does not name are its defaults."""
        return cls(view, tuple(sorted(options.items())))

    def values(self) -> Mapping[str, Option]:
        """The options by name."""
        return dict(self.options)


@dataclass(frozen=True)
class LookInside:
    """The views that are visible from now on, instead of those before; empty for none.

    Each is computed again and again beside training, within a budget; while paused, once for
    the present state. Answered by `Insight`. Successive ones coalesce to the newest.
    """

    views: tuple[InsightRequest, ...] = ()


@dataclass(frozen=True)
class RefreshInsight:
    """Compute a view once more now, visible or not, ahead of the budget of the others."""

    request: InsightRequest


@dataclass(frozen=True)
class NothingToShow:
    """Stand-in for the value of a view that has none: the reason, in words."""

    reason: str


@dataclass(frozen=True)
class Insight:
    """Result of a view; the newest of each request replaces older ones."""

    run: int
    outer_step: int
    """Outer step of the state looked at."""
    request: InsightRequest
    value: object
    """A record of the view, or arm → record; `NothingToShow` in the place of either. None where
    the view failed."""
    failed: str = ""
    """Error, in a sentence; empty where there was none."""
    details: str = ""
    """The traceback, for "Copy details"."""


@dataclass(frozen=True)
class InsightFigures:
    """The figures over outer steps that a run came with: opened, or brought back."""

    run: int
    rows: tuple[tuple[int, str, str, str, float], ...]
    """(outer step, view, arm, figure, value)"""


@dataclass(frozen=True)
class InsightProgress:
    """Share of a view that is done, sent now and then while it is computed."""

    run: int
    request: InsightRequest
    share: float
    """0 … 1"""
