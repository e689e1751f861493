"""When an arm counts as diverged. Torch-free; used by the headless loop and the worker alike."""

from __future__ import annotations

import math

EXPLODED_FACTOR = 1e6
"""A loss above this many times the error of predicting 0 counts as exploding.

A wide first layer on large x may begin a thousand times above it and still learn.
"""


def divergence(support_before: float, query_after: float, predict_zero: float) -> str:
    """What is wrong with an arm's losses of one outer step, in words; empty where nothing is.

    Args:
        support_before: inner loss, support set, at θ.
        query_after: outer loss, query set, after adaptation.
        predict_zero: exact expected MSE of predicting 0.
    """
    limit = EXPLODED_FACTOR * max(predict_zero, 1e-6)
    for name, value in (("inner", support_before), ("outer", query_after)):
        if not math.isfinite(value):
            return f"the {name} loss is not finite"
        if value > limit:
            return f"the {name} loss is {value:.2g}, more than a million times that of predicting 0"
    return ""
