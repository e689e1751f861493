"""Sines y = A sin(ωx − φ), as plain data and as a part of mixtures.

Runs of sines alone draw by :mod:`maml_explorer.core.families.sine`.
"""

from __future__ import annotations

from typing import Any

from maml_explorer.settings.curves.uniform import mean, mean_cos_sin, mean_square, middles
from maml_explorer.settings.curves.waves import WAVE_READS, wave_parameters
from maml_explorer.settings.family import CurveFormula, CurveRanges, Family


def _moments(tasks: CurveRanges, x: Any, xp: Any) -> tuple[Any, Any]:
    amplitude, (first, last) = tasks.span("amplitude"), tasks.span("phase")
    (cos, sin), (cos2, sin2) = mean_cos_sin((first, last)), mean_cos_sin((2 * first, 2 * last))
    frequencies = middles(tasks.span("frequency"))
    whole = square = 0 * x
    for frequency in frequencies:
        u = frequency * x
        whole = whole + mean(amplitude) * (cos * xp.sin(u) - sin * xp.cos(u))
        turned = cos2 * xp.cos(2 * u) + sin2 * xp.sin(2 * u)
        square = square + mean_square(amplitude) * (1 - turned) / 2
    return whole / len(frequencies), square / len(frequencies)


SINE_FAMILY = Family(
    key="sine",
    label="Sine curves",
    summary="Regression of y = A sin(ωx − φ) + noise.",
    source="Finn, Abbeel, Levine 2017, section 5.1",
    record_shots=(5,),
    curve=CurveFormula(
        formula=lambda tasks: "A*sin(w*x - p)",
        parameters=wave_parameters,
        moments=_moments,
        reads=WAVE_READS,
        spoken=lambda tasks: "A sin(ωx − φ)",
    ),
)
