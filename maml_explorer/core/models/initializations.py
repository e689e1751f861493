"""Initializations of a multilayer perceptron.

He: He et al. 2015, equation 10. Xavier: Glorot and Bengio 2010, its normal form.
Truncated normal: σ .01 cut at 2 σ, zero biases, as in the code of Finn et al. 2017.
PyTorch: what `torch.nn.Linear` does, uniform in ±1/√fan-in, biases included.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def drawn(
    fan_ins: Sequence[int],
    shapes: Sequence[tuple[int, int]],
    seen: Sequence[int],
    how: str,
    generator: torch.Generator,
) -> Tensor:
    """θ_0 [parameter] in float64, drawn on the CPU.

    Args:
        fan_ins: per layer the width of what enters it.
        shapes: per layer (rows, out) of its matrix, the rows of a norm included.
        seen: per layer by how many places each of its outputs is seen from below: 1, or 9 where a
            filter passes over a picture.
        how: "he", "xavier", "truncated-normal" or "pytorch".
    """
    parts = []
    for fan_in, (rows, columns), times in zip(fan_ins, shapes, seen, strict=True):
        layer = torch.zeros(rows, columns, dtype=torch.float64)
        weight = layer[:fan_in]
        _start_norm(layer[fan_in + 1 :])
        if how == "pytorch":
            bound = 1 / math.sqrt(fan_in)
            layer[: fan_in + 1].uniform_(-bound, bound, generator=generator)
        elif how == "truncated-normal":
            torch.nn.init.trunc_normal_(weight, std=0.01, a=-0.02, b=0.02, generator=generator)
        else:
            variance = 2 / fan_in if how == "he" else 2 / (fan_in + times * columns)
            weight.normal_(0, math.sqrt(variance), generator=generator)
        parts.append(layer.flatten())
    return torch.cat(parts)


def _start_norm(rows: Tensor) -> None:
    """γ = 1, β = 0, stored means 0 and variances 1, as PyTorch begins."""
    if len(rows):
        rows[0] = 1
        rows[(len(rows) + 2) // 2 :] = 1
