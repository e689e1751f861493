"""Steps: y = l left of a place s, and r right of it."""

from __future__ import annotations

from typing import Any

from maml_explorer.settings.curves.uniform import mean, mean_square
from maml_explorer.settings.family import CurveFormula, CurveRanges, Family, Parameter


def _moments(tasks: CurveRanges, x: Any, xp: Any) -> tuple[Any, Any]:
    # whatever side x is on, its level is drawn from the same range
    level = tasks.span("level")
    return 0 * x + mean(level), 0 * x + mean_square(level)


STEP_FAMILY = Family(
    key="step",
    label="Steps",
    summary="Regression of y = l for x < s, and r for x > s, + noise.",
    source="Bayesian MAML and neural processes are compared on steps; the ranges are this "
    "program's",
    curve=CurveFormula(
        formula=lambda tasks: "l + (r - l)*step(x - s)",
        parameters=lambda tasks: (
            Parameter("l", *tasks.span("level")),
            Parameter("r", *tasks.span("level")),
            Parameter("s", *tasks.span("position")),
        ),
        moments=_moments,
        reads=("level", "position"),
        spoken=lambda tasks: "l for x < s, r for x > s",
    ),
)
