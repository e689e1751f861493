"""The families of curves beside sines, as the table has them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from maml_explorer.core.families.batch import HeldOutCurves, with_ones
from maml_explorer.core.families.curve_tasks import single_mse, single_predictor, zero_mse
from maml_explorer.core.families.curves import (
    CurveSampler,
    curve_sampler,
    curve_targets,
    held_out_curves,
)
from maml_explorer.core.families.record import Reference, TaskFamily
from maml_explorer.core.families.sine import query_grid
from maml_explorer.core.families.sine_family import DIVERGED_FACTOR, LEAST_ERROR
from maml_explorer.core.losses import SQUARED_ERROR
from maml_explorer.core.streams import stream
from maml_explorer.settings.family import Family
from maml_explorer.settings.settings import Settings


def _sampler(settings: Settings, dtype: torch.dtype, device: torch.device) -> CurveSampler:
    inner, count = settings.inner, settings.outer.meta_batch
    return curve_sampler(settings.tasks, count, inner.shots, inner.query_points, dtype, device)


def _held_out(
    settings: Settings, task_count: int, shots: int, name: str, dtype: torch.dtype
) -> HeldOutCurves:
    tasks, generator = settings.tasks, stream(settings.run.seed, name)
    drawn, support = held_out_curves(tasks, task_count, shots, generator, torch.float64)
    grid = query_grid(tasks)[None, :, None]
    truth = curve_targets(tasks, drawn, grid.expand(task_count, -1, -1))
    support = type(support)(support.x.to(dtype), support.y.to(dtype))
    return HeldOutCurves(drawn.to(dtype), support, grid.to(dtype), truth.to(dtype))


def _failure_limit(settings: Settings) -> float:
    return DIVERGED_FACTOR * max(zero_mse(settings.tasks), LEAST_ERROR)


def single_gap(settings: Settings, outputs: Callable[[Tensor], Tensor]) -> float:
    """Mean over x of (f − f*)²: how far a function is from the best single predictor.

    Args:
        settings: of the run.
        outputs: the function, from inputs [1, point, 2] to outputs [1, point, 1].
    """
    grid = query_grid(settings.tasks)
    curve = outputs(with_ones(grid[None, :, None]))[0, :, 0].cpu().double()
    return float((curve - single_predictor(settings.tasks)[0](grid)).square().mean())


def _guess_loss(settings: Settings, outputs: Callable[[Tensor], Tensor]) -> float:
    beginning = single_mse(settings.tasks) + single_gap(settings, outputs)
    return max(zero_mse(settings.tasks), beginning) + settings.tasks.noise**2


def _references(settings: Settings) -> tuple[Reference, ...]:
    noise = settings.tasks.noise**2
    zero, single = zero_mse(settings.tasks), single_mse(settings.tasks)
    return (
        Reference("predict 0", zero + noise, zero),
        Reference("best single predictor", single + noise, single),
    )


def curve_family(about: Family) -> TaskFamily:
    """The family of the curves that `about` has."""
    return TaskFamily(
        about=about,
        loss=SQUARED_ERROR,
        sampler=_sampler,
        held_out=_held_out,
        watched="meta-test",
        seen="",
        failure_limit=_failure_limit,
        guess_loss=_guess_loss,
        references=_references,
    )
