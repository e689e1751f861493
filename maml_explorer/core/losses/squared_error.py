"""Squared error (f − y)², for regression."""

from __future__ import annotations

import torch
from torch import Tensor

from maml_explorer.core.losses.record import Loss


def _residual(output: Tensor, target: Tensor) -> Tensor:
    return output - target


def _gradient(residual: Tensor, weight: float | Tensor) -> Tensor:
    return residual * (2 * weight / (residual.shape[1] * residual.shape[2]))


def _curvature(output: Tensor, r_output: Tensor) -> Tensor:
    return r_output * (2 / (output.shape[1] * output.shape[2]))


def _total(output: Tensor, target: Tensor, residual: Tensor) -> Tensor:
    flat = residual.reshape(-1)
    return torch.dot(flat, flat)


def _mean(output: Tensor, target: Tensor) -> Tensor:
    return (output - target).square().mean()


def _value(output: Tensor, target: Tensor) -> Tensor:
    return (output - target).double().square().mean(-1)


SQUARED_ERROR = Loss(
    key="squared-error",
    label="squared error",
    residual=_residual,
    gradient=_gradient,
    curvature=_curvature,
    total=_total,
    mean=_mean,
    value=_value,
    figure=_value,
    figure_label="MSE",
    higher_is_better=False,
    chance=lambda outputs: None,
)
