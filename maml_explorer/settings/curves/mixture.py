"""Mixtures: each task is of one of a few families, drawn with equal chances (multimodal)."""

from __future__ import annotations

import re
from typing import Any

from maml_explorer.settings.curves.gaussian import GAUSSIAN_FAMILY
from maml_explorer.settings.curves.harmonics import HARMONICS_FAMILY
from maml_explorer.settings.curves.line import LINE_FAMILY
from maml_explorer.settings.curves.quadratic import QUADRATIC_FAMILY
from maml_explorer.settings.curves.sawtooth import SAWTOOTH_FAMILY
from maml_explorer.settings.curves.sine import SINE_FAMILY
from maml_explorer.settings.curves.step import STEP_FAMILY
from maml_explorer.settings.family import CurveFormula, CurveRanges, Family, Parameter

PARTS: dict[str, Family] = {
    family.key: family
    for family in (
        SINE_FAMILY, LINE_FAMILY, QUADRATIC_FAMILY, STEP_FAMILY, SAWTOOTH_FAMILY, HARMONICS_FAMILY,
        GAUSSIAN_FAMILY,
    )
}  # fmt: skip
"""Families that may be mixed."""
WHICH = "k"
"""Parameter that says which family a task is of, by its whole part."""


def keys_of(text: str) -> tuple[str, ...]:
    """The keys in the setting, separated by commas or blanks."""
    return tuple(part for part in re.split(r"[,\s]+", text.strip()) if part)


def refusal(text: str) -> str:
    """Sentence that says why a text names no mixture; empty where it does."""
    keys = keys_of(text)
    if len(keys) >= 2 and len(set(keys)) == len(keys) and set(keys) <= set(PARTS):
        return ""
    return f"allowed are two or more of {', '.join(PARTS)}, each once, separated by commas"


def parts_of(tasks: CurveRanges) -> list[CurveFormula]:
    """The curves that are mixed."""
    return [curve for key in keys_of(tasks.mixture) if (curve := PARTS[key].curve) is not None]


def _formula(tasks: CurveRanges) -> str:
    parts = [
        # a name that stands before a parenthesis is a function
        re.sub(r"(?<!\w)(?!x\b)([^\W\d_]\w*)(?!\w|\s*\()", rf"\1_{nth}", part.formula(tasks))
        for nth, part in enumerate(parts_of(tasks))
    ]
    chosen = [
        f"(step({WHICH} - {nth}) - step({WHICH} - {nth + 1}))*({part})"
        for nth, part in enumerate(parts)
    ]
    return " + ".join(chosen)


def _parameters(tasks: CurveRanges) -> tuple[Parameter, ...]:
    parts = parts_of(tasks)
    found = [Parameter(WHICH, 0.0, float(len(parts)))]
    for nth, part in enumerate(parts):
        found += [
            Parameter(f"{one.name}_{nth}", one.low, one.high, one.normal, one.symbol or one.name)
            for one in part.parameters(tasks)
        ]
    return tuple(found)


def _moments(tasks: CurveRanges, x: Any, xp: Any) -> tuple[Any, Any]:
    parts = parts_of(tasks)
    whole = square = 0 * x
    for part in parts:
        assert part.moments is not None
        one, two = part.moments(tasks, x, xp)
        whole, square = whole + one / len(parts), square + two / len(parts)
    return whole, square


_READS = {name: None for part in PARTS.values() if part.curve for name in part.curve.reads}
MIXTURE_FAMILY = Family(
    key="mixture",
    label="Mixture of families",
    summary="Each task is of one of the families named by the mixture: sines beside lines …",
    source="Vuorio et al. 2019 (multimodal MAML) mix sines, lines and parabolas",
    curve=CurveFormula(
        formula=_formula,
        parameters=_parameters,
        moments=_moments,
        reads=("mixture", *_READS),
        spoken=lambda tasks: " or ".join(
            PARTS[key].label.lower() for key in keys_of(tasks.mixture)
        ),
    ),
)
