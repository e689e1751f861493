"""Mean and interval over seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass


def over_seeds(runs: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The mean over seeds, with the half-width of its 95 % interval (Student t on seed means).

    Args:
        runs: per seed its records, in the same order.

    Returns:
        Per record shots, inner_steps, mean and ci95 (None where a seed's mean is, or for one seed).
    """
    rows = []
    for records in zip(*runs, strict=True):
        mean, ci95 = [], []
        for values in zip(*(record["mean"] for record in records), strict=True):
            known = [value for value in values if value is not None]
            complete = len(known) == len(values)
            mean.append(fmean(known) if complete else None)
            half = student_t_975(len(known) - 1) if complete and len(known) > 1 else None
            ci95.append(None if half is None else half * stdev(known) / math.sqrt(len(known)))
        first = records[0]
        rows.append(
            {
                "shots": first["shots"],
                "inner_steps": list(first["inner_steps"]),
                "mean": mean,
                "ci95": ci95,
            }
        )
    return rows


def student_t_975(degrees: int) -> float:
    """The 0.975 quantile of Student's t, by bisection on its integrated density."""
    scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2))
    scale /= math.sqrt(degrees * math.pi)

    def beyond(t: float) -> float:
        """P(T > t), by Simpson's rule in u = 1/x, where the tail is smooth and finite."""
        pieces = 400
        width = 1 / t / pieces

        def density(u: float) -> float:
            # f(1/u)/u², written so that u = 0 is harmless
            inner = math.pow(u * u + 1 / degrees, -(degrees + 1) / 2)
            return scale * math.pow(u, degrees - 1) * inner

        weights = (1 if i in (0, pieces) else 4 if i % 2 else 2 for i in range(pieces + 1))
        return sum(w * density(i * width) for i, w in enumerate(weights)) * width / 3

    low, high = 1.5, 13.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if beyond(middle) > 0.025 else (low, middle)
    return (low + high) / 2
