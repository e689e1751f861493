"""Sawtooth waves y = A saw(ωx − φ), with the ranges of the sines."""

from __future__ import annotations

import math
from typing import Any

from maml_explorer.settings.curves.uniform import mean, mean_square, middles
from maml_explorer.settings.curves.waves import WAVE_READS, wave_parameters
from maml_explorer.settings.family import CurveFormula, CurveRanges, Family

_TURN = 2 * math.pi


def _moments(tasks: CurveRanges, x: Any, xp: Any) -> tuple[Any, Any]:
    amplitude, (first, last) = tasks.span("amplitude"), tasks.span("phase")
    frequencies = middles(tasks.span("frequency"))
    whole = square = 0 * x
    for frequency in frequencies:
        if last > first:  # u = (ωx − φ) / 2π runs from high down to low
            low, high = (frequency * x - last) / _TURN, (frequency * x - first) / _TURN
            width = (last - first) / _TURN
            whole = whole + (_first(high, xp) - _first(low, xp)) / width
            square = square + (_second(high, xp) - _second(low, xp)) / width
        else:
            turns = (frequency * x - first) / _TURN
            value = 2 * (turns - xp.floor(turns)) - 1
            whole, square = whole + value, square + value**2
    count = len(frequencies)
    return mean(amplitude) * whole / count, mean_square(amplitude) * square / count


def _first(turns: Any, xp: Any) -> Any:
    """∫ saw: it comes back to 0 after each turn."""
    part = turns - xp.floor(turns)
    return part**2 - part


def _second(turns: Any, xp: Any) -> Any:
    """∫ saw²: a third each turn."""
    whole = xp.floor(turns)
    part = turns - whole
    return whole / 3 + 4 * part**3 / 3 - 2 * part**2 + part


SAWTOOTH_FAMILY = Family(
    key="sawtooth",
    label="Sawtooth waves",
    summary="Regression of y = A saw(ωx − φ) + noise; saw rises from −1 to 1 in each period.",
    source="waves of the same ranges as the sines, with jumps",
    curve=CurveFormula(
        formula=lambda tasks: "A*saw(w*x - p)",
        parameters=wave_parameters,
        moments=_moments,
        reads=WAVE_READS,
        spoken=lambda tasks: "A saw(ωx − φ)",
    ),
)
