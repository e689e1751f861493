"""Moments of a number that is uniform between two ends."""

from __future__ import annotations

import math

Ends = tuple[float, float]


def mean(ends: Ends) -> float:
    """E u."""
    return (ends[0] + ends[1]) / 2


def mean_square(ends: Ends) -> float:
    """E u²."""
    low, high = ends
    return (low * low + low * high + high * high) / 3


def mean_cube(ends: Ends) -> float:
    """E u³."""
    return mean(ends) * (ends[0] ** 2 + ends[1] ** 2) / 2


def mean_cos_sin(ends: Ends) -> tuple[float, float]:
    """(E cos u, E sin u); by the midpoint form, exact at zero width."""
    middle, half = mean(ends), (ends[1] - ends[0]) / 2
    sinc = math.sin(half) / half if half > 1e-8 else 1.0
    return math.cos(middle) * sinc, math.sin(middle) * sinc


def middles(ends: Ends, count: int = 400) -> list[float]:
    """Midpoints of equal parts, for a mean over u; one where the range has no width."""
    low, high = ends
    if high <= low:
        return [low]
    return [low + (high - low) * (nth + 0.5) / count for nth in range(count)]
