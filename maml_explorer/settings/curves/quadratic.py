"""Parabolas y = c x² + a x + b."""

from __future__ import annotations

from typing import Any

from maml_explorer.settings.curves.uniform import mean, mean_square
from maml_explorer.settings.family import CurveFormula, CurveRanges, Family, Parameter


def _moments(tasks: CurveRanges, x: Any, xp: Any) -> tuple[Any, Any]:
    bend, slope, offset = (tasks.span(name) for name in ("bend", "slope", "offset"))
    middle = mean(bend) * x**2 + mean(slope) * x + mean(offset)
    spread = sum(
        (mean_square(ends) - mean(ends) ** 2) * x ** (2 * power)
        for ends, power in ((bend, 2), (slope, 1), (offset, 0))
    )
    return middle, middle**2 + spread


QUADRATIC_FAMILY = Family(
    key="quadratic",
    label="Parabolas",
    summary="Regression of y = c x² + a x + b + noise.",
    source="the next family after lines: three points tell a task",
    curve=CurveFormula(
        formula=lambda tasks: "c*x^2 + a*x + b",
        parameters=lambda tasks: (
            Parameter("c", *tasks.span("bend")),
            Parameter("a", *tasks.span("slope")),
            Parameter("b", *tasks.span("offset")),
        ),
        moments=_moments,
        reads=("bend", "slope", "offset"),
        spoken=lambda tasks: "c x² + a x + b",
    ),
)
