"""Outer optimizers on one flat vector: values in, values out.

`torch.optim` spends more time in Python here than the whole update takes.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# scalar tensors: a number in Python would be unpacked again at every kernel
_BETA2 = torch.tensor(0.999, dtype=torch.float64)

Moments = tuple[Tensor, ...]
Update = Callable[[Tensor, Tensor, Moments, int, float, float], tuple[Tensor, Moments]]
"""(parameters, gradient, moments, step from 1, learning rate, momentum) → (parameters, moments)."""


def adam(
    parameters: Tensor,
    gradient: Tensor,
    moments: Moments,
    step: int,
    outer_lr: float,
    momentum: float,
) -> tuple[Tensor, Moments]:
    """Adam with β₁ .9, β₂ .999, ε 1e-8 (Kingma and Ba 2015, Algorithm 1)."""
    first, second = moments
    first = torch.lerp(first, gradient, 0.1)
    second = torch.mul(second, _BETA2).addcmul_(gradient, gradient, value=0.001)
    # √(v/c) + ε = (√v + ε√c)/√c, so that one scalar carries both corrections
    root = (1 - 0.999**step) ** 0.5
    denominator = torch.sqrt(second).add_(1e-8 * root)
    rate = outer_lr * root / (1 - 0.9**step)
    return torch.addcdiv(parameters, first, denominator, value=-rate), (first, second)


def sgd(
    parameters: Tensor,
    gradient: Tensor,
    moments: Moments,
    step: int,
    outer_lr: float,
    momentum: float,
) -> tuple[Tensor, Moments]:
    """SGD with momentum as `torch.optim.SGD` has it: m ← μ m + g, θ ← θ − β m."""
    velocity = torch.add(gradient, moments[0], alpha=momentum)
    return torch.sub(parameters, velocity, alpha=outer_lr), (velocity,)


OPTIMIZERS: dict[str, tuple[int, Update]] = {"adam": (2, adam), "sgd": (1, sgd)}
"""Name → (number of moment vectors, update)."""
