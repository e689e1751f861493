"""Sums of harmonics y = Σ A_n sin(nωx − φ_n) / n, each with an amplitude and a phase of its own."""

from __future__ import annotations

from typing import Any

from maml_explorer.settings.curves.uniform import mean, mean_cos_sin, mean_square, middles
from maml_explorer.settings.curves.waves import WAVE_READS
from maml_explorer.settings.family import CurveFormula, CurveRanges, Family, Parameter


def _formula(tasks: CurveRanges) -> str:
    parts = [f"A{n}*sin({n}*w*x - p{n})/{n}" for n in range(2, tasks.harmonics + 1)]
    return " + ".join(["A1*sin(w*x - p1)", *parts])


def _parameters(tasks: CurveRanges) -> tuple[Parameter, ...]:
    amplitude, phase = tasks.span("amplitude"), tasks.span("phase")
    found = [Parameter("w", *tasks.span("frequency"), symbol="ω")]
    for n in range(1, tasks.harmonics + 1):
        found += [Parameter(f"A{n}", *amplitude), Parameter(f"p{n}", *phase, symbol=f"φ{n}")]
    return tuple(found)


def _moments(tasks: CurveRanges, x: Any, xp: Any) -> tuple[Any, Any]:
    amplitude, (first, last) = tasks.span("amplitude"), tasks.span("phase")
    (cos, sin), (cos2, sin2) = mean_cos_sin((first, last)), mean_cos_sin((2 * first, 2 * last))
    frequencies = middles(tasks.span("frequency"))
    whole = square = 0 * x
    for frequency in frequencies:
        middle, spread = 0 * x, 0 * x
        for n in range(1, tasks.harmonics + 1):
            u = n * frequency * x
            one = mean(amplitude) * (cos * xp.sin(u) - sin * xp.cos(u)) / n
            # E sin²(u − φ) = (1 − E cos(2u − 2φ)) / 2
            own = (1 - cos2 * xp.cos(2 * u) - sin2 * xp.sin(2 * u)) / 2
            middle = middle + one
            spread = spread + mean_square(amplitude) * own / n**2 - one**2
        whole, square = whole + middle, square + middle**2 + spread
    return whole / len(frequencies), square / len(frequencies)


HARMONICS_FAMILY = Family(
    key="harmonics",
    label="Sums of harmonics",
    summary="Regression of y = Σ A_n sin(nωx − φ_n) / n + noise, n from 1 to the harmonics.",
    source="Fourier sums over the ranges of the sines; the weights 1/n are this program's",
    curve=CurveFormula(
        formula=_formula,
        parameters=_parameters,
        moments=_moments,
        reads=(*WAVE_READS, "harmonics"),
        spoken=lambda tasks: f"Σ A_n sin(nωx − φ_n) / n, n = 1 … {tasks.harmonics}",
    ),
)
