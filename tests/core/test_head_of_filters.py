"""A head of filters and the last layer: what enters it has many rows a point."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from maml_explorer.core import training
from maml_explorer.core.adaptation import StepSizes
from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.insight.gradient_parts import _parts
from maml_explorer.core.insight.landscape import _losses
from maml_explorer.core.insight.learner import training_learner
from maml_explorer.core.meta_gradient import meta_gradient
from maml_explorer.core.plan import Plan, prepare
from maml_explorer.core.probing import outputs_along_path
from maml_explorer.core.training import RunState
from maml_explorer.core.workspace import Workspace
from maml_explorer.settings.presets import load_preset
from maml_explorer.settings.settings import Arm

NAME = "arm"
STEPS = 2


@pytest.fixture(scope="module")
def run() -> tuple[Plan, RunState, TaskBatch]:
    """ANIL of letters whose head is the last filters and the last layer."""
    settings = (
        load_preset("glyphs-2-way-4-shot")
        .settings.with_arms((Arm(NAME, "anil"),))
        .with_values(
            {
                "device": "cpu", "precision": "float64", "head_layers": 2, "filters": 4,
                "blocks": 2, "side": 12, "meta_batch": 2, "inner_steps": STEPS,
            }
        )
    )  # fmt: skip
    plan = prepare(settings, Workspace("recorded"))
    state = training.start_run(plan)
    return plan, state, training.draw_batch(plan, state)[0]


def test_the_outer_gradient_is_that_of_a_whole_network_with_rates_of_0_below(
    run: tuple[Plan, RunState, TaskBatch],
) -> None:
    plan, state, batch = run
    arm, model = plan.arms[NAME], plan.model.training
    layers = model.layers(state.arms[NAME].initialization)
    assert arm.inner.start == 1 and model.depth == 3
    alpha, none = arm.inner_lr, torch.zeros_like(arm.inner_lr)
    whole = dataclasses.replace(
        arm.inner, start=0, step_sizes=StepSizes([[none, alpha, alpha]], uniform=False)
    )
    ours, theirs = (
        meta_gradient(model, layers, batch.inputs, batch.y, batch.shots, inner)
        for inner in (arm.inner, whole)
    )
    for one, two in zip(ours.gradient, theirs.gradient, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-12)
    first, correction = _parts(
        training_learner(plan, NAME, state.arms[NAME].initialization),
        batch,
        (0.0,) * STEPS + (1.0,),
    )
    for one, two, sum_ in zip(first, correction, theirs.gradient, strict=True):
        torch.testing.assert_close((one + two).mean(0), sum_, rtol=1e-9, atol=1e-12)


def test_everything_that_looks_at_its_inner_loop_cuts_the_sets_at_a_point(
    run: tuple[Plan, RunState, TaskBatch],
) -> None:
    plan, state, batch = run
    theta, shots = state.arms[NAME].initialization, batch.shots
    loss = plan.model.loss
    found = outputs_along_path(
        plan, NAME, theta, batch.inputs, batch.y[:, :shots], STEPS, training=True
    )
    support = float(loss.mean(found[-1, :, :shots], batch.y[:, :shots]))
    query = float(loss.mean(found[0, :, shots:], batch.y[:, shots:]))
    assert training.full_losses(plan, state, NAME, batch) == pytest.approx(
        (support, query), rel=1e-9
    )
    learner = training_learner(plan, NAME, theta)
    at = _losses(learner, theta[None], batch, STEPS).mean((1, 2))
    assert float(at[0]) == pytest.approx(support, rel=1e-9)
    taken, losses = training.outer_step(plan, state)
    assert float(losses[NAME][1]) == pytest.approx(float(at[1]), rel=1e-9)
    assert not torch.equal(taken.arms[NAME].initialization, theta)
