"""Straight lines y = a x + b."""

from __future__ import annotations

from typing import Any

from maml_explorer.settings.curves.uniform import mean, mean_square
from maml_explorer.settings.family import CurveFormula, CurveRanges, Family, Parameter


def _moments(tasks: CurveRanges, x: Any, xp: Any) -> tuple[Any, Any]:
    slope, offset = tasks.span("slope"), tasks.span("offset")
    return (
        mean(slope) * x + mean(offset),
        mean_square(slope) * x**2 + 2 * mean(slope) * mean(offset) * x + mean_square(offset),
    )


LINE_FAMILY = Family(
    key="line",
    label="Lines",
    summary="Regression of y = a x + b + noise.",
    source="the smallest family that a task can be told from by two points",
    curve=CurveFormula(
        formula=lambda tasks: "a*x + b",
        parameters=lambda tasks: (
            Parameter("a", *tasks.span("slope")),
            Parameter("b", *tasks.span("offset")),
        ),
        moments=_moments,
        reads=("slope", "offset"),
        spoken=lambda tasks: "a x + b",
    ),
)
