"""A formula of the user's, with ranges for its parameters, as a family."""

from __future__ import annotations

import re

from maml_explorer.settings.curves.bounds import PoleError, refuse_poles
from maml_explorer.settings.curves.grammar import (
    CONSTANTS,
    FUNCTIONS,
    FormulaError,
    names_in,
    tree_of,
)
from maml_explorer.settings.family import CurveFormula, CurveRanges, Family, Parameter
from maml_explorer.settings.typed import MistypedError, real_number

USUAL = "A*sin(w*x - p) + B*x"
USUAL_RANGES = "A = 0.1..5, w = 1, p = 0..pi, B = -1..1"
MOST_PARAMETERS = 8
_RANGE = re.compile(
    r"\s*([^\W\d_]\w*)\s*(?:=|:|\bin\b)\s*(.+?)(?:\s*(?:\.\.|…|\bto\b)\s*(.+?))?\s*"
)


def ranges_of(text: str) -> dict[str, tuple[float, float]]:
    """Name → ends, of a text such as "A = 0.1..5, w = 1".

    Raises:
        FormulaError: saying what cannot be read.
    """
    found: dict[str, tuple[float, float]] = {}
    for part in [part for part in re.split(r"[,;]", text) if part.strip()]:
        match = _RANGE.fullmatch(part)
        if match is None:
            raise FormulaError(f"“{part.strip()[:30]}” is no range: write A = 0.1..5, w = 1")
        name, low, high = match.groups()
        if name in FUNCTIONS or name in CONSTANTS or name in ("x", "π"):
            raise FormulaError(f"{name} cannot be a parameter: it has a meaning of its own")
        if name in found:
            raise FormulaError(f"{name} has two ranges")
        try:
            ends = real_number(low), real_number(low if high is None else high)
        except (MistypedError, OverflowError):
            raise FormulaError(
                f"the range of {name} is not of numbers: {part.strip()[:30]}"
            ) from None
        if not -1e6 <= ends[0] <= ends[1] <= 1e6:
            raise FormulaError(
                f"the range of {name} goes from its lower to its upper end, within ±1e6"
            )
        found[name] = ends
    if len(found) > MOST_PARAMETERS:
        raise FormulaError(f"there are {len(found)} parameters: allowed are {MOST_PARAMETERS}")
    return found


def formula_refusal(tasks: CurveRanges, *, poles: bool) -> tuple[str, str]:
    """(key of the setting, why it is refused); empty where the formula can be drawn from.

    Args:
        poles: look for places where it is undefined too.
    """
    try:
        ranges = ranges_of(tasks.formula_ranges)
    except FormulaError as error:
        return "formula_ranges", str(error)
    try:
        tree = tree_of(tasks.formula)
    except FormulaError as error:
        return "formula", str(error)
    missing = [name for name in names_in(tree) if name != "x" and name not in ranges]
    if missing:
        known = ", ".join(["x", *ranges])
        return "formula", (
            f"{missing[0][:20]} has no range: known are {known}; add it to the ranges of the "
            f"formula, as {missing[0][:20]} = 0..1"
        )
    if poles:
        try:
            refuse_poles(tree, (*ranges.items(), ("x", tasks.span("x"))))
        except PoleError as error:
            return "formula", str(error)
    return "", ""


def _parameters(tasks: CurveRanges) -> tuple[Parameter, ...]:
    used = names_in(tree_of(tasks.formula))
    found = [(n, ends) for n, ends in ranges_of(tasks.formula_ranges).items() if n in used]
    return tuple(Parameter(name, *ends) for name, ends in found)


FORMULA_FAMILY = Family(
    key="formula",
    label="Formula",
    summary="Regression of y = a formula of your own over x and parameters with ranges, + noise.",
    source="the user",
    curve=CurveFormula(
        formula=lambda tasks: tasks.formula,
        parameters=_parameters,
        reads=("formula", "formula_ranges"),
    ),
)
