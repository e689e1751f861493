"""Intervals of means over held-out tasks, as numbers of Python."""

from __future__ import annotations

import math

from torch import Tensor

from maml_explorer.core.student_t import student_t_975


def half_width(values: Tensor) -> float | None:
    """Half of the 95 % interval of a mean over tasks, by Student's t; None for one task."""
    count = len(values)
    if count < 2:
        return None
    return finite_number(student_t_975(count - 1) * values.std() / math.sqrt(count))


def finite_number(value: Tensor) -> float | None:
    """The number of a scalar; None where it is not finite."""
    number = float(value)
    return number if math.isfinite(number) else None
