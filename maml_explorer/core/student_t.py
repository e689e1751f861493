"""Student's t, for intervals over seeds and over tasks. Torch-free."""

from __future__ import annotations

import math
from functools import cache


@cache
def student_t_975(degrees: int) -> float:
    """The 0.975 quantile of Student's t, by bisection on its integrated density."""
    scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2))
    scale /= math.sqrt(degrees * math.pi)

    def beyond(t: float) -> float:
        """P(T > t), by Simpson's rule in u = 1/x, where the tail is smooth and finite."""
        pieces = 400
        width = 1 / t / pieces

        def density(u: float) -> float:
            # f(1/u)/u²; by logarithms, since its factors overflow for many degrees
            if u == 0:
                return scale if degrees == 1 else 0.0
            power = (degrees - 1) * math.log(u)
            return scale * math.exp(power - (degrees + 1) / 2 * math.log(u * u + 1 / degrees))

        weights = (1 if i in (0, pieces) else 4 if i % 2 else 2 for i in range(pieces + 1))
        return sum(w * density(i * width) for i, w in enumerate(weights)) * width / 3

    low, high = 1.5, 13.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if beyond(middle) > 0.025 else (low, middle)
    return (low + high) / 2
