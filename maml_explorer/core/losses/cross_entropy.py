"""Softmax cross-entropy −log p of the right class, for classification; the figure is accuracy.

Targets are one-hot. With p = softmax(output): the residual is p − y, and the curvature times a
vector v is p ⊙ (v − ⟨p, v⟩).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from maml_explorer.core.losses.record import Loss


def _residual(output: Tensor, target: Tensor) -> Tensor:
    return torch.softmax(output, -1) - target


def _gradient(residual: Tensor, weight: float | Tensor) -> Tensor:
    return residual * (weight / residual.shape[1])


def _curvature(output: Tensor, r_output: Tensor) -> Tensor:
    p = torch.softmax(output, -1)
    along = p * r_output
    return (along - p * along.sum(-1, keepdim=True)) * (1 / output.shape[1])


def _total(output: Tensor, target: Tensor, residual: Tensor) -> Tensor:
    # not the logarithm of p: where p rounds to 0 the loss is still finite
    flat = torch.log_softmax(output, -1).reshape(-1)
    return -torch.dot(flat, target.reshape(-1))


def _mean(output: Tensor, target: Tensor) -> Tensor:
    return -(torch.log_softmax(output, -1) * target).sum(-1).mean()


def _value(output: Tensor, target: Tensor) -> Tensor:
    return -(torch.log_softmax(output.double(), -1) * target).sum(-1)


def _accuracy(output: Tensor, target: Tensor) -> Tensor:
    """1 where the largest output is the right class; outputs that tie for it share the point."""
    best = output == output.max(-1, keepdim=True).values
    right = (best * target).sum(-1).double() / best.sum(-1)  # 0/0 is NaN where outputs are NaN
    return right.where(torch.isfinite(output).all(-1), torch.nan)


CROSS_ENTROPY = Loss(
    key="cross-entropy",
    label="cross-entropy",
    residual=_residual,
    gradient=_gradient,
    curvature=_curvature,
    total=_total,
    mean=_mean,
    value=_value,
    figure=_accuracy,
    figure_label="accuracy",
    higher_is_better=True,
    chance=lambda outputs: (math.log(outputs), 1 / outputs),
)
