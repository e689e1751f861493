"""Activation functions with first and second derivative, written from what the forward pass keeps.

`value` writes σ(z) into a given tensor; `slope` is σ'(z) and `curvature` σ''(z), both from z and
h = σ(z), whichever is cheaper. All element-wise, any shape.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Activation:
    """σ with its first two derivatives."""

    value: Callable[[Tensor, Tensor], object]
    """(z, out): writes σ(z) into `out`."""
    slope: Callable[[Tensor, Tensor], Tensor]
    """(z, h) → σ'(z)"""
    curvature: Callable[[Tensor, Tensor, Tensor], Tensor] | None
    """(z, h, slope) → σ''(z); None where it is 0 almost everywhere."""


def _sigmoid_slope(z: Tensor, h: Tensor) -> Tensor:
    return torch.mul(h, 1 - h)


def _softplus_curvature(z: Tensor, h: Tensor, slope: Tensor) -> Tensor:
    return torch.mul(slope, 1 - slope)


ACTIVATIONS: dict[str, Activation] = {
    "relu": Activation(
        value=lambda z, out: torch.clamp_min(z, 0, out=out),
        # sign(relu(z)) is 1 for z > 0 and 0 elsewhere, torch's own choice of derivative at 0
        slope=lambda z, h: torch.sign(h),
        curvature=None,
    ),
    "tanh": Activation(
        value=lambda z, out: torch.tanh(z, out=out),
        slope=lambda z, h: 1 - h * h,
        curvature=lambda z, h, slope: h * slope * -2,
    ),
    "sigmoid": Activation(
        value=lambda z, out: torch.sigmoid(z, out=out),
        slope=_sigmoid_slope,
        curvature=lambda z, h, slope: slope * (1 - 2 * h),
    ),
    "softplus": Activation(
        # log(1 + e^z) without overflow
        value=lambda z, out: torch.logaddexp(z, z.new_zeros(()), out=out),
        slope=lambda z, h: torch.sigmoid(z),
        curvature=_softplus_curvature,
    ),
    "sine": Activation(
        value=lambda z, out: torch.sin(z, out=out),
        slope=lambda z, h: torch.cos(z),
        curvature=lambda z, h, slope: -h,
    ),
}
"""Name → record; the names are the choices of the setting `activation`."""
