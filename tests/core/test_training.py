"""Outer steps against torch.optim, Reptile and chunks against direct definitions."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from maml_explorer.core import training
from maml_explorer.core.optimizers import OPTIMIZERS
from maml_explorer.core.plan import prepare
from maml_explorer.settings.settings import Settings, default_arm
from tests import reference

SIZES = (1, 8, 8, 1)


def small(*algorithms: str, **values: object) -> Settings:
    settings = Settings().with_values(
        {"hidden": (8, 8), "meta_batch": 4, "precision": "float64", "activation": "tanh", **values}
    )
    return settings.with_arms(tuple(default_arm(name) for name in algorithms))


@pytest.mark.parametrize("name", ["adam", "sgd"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_optimizers_equal_torch_optim(name: str, momentum: float) -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(20, dtype=torch.float64, generator=generator)
    count, update = OPTIMIZERS[name]
    ours, moments = start.clone(), tuple(torch.zeros_like(start) for _ in range(count))
    theirs = torch.nn.Parameter(start.clone())
    optimizer = (
        torch.optim.Adam([theirs], lr=0.01)
        if name == "adam"
        else torch.optim.SGD([theirs], lr=0.01, momentum=momentum)
    )
    for step in range(1, 30):
        gradient = torch.randn(20, dtype=torch.float64, generator=generator)
        ours, moments = update(ours, gradient, moments, step, 0.01, momentum)
        theirs.grad = gradient.clone()
        optimizer.step()
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-12, atol=1e-14)


def test_an_outer_step_of_maml_is_adam_on_the_reference_gradient() -> None:
    settings = small("maml", inner_steps=2)
    plan = prepare(settings)
    state = training.start_run(plan)
    batch, _ = training.draw_batch(plan, state)
    theta = state.arms["MAML"].initialization
    supports = list(zip(batch.support.x, batch.support.y, strict=True))
    queries = list(zip(batch.query.x, batch.query.y, strict=True))
    gradient, _ = reference.meta_gradient(
        theta, torch.full((2, len(theta)), 0.01).double(), supports, queries, SIZES, "tanh"
    )
    parameter = torch.nn.Parameter(theta.clone())
    parameter.grad = gradient
    torch.optim.Adam([parameter], lr=0.001).step()
    after, losses = training.outer_step(plan, state)
    torch.testing.assert_close(
        after.arms["MAML"].initialization, parameter.detach(), rtol=1e-9, atol=1e-12
    )
    adapted = [
        reference.adapt(theta, torch.ones_like(theta), *s, 0.01, 2, SIZES, "tanh") for s in supports
    ]
    query = sum(
        float(reference.loss(p, *q, SIZES, "tanh")) for p, q in zip(adapted, queries, strict=True)
    )
    assert float(losses["MAML"][1]) == pytest.approx(query / 4, rel=1e-10)
    before = sum(float(reference.loss(theta, *s, SIZES, "tanh")) for s in supports) / 4
    assert float(losses["MAML"][0]) == pytest.approx(before, rel=1e-10)
    support_after, query_before = training.full_losses(plan, state, "MAML", batch)
    assert support_after == pytest.approx(
        sum(
            float(reference.loss(p, *s, SIZES, "tanh"))
            for p, s in zip(adapted, supports, strict=True)
        )
        / 4
    )
    assert query_before == pytest.approx(
        sum(float(reference.loss(theta, *q, SIZES, "tanh")) for q in queries) / 4
    )


@pytest.mark.parametrize(("batch_size", "steps"), [(5, 3), (4, 4), (100, 2)])
def test_reptile_is_its_definition(batch_size: int, steps: int) -> None:
    settings = small(
        "reptile", reptile_batch=batch_size, reptile_inner_steps=steps, inner_lr=0.05,
        reptile_step=0.3, outer_steps=10,
    )  # fmt: skip
    plan = prepare(settings)
    state = training.start_run(plan)
    for outer_step in range(2):
        batch, _ = training.draw_batch(plan, state)
        theta = state.arms["Reptile"].initialization
        moved = torch.zeros_like(theta)
        for task in range(4):
            x, y = batch.support.x[task], batch.support.y[task]
            phi, begin = theta, 0
            for _ in range(steps):  # consecutive minibatches, pass after pass
                end = min(begin + batch_size, 10)
                phi = reference.adapt(
                    phi, torch.ones_like(phi), x[begin:end], y[begin:end], 0.05, 1, SIZES, "tanh"
                )
                begin = end % 10
            moved += (theta - phi) / 4
        epsilon = 0.3 * (1 - outer_step / 10)
        state, _ = training.outer_step(plan, state)
        torch.testing.assert_close(
            state.arms["Reptile"].initialization, theta - epsilon * moved, rtol=1e-10, atol=1e-12
        )


@pytest.mark.parametrize("chunk", [1, 3])
def test_chunks_of_a_large_batch_add_up(chunk: int) -> None:
    settings = small("maml", "anil", "reptile", "mtl", meta_batch=7)
    whole = prepare(settings)
    parts = prepare(settings)
    # what a larger network would give
    arms = {n: dataclasses.replace(a, chunk_tasks=chunk) for n, a in parts.arms.items()}
    parts = dataclasses.replace(parts, arms=arms)
    assert all(arm.chunk_tasks >= 7 for arm in whole.arms.values())
    one, losses_one = training.outer_step(whole, training.start_run(whole))
    two, losses_two = training.outer_step(parts, training.start_run(parts))
    for name in one.arms:
        torch.testing.assert_close(
            one.arms[name].initialization, two.arms[name].initialization, rtol=1e-9, atol=1e-12
        )
        torch.testing.assert_close(losses_one[name], losses_two[name])


def test_abandoning_a_step_leaves_the_state_whole() -> None:
    plan = prepare(small("maml", "mtl"))
    state = training.start_run(plan)
    before = state.arms["MAML"].initialization.clone(), state.generator_state.clone()
    work = training.outer_step_in_chunks(plan, state)
    next(work)
    work.close()
    assert torch.equal(before[0], state.arms["MAML"].initialization)
    assert torch.equal(before[1], state.generator_state)
    again, _ = training.outer_step(plan, state)
    fresh, _ = training.outer_step(plan, training.start_run(plan))
    assert torch.equal(again.arms["MAML"].initialization, fresh.arms["MAML"].initialization)


def test_frozen_arms_wait() -> None:
    plan = prepare(small("maml", "mtl"))
    state = training.start_run(plan)
    arms = dict(state.arms)
    arms["MAML"] = dataclasses.replace(arms["MAML"], frozen=True)
    after, losses = training.outer_step(plan, dataclasses.replace(state, arms=arms))
    assert after.arms["MAML"] is arms["MAML"] and list(losses) == ["MTL"]


def test_all_arms_start_from_the_same_initialization() -> None:
    plan = prepare(small("maml", "anil", "mtl"))
    state = training.start_run(plan)
    thetas = [arm.initialization for arm in state.arms.values()]
    assert torch.equal(thetas[0], thetas[1]) and torch.equal(thetas[0], thetas[2])
    other = training.start_run(prepare(small("maml", seed=1)))
    assert not torch.equal(thetas[0], other.arms["MAML"].initialization)


def test_a_setting_an_algorithm_does_not_read_changes_nothing() -> None:
    def after(**values: object) -> torch.Tensor:
        plan = prepare(small("mtl", **values))
        state = training.start_run(plan)
        for _ in range(3):
            state, _ = training.outer_step(plan, state)
        return state.arms["MTL"].initialization

    assert torch.equal(after(), after(inner_lr=0.7, inner_steps=4, reptile_step=0.9))


def test_zero_inner_steps_train_on_the_query_set() -> None:
    plan = prepare(small("maml", "anil", inner_steps=0))
    state, losses = training.outer_step(plan, training.start_run(plan))
    torch.testing.assert_close(losses["MAML"], losses["ANIL"])
    torch.testing.assert_close(state.arms["MAML"].initialization, state.arms["ANIL"].initialization)


def test_joint_training_approaches_the_best_single_predictor() -> None:
    from maml_explorer.core.families.sine_family import best_single_gap
    from maml_explorer.core.meta_test import at_theta

    settings = Settings().with_values({"meta_batch": 100, "outer_lr": 0.003})
    settings = settings.with_arms((default_arm("mtl"),))
    plan = prepare(settings)
    state = training.start_run(plan)

    def gap() -> float:
        theta = state.arms["MTL"].initialization
        return best_single_gap(settings.tasks, at_theta(plan.model, theta))

    first = gap()
    for _ in range(1500):
        state, _ = training.outer_step(plan, state)
    assert gap() <= 0.25 < first
