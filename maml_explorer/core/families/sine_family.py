"""The family of sines, as the table has it; its tasks and exact answers are in `sine`."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from maml_explorer.core.families.batch import HeldOutCurves, with_ones
from maml_explorer.core.families.record import Reference, TaskFamily
from maml_explorer.core.families.sine import SineSampler, held_out, query_grid, sampler, targets
from maml_explorer.core.families.sine_predictors import (
    best_single_mse,
    best_single_predictor,
    predict_zero_mse,
)
from maml_explorer.core.losses import SQUARED_ERROR
from maml_explorer.core.streams import stream
from maml_explorer.settings.families import SINE_FAMILY
from maml_explorer.settings.groups import TaskSettings
from maml_explorer.settings.settings import Settings

DIVERGED_FACTOR = 100.0
LEAST_ERROR = 0.01
"""Predicting 0 counts as at least this wrong, or tasks of amplitude 0 would all have diverged: that
is about what an untrained network predicts of them."""
"""A held-out task has diverged above so many times the exact error of predicting 0."""


def _sampler(settings: Settings, dtype: torch.dtype, device: torch.device) -> SineSampler:
    inner, count = settings.inner, settings.outer.meta_batch
    return sampler(settings.tasks, count, inner.shots, inner.query_points, dtype, device)


def _held_out(
    settings: Settings, task_count: int, shots: int, name: str, dtype: torch.dtype
) -> HeldOutCurves:
    family, generator = settings.tasks, stream(settings.run.seed, name)
    tasks, support = held_out(family, task_count, shots, generator, dtype)
    grid = query_grid(family)[None, :, None].to(dtype)
    return HeldOutCurves(tasks, support, grid, targets(tasks, grid.expand(task_count, -1, -1)))


def _failure_limit(settings: Settings) -> float:
    return DIVERGED_FACTOR * max(predict_zero_mse(settings.tasks), LEAST_ERROR)


def best_single_gap(tasks: TaskSettings, outputs: Callable[[Tensor], Tensor]) -> float:
    """Mean over x of (f − f*)²: how far a function is from the best single predictor.

    Args:
        tasks: the family.
        outputs: the function, from inputs [1, point, 2] to outputs [1, point, 1].
    """
    grid = query_grid(tasks)
    curve = outputs(with_ones(grid[None, :, None]))[0, :, 0].cpu().double()
    return float((curve - best_single_predictor(tasks)(grid)).square().mean())


def _guess_loss(settings: Settings, outputs: Callable[[Tensor], Tensor]) -> float:
    tasks = settings.tasks
    beginning = best_single_mse(tasks) + best_single_gap(tasks, outputs)
    return max(predict_zero_mse(tasks), beginning) + tasks.noise**2


def _references(settings: Settings) -> tuple[Reference, ...]:
    tasks, noise = settings.tasks, settings.tasks.noise**2
    zero, single = predict_zero_mse(tasks), best_single_mse(tasks)
    return (
        Reference("predict 0", zero + noise, zero),
        Reference(best_single_predictor(tasks).formula, single + noise, single),
    )


SINE = TaskFamily(
    about=SINE_FAMILY,
    loss=SQUARED_ERROR,
    sampler=_sampler,
    held_out=_held_out,
    watched="meta-test",
    seen="",
    failure_limit=_failure_limit,
    guess_loss=_guess_loss,
    references=_references,
)
