"""Mean and interval over seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from maml_explorer.core.student_t import student_t_975


def over_seeds(runs: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The mean over seeds, with the half-width of its 95 % interval (Student t on seed means).

    Args:
        runs: per seed its records, in the same order.

    Returns:
        Per record shots, inner_steps, mean and ci95 (None where a seed's mean is, or for one seed).
    """
    from statistics import fmean, stdev  # it loads exact numbers: the window starts without them

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
