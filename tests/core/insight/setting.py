"""Small learners and tasks that the tests of the insight share."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from maml_explorer.core.adaptation import StepSizes, uniform_step_sizes
from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.insight.held_out_tasks import held_out_batch
from maml_explorer.core.insight.learner import Learner
from maml_explorer.core.models.mlp import Mlp
from maml_explorer.settings.groups import TaskSettings
from maml_explorer.settings.norms import NORMS
from tests import reference

SETTINGS = TaskSettings(noise=0.1)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def learner(
    sizes: tuple[int, ...] = (1, 7, 6, 1),
    activation: str = "tanh",
    steps: int = 3,
    inner_lr: float = 0.05,
    start: int = 0,
    seed: int = 0,
    skip: bool = False,
    norm: str = "none",
) -> Learner:
    """A learner in float64 with random θ, biases included; stored variances are positive."""
    model = Mlp(sizes, activation, skip, norm)
    theta = 0.5 * torch.randn(model.parameter_count, dtype=torch.float64, generator=generator(seed))
    for layer, width in zip(model.layers(theta), sizes, strict=False):
        layer[width + 3 + NORMS[norm].stored :].abs_().add_(0.1)
    return Learner(
        model, theta, start, uniform_step_sizes(inner_lr, model.depth - start, theta), steps
    )


def with_sizes(of: Learner, flat: Tensor) -> Learner:
    """With step sizes per parameter [inner step, parameter]; those of the tail are used."""
    steps = [of.model.layers(row)[of.start :] for row in flat]
    return Learner(of.model, of.theta, of.start, StepSizes(steps, uniform=False), of.steps)


def with_clip(of: Learner, limit: float) -> Learner:
    """With inner gradients of at most that norm."""
    clip = torch.tensor(limit, dtype=torch.float64)
    return replace(of, step_sizes=replace(of.step_sizes, clip=clip))


def tasks(count: int = 4, shots: int = 5, seed: int = 1) -> TaskBatch:
    return held_out_batch(
        SETTINGS, count, shots, generator(seed), torch.empty(0, dtype=torch.float64)
    )


def mask(of: Learner) -> Tensor:
    """1 on the parameters that adapt, 0 below [parameter]."""
    found = torch.ones_like(of.theta)
    found[: len(found) - of.tail_size] = 0
    return found


def points(batch: TaskBatch, task: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """(support x, y), (query x, y) of one task, each [point, 1]."""
    x, y = batch.inputs[task, :, :1], batch.y[task]
    return (x[: batch.shots], y[: batch.shots]), (x[batch.shots :], y[batch.shots :])


def adapted(of: Learner, batch: TaskBatch, task: int, steps: int | None = None) -> Tensor:
    """φ_k [parameter] by the reference, for uniform step sizes."""
    (x, y), _ = points(batch, task)
    return reference.adapt(
        of.theta, mask(of), x, y, float(of.step_sizes.steps[0][0]),
        of.steps if steps is None else steps, of.model.sizes, of.model.activation,
    )  # fmt: skip


def by_hand(
    sizes: tuple[int, ...], flat: Tensor, x: Tensor, kind: reference.Kind, k: int, theta: Tensor
) -> tuple[list[Tensor], Tensor]:
    """(z of the hidden layers, prediction), by the statistics of x or those θ stores of step k."""
    h, found = x, []
    rows_of = reference.norm_rows(flat, sizes, kind)
    kept = reference.norm_rows(theta, sizes, kind)
    stored = NORMS[kind.norm].stored
    for (weight, bias), rows in zip(reference.unflatten(flat, sizes, kind), rows_of, strict=True):
        z = h @ weight + bias
        if len(found) == len(sizes) - 2:
            return found, z
        found.append(z)
        if kind.norm == "layer":
            z = torch.nn.functional.layer_norm(z, z.shape[-1:], rows[0], rows[1])
        elif kind.norm != "none":
            at = min(k, stored - 1) if len(found) > kind.start else 0
            running = (
                (kept[len(found) - 1][2 + at], kept[len(found) - 1][2 + stored + at])
                if stored
                else (None, None)
            )
            z = torch.nn.functional.batch_norm(z, *running, rows[0], rows[1], training=not stored)
        below, h = h, torch.tanh(z)
        h = h + below if kind.skip and below.shape == h.shape else h
    raise AssertionError
