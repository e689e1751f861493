"""The insight on streams: every inner step sees its own batch, in closed forms and by autograd."""

from __future__ import annotations

import pytest
import torch
from torch.func import grad

from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.insight.gradient_parts import (
    DifferenceCheck,
    GradientParts,
    difference_check,
    gradient_parts,
)
from maml_explorer.core.insight.learner import Learner, training_learner
from maml_explorer.core.insight.stability import Stability, stability
from maml_explorer.core.meta_test import run_to_end
from maml_explorer.core.plan import prepare
from maml_explorer.core.training import draw_batch, start_run
from maml_explorer.settings.presets import presets
from tests import reference

VALUES = {"precision": "float64", "hidden": (6, 5), "meta_batch": 3, "functions": 2, "shots": 4,
          "query_points": 3, "activation": "tanh"}  # fmt: skip


def learner_of(arm: str) -> tuple[Learner, TaskBatch]:
    plan = prepare(presets()["oml-sine"].settings.with_values(VALUES))
    state = start_run(plan)
    batch, _ = draw_batch(plan, state)
    return training_learner(plan, arm, state.arms[arm].initialization), batch


def outer_loss(learner: Learner, batch: TaskBatch, theta: torch.Tensor) -> torch.Tensor:
    """By autograd: one gradient step for each of the four batches, of the layers that adapt."""
    model, shots = learner.model, batch.shots
    moving = torch.zeros_like(theta)
    moving[-learner.tail_size :] = 1
    losses = []
    for task in range(len(batch.tasks)):
        x, y = batch.inputs[task, :, :-1], batch.y[task]

        def loss(phi: torch.Tensor, a: int, b: int, x=x, y=y) -> torch.Tensor:  # type: ignore[no-untyped-def]
            return reference.loss(phi, x[a:b], y[a:b], model.sizes, model.activation)

        phi = theta
        for k in range(4):
            a, b = k * shots // 4, (k + 1) * shots // 4
            step = learner.step_sizes.at(k)[0]
            phi = phi - step.flatten()[0] * moving * grad(loss)(phi, a, b)
        losses.append(loss(phi, shots, len(y)))
    return torch.stack(losses).mean()


@pytest.mark.parametrize("arm", ["OML", "MAML"])
def test_the_parts_add_up_to_the_gradient_by_autograd(arm: str) -> None:
    learner, batch = learner_of(arm)
    found = run_to_end(gradient_parts(learner, batch))
    assert isinstance(found, GradientParts)
    expected = grad(lambda theta: outer_loss(learner, batch, theta))(learner.theta)
    both = torch.cat([layer.flatten() for layer in found.gradient])
    torch.testing.assert_close(both, expected, rtol=1e-9, atol=1e-11)


def test_the_parts_agree_with_differences_of_the_loss() -> None:
    learner, batch = learner_of("OML")
    found = run_to_end(difference_check(learner, batch, torch.Generator().manual_seed(0)))
    assert isinstance(found, DifferenceCheck) and found.error < 1e-6


def test_a_step_rises_where_the_loss_of_its_own_batch_does() -> None:
    learner, batch = learner_of("MAML")
    found = run_to_end(stability(learner, batch, torch.Generator().manual_seed(0)))
    assert isinstance(found, Stability) and found.rising.shape == (4, 3)
    path = learner.path(batch)
    model, shots = learner.model, batch.shots
    for k in range(4):
        a, b = k * shots // 4, (k + 1) * shots // 4
        x, y = batch.inputs[:, a:b], batch.y[:, a:b]
        before, after = (
            (model.forward(path.parameters[k + nth], x, step=k).output - y).square().mean((1, 2))
            for nth in (0, 1)
        )
        assert found.rising[k].tolist() == (after > before).double().tolist()
    steep = run_to_end(stability(_faster(learner, 400.0), batch, torch.Generator().manual_seed(0)))
    assert isinstance(steep, Stability) and steep.share_rising > found.share_rising


def _faster(learner: Learner, factor: float) -> Learner:
    from dataclasses import replace

    steps = tuple(tuple(factor * a for a in step) for step in learner.step_sizes.steps)
    return replace(learner, step_sizes=replace(learner.step_sizes, steps=steps))
