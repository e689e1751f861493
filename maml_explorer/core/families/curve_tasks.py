"""Tasks of curves of whatever family the settings ask for: sines by their own code, or others.

The user's own tasks have points and no formula: between them their truth is nan.

Shapes are those of :mod:`maml_explorer.core.families.sine`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from maml_explorer.core.families import sine, sine_predictors
from maml_explorer.core.families.batch import Points
from maml_explorer.core.families.curves import (
    best_single_curve,
    curve_mses,
    curve_targets,
    held_out_curves,
)
from maml_explorer.core.families.own_tasks.family import constant_errors, own_support
from maml_explorer.core.families.own_tasks.opened import opened_tasks
from maml_explorer.settings.curves.drawing import parameters_of
from maml_explorer.settings.families import OWN_FAMILY
from maml_explorer.settings.tasks import TaskSettings

_OF_SINES = ("sine", "incremental")
"""Families whose predictors without data are those of sines."""


def clean_targets(settings: TaskSettings, tasks: Tensor, x: Tensor) -> Tensor:
    """Targets without noise: tasks [task, parameter], x [task, point, 1] → [task, point, 1]."""
    if settings.family == "sine":
        return sine.targets(tasks, x)
    if settings.family == OWN_FAMILY.key:
        return torch.full_like(x, torch.nan)
    return curve_targets(settings, tasks, x)


def held_out_tasks(
    settings: TaskSettings, count: int, shots: int, generator: torch.Generator, dtype: torch.dtype
) -> tuple[Tensor, Points]:
    """Tasks [task, parameter] and noisy support sets, nested over shots, on the CPU."""
    if settings.family == OWN_FAMILY.key:
        return own_support(settings, count, shots, generator, dtype)
    draw = sine.held_out if settings.family == "sine" else held_out_curves
    return draw(settings, count, shots, generator, dtype)


def parameter_count(settings: TaskSettings) -> int:
    """Numbers that tell two tasks apart."""
    return len(parameters_of(settings))


def zero_mse(settings: TaskSettings) -> float:
    """Expected squared error of predicting 0, on clean targets."""
    if settings.family in _OF_SINES:
        return sine_predictors.predict_zero_mse(settings)
    if settings.family == OWN_FAMILY.key:
        return constant_errors(opened_tasks(settings.own_tasks))[0]
    return curve_mses(settings)[0]


def single_mse(settings: TaskSettings) -> float:
    """Expected squared error of the best single predictor, on clean targets.

    Of own tasks that of the best constant, on some of them.
    """
    if settings.family in _OF_SINES:
        return sine_predictors.best_single_mse(settings)
    if settings.family == OWN_FAMILY.key:
        return constant_errors(opened_tasks(settings.own_tasks))[1]
    return curve_mses(settings)[1]


def single_predictor(settings: TaskSettings) -> tuple[Callable[[Tensor], Tensor], str]:
    """The best single predictor, of x [point], and its formula where it has a short one.

    Of own tasks the best constant.
    """
    if settings.family in _OF_SINES:
        found = sine_predictors.best_single_predictor(settings)
        return found, found.formula
    if settings.family == OWN_FAMILY.key:
        mean = float(opened_tasks(settings.own_tasks).query_y.mean())
        return lambda x: torch.full_like(x, mean), f"the mean of y, {mean:.3g}"
    return best_single_curve(settings), ""
