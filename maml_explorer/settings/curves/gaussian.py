"""Draws of a Gaussian process with the kernel s² exp(−(x − x')² / 2ℓ²).

A draw is a sum of sines and cosines with independent normal weights. Over a period much longer than
the x range the squared-exponential kernel is a sum of cosines, so the draws are Gaussian, and their
covariance is the kernel's to 1e-6 of s² within the x range. Source: the spectral form in Rasmussen
and Williams 2006, chapter 4; families of such draws are those of neural processes (Garnelo et al.
2018).
"""

from __future__ import annotations

import math
from typing import Any

from maml_explorer.settings.family import CurveFormula, CurveRanges, Family, Parameter

MOST_WAVES = 60
"""Beyond these the shortest waves are left out: ℓ is then below a thirtieth of the x range."""


def waves(tasks: CurveRanges) -> list[tuple[float, float]]:
    """(frequency, part of the variance) of the waves, from the longest; the parts sum to 1."""
    low, high = tasks.span("x")
    scale = tasks.length_scale
    base = 2 * math.pi / (high - low + 6 * scale)
    count = min(MOST_WAVES, math.ceil(5.5 / (scale * base)))
    # each but the constant stands for its negative too
    parts = [(2 if n else 1) * math.exp(-((n * base * scale) ** 2) / 2) for n in range(count + 1)]
    return [(n * base, part / sum(parts)) for n, part in enumerate(parts)]


def _formula(tasks: CurveRanges) -> str:
    terms = []
    for n, (frequency, part) in enumerate(waves(tasks)):
        height = f"{tasks.deviation * math.sqrt(part):.9g}"
        if n == 0:
            terms.append(f"{height}*c0")
        else:
            angle = f"{frequency:.9g}*x"
            terms.append(f"{height}*(c{n}*cos({angle}) + d{n}*sin({angle}))")
    return " + ".join(terms)


def _parameters(tasks: CurveRanges) -> tuple[Parameter, ...]:
    names = ["c0"]
    for n in range(1, len(waves(tasks))):
        names += [f"c{n}", f"d{n}"]
    return tuple(Parameter(name, normal=True) for name in names)


def _moments(tasks: CurveRanges, x: Any, xp: Any) -> tuple[Any, Any]:
    return 0 * x, 0 * x + tasks.deviation**2


GAUSSIAN_FAMILY = Family(
    key="gaussian",
    label="Gaussian-process draws",
    summary="Regression of draws of a Gaussian process, squared-exponential kernel, + noise.",
    source="Garnelo et al. 2018 (neural processes) train on such draws",
    curve=CurveFormula(
        formula=_formula,
        parameters=_parameters,
        moments=_moments,
        reads=("length_scale", "deviation"),
        spoken=lambda tasks: (
            f"a Gaussian process with s = {tasks.deviation:g}, ℓ = {tasks.length_scale:g}"
        ),
    ),
)
