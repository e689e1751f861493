"""Remedies and learned step sizes: every gradient against autograd, alone and in combination."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from maml_explorer.core import training
from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.outer_gradient import outer_gradient
from maml_explorer.core.plan import ArmPlan, Plan, prepare
from maml_explorer.core.training import ArmState
from maml_explorer.core.workspace import Workspace
from maml_explorer.settings.declaration import Value
from maml_explorer.settings.settings import Arm, Settings
from tests import reference

HIDDEN = (5, 4)
SIZES = (1, *HIDDEN, 1)
NAME = "arm"
LEARNING = [
    ("maml", {}), ("maml", {"lslr": True}), ("fomaml", {"lslr": True}), ("anil", {"lslr": True}),
    ("meta_sgd", {}), ("fomaml", {}), ("anil", {}), ("boil", {}), ("boil", {"lslr": True}),
]  # fmt: skip
REMEDIES: list[dict[str, Value]] = [
    {},
    {"inner_clip": 0.7},
    {"multi_step_loss": True, "multi_step_until": 10},
    {"second_order_from": 5},
    {"inner_clip": 0.7, "multi_step_loss": True, "multi_step_until": 10, "outer_clip": 0.05},
]


def plan_of(algorithm: str, values: Mapping[str, Value], **more: Value) -> Plan:
    settings = Settings(arms=(Arm(NAME, algorithm, tuple(values.items())),))
    whole = {
        "hidden": HIDDEN, "activation": "tanh", "precision": "float64", "meta_batch": 4,
        "shots": 5, "query_points": 6, "inner_lr": 0.1,
    }  # fmt: skip
    return prepare(settings.with_values({**whole, **more}))


def some_state(plan: Plan, outer_step: int = 0) -> tuple[ArmState, TaskBatch]:
    """A state whose learned step sizes are of both signs, and a batch."""
    run = training.start_run(plan)
    batch, _ = training.draw_batch(plan, run)
    arm = run.arms[NAME]
    vector, count = arm.initialization.clone(), plan.model.parameter_count
    generator = torch.Generator().manual_seed(1)
    more = torch.randn(len(vector) - count, generator=generator, dtype=torch.float64)
    vector[count:] += 0.1 * more
    return ArmState(vector, arm.moments, outer_step), batch


def kind_of(arm: ArmPlan, plan: Plan) -> reference.Kind:
    return reference.Kind(False, plan.model.norm, arm.inner.start)


def mask_of(arm: ArmPlan, plan: Plan) -> Tensor:
    """1 where a parameter adapts while training."""
    return reference.adapting_mask(
        SIZES, kind_of(arm, plan), torch.float64, arm.inner.start, arm.inner.step_sizes.still
    )


def rates_of(plan: Plan, vector: Tensor) -> Tensor:
    """a [inner step, parameter] as the two papers define them, from what follows θ."""
    arm, count = plan.arms[NAME], plan.model.parameter_count
    steps, rates = arm.inner.steps, vector[count:]
    shapes = list(itertools.pairwise(SIZES))
    extra = reference.NORM_ROWS[plan.model.norm]
    if arm.algorithm.key == "meta_sgd":
        blocks, begin = [], 0
        for layer, (a, b) in enumerate(shapes):
            own = rates[begin : begin + (a + 1) * b].view(a + 1, b)
            below = torch.zeros(extra if layer < len(HIDDEN) else 0, b, dtype=torch.float64)
            blocks.append(torch.cat([own, below]).flatten())
            begin += (a + 1) * b
        return torch.cat(blocks).repeat(steps, 1)
    if not len(rates):
        return torch.full((steps, count), 0.1, dtype=torch.float64) * mask_of(arm, plan)
    full, at = torch.zeros(steps, count, dtype=torch.float64), 0
    for k in range(steps):
        begin = 0
        for layer, (rows, columns) in enumerate(plan.model.shapes):
            if arm.inner.start <= layer < plan.model.depth - arm.inner.step_sizes.still:
                full[k, begin : begin + rows * columns] = rates[at]
                at += 1
            begin += rows * columns
    return full * mask_of(arm, plan)


def summed(plan: Plan, by_rates: Tensor) -> Tensor:
    """∂L/∂(what is learned) from ∂L/∂a [inner step, parameter], by the transpose of `rates_of`."""
    count, vector = plan.model.parameter_count, some_state(plan)[0].initialization

    def pulled(rates: Tensor) -> Tensor:
        return (rates_of(plan, torch.cat([vector[:count], rates])) * by_rates).sum()

    if len(vector) == count:
        return vector[count:]
    gradient: Tensor = torch.func.grad(pulled)(vector[count:])
    return gradient


def expected(plan: Plan, state: ArmState, batch: TaskBatch, weights: tuple[float, ...]) -> Tensor:
    """The outer gradient of everything that is learned, by autograd."""
    arm, count = plan.arms[NAME], plan.model.parameter_count
    second = arm.algorithm.second_order and state.outer_step >= (
        arm.settings.outer.second_order_from
    )
    limit = arm.settings.inner.inner_clip
    by_theta, by_rates = reference.meta_gradient(
        state.initialization[:count],
        rates_of(plan, state.initialization),
        list(zip(batch.support.x, batch.support.y, strict=True)),
        list(zip(batch.query.x, batch.query.y, strict=True)),
        SIZES,
        "tanh",
        second,
        weights,
        kind_of(arm, plan),
        (limit, mask_of(arm, plan)) if limit else None,
    )
    return torch.cat([by_theta, summed(plan, by_rates)])


def weights_at(arm: ArmPlan, t: int) -> tuple[float, ...]:
    """w_0 … w_K spelled out again."""
    steps, outer = arm.inner.steps, arm.settings.outer
    if not outer.multi_step_loss or t >= outer.multi_step_until:
        return (0.0,) * steps + (1.0,)
    earlier = [max(1 / steps - t / steps / outer.multi_step_until, 0.03 / steps)] * (steps - 1)
    return (0.0, *earlier, 1 - sum(earlier))


def relative(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max().clamp_min(1e-30))


@pytest.mark.parametrize(
    ("remedy", "norm"), [*((remedy, "none") for remedy in REMEDIES), (REMEDIES[-1], "batch")]
)
@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize(("algorithm", "values"), LEARNING)
def test_the_outer_gradient_is_autograds(
    algorithm: str, values: dict[str, Value], steps: int, remedy: dict[str, Value], norm: str
) -> None:
    plan = plan_of(algorithm, {**values, **remedy}, inner_steps=steps, norm=norm)
    arm, recorded = plan.arms[NAME], Workspace("recorded")
    for t in (0, 4, 5, 10):  # recordings are used again, with other weights
        state, batch = some_state(plan, t)
        now = arm.in_force(t)
        inputs = (state.initialization, batch.inputs, batch.y, *arm.varying(plan, now))
        found = plan.workspace.outer_gradient(arm.shape(plan, 4, now), *inputs)
        theirs = expected(plan, state, batch, weights_at(arm, t))
        assert relative(found.gradient, theirs) <= 1e-9
        direct = outer_gradient(arm.shape(plan, 4, now), *inputs)
        replayed = recorded.outer_gradient(arm.shape(plan, 4, now), *inputs)
        assert torch.equal(direct.gradient, replayed.gradient)
    assert recorded.kinds == {"replay"}


@pytest.mark.parametrize("limit", [1e-3, 0.7, 1e3])
@pytest.mark.parametrize("algorithm", ["maml", "meta_sgd"])
def test_the_derivative_of_the_clipping_counts(algorithm: str, limit: float) -> None:
    plan = plan_of(algorithm, {"inner_clip": limit}, inner_steps=2)
    state, batch = some_state(plan)
    arm = plan.arms[NAME]
    now = arm.in_force(0)
    found = plan.workspace.outer_gradient(
        arm.shape(plan, 4, now), state.initialization, batch.inputs, batch.y,
        *arm.varying(plan, now),
    )  # fmt: skip
    assert relative(found.gradient, expected(plan, state, batch, (0, 0, 1))) <= 1e-9
    free = plan_of(algorithm, {}, inner_steps=2)
    unclipped = expected(free, state, batch, (0, 0, 1))
    assert (relative(found.gradient, unclipped) <= 1e-9) == (limit == 1e3)


def test_what_varies_is_not_recorded_anew() -> None:
    values: dict[str, Value] = {
        "multi_step_loss": True, "multi_step_until": 6, "second_order_from": 3, "inner_clip": 0.5,
        "outer_clip": 0.5, "schedule": "cosine", "lslr": True,
    }  # fmt: skip
    plan = plan_of("maml", values, inner_steps=2, outer_steps=8)
    plan = prepare(plan.settings, Workspace("recorded"))
    state = training.start_run(plan)
    recorded = []
    for _ in range(9):
        state, _ = training.outer_step(plan, state)
        recorded.append(len(plan.workspace._recordings))
    # first order with several losses, second order with several, second order with the last alone
    assert recorded == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    other = plan.settings.with_arms(
        (Arm(NAME, "maml", tuple({**values, "inner_clip": 0.4, "outer_clip": 0.1}.items())),)
    )
    training.outer_step(prepare(other, plan.workspace), state)
    assert len(plan.workspace._recordings) == 3


@pytest.mark.parametrize(("algorithm", "values"), LEARNING)
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_outer_steps_are_those_of_torch(
    algorithm: str, values: dict[str, Value], optimizer: str
) -> None:
    more: dict[str, Value] = {
        "outer_clip": 0.3, "schedule": "cosine", "schedule_end": 0.1, "second_order_from": 1,
        "multi_step_loss": True, "multi_step_until": 2, "inner_clip": 1.0,
    }  # fmt: skip
    plan = plan_of(
        algorithm, {**values, **more}, inner_steps=2, outer_steps=4, optimizer=optimizer,
        momentum=0.5, outer_lr=0.01,
    )  # fmt: skip
    run = training.start_run(plan)
    arm = plan.arms[NAME]
    parameter = torch.nn.Parameter(run.arms[NAME].initialization.clone())
    theirs: torch.optim.Optimizer = torch.optim.SGD([parameter], 0.01, 0.5)
    if optimizer == "adam":
        theirs = torch.optim.Adam([parameter], 0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(theirs, 4, 0.001)
    for t in range(4):
        batch, _ = training.draw_batch(plan, run)
        state = ArmState(parameter.detach().clone(), (), t)
        parameter.grad = expected(plan, state, batch, weights_at(arm, t))
        torch.nn.utils.clip_grad_norm_([parameter], 0.3)
        theirs.step()
        schedule.step()
        run, _ = training.outer_step(plan, run)
        # torch divides by the norm + 1e-6
        torch.testing.assert_close(
            run.arms[NAME].initialization, parameter.detach(), rtol=1e-4, atol=1e-7
        )


def test_step_sizes_begin_at_alpha_and_are_learned() -> None:
    plan = plan_of("meta_sgd", {}, inner_steps=1)
    run = training.start_run(plan)
    count = plan.model.parameter_count
    first = run.arms[NAME].initialization
    assert len(first) == 2 * count and torch.equal(
        first[count:], torch.full_like(first[count:], 0.1)
    )
    run, _ = training.outer_step(plan, run)
    assert (run.arms[NAME].initialization[count:] != 0.1).double().mean() > 0.9


def after_steps(algorithm: str, steps: int = 4, **values: Value) -> Tensor:
    plan = plan_of(algorithm, {}, **{"inner_steps": 2, **values})
    run = training.start_run(plan)
    for _ in range(steps):
        run, _ = training.outer_step(plan, run)
    return run.arms[NAME].initialization


@pytest.mark.parametrize(
    ("algorithm", "unread"),
    [
        ("mtl", {"lslr": True, "multi_step_loss": True, "second_order_from": 9, "inner_clip": 0.1}),
        ("reptile", {
            "lslr": True, "multi_step_loss": True, "second_order_from": 9, "schedule": "cosine",
            "outer_clip": 0.01,
        }),
        ("fomaml", {"second_order_from": 3}),
        ("maml", {"multi_step_until": 3, "warmup_steps": 7, "schedule_end": 0.5}),
        ("meta_sgd", {"multi_step_loss": True, "inner_steps": 1}),
    ],
)  # fmt: skip
def test_a_setting_an_algorithm_does_not_read_changes_nothing(
    algorithm: str, unread: dict[str, Value]
) -> None:
    steps = unread.get("inner_steps", 2)
    assert torch.equal(after_steps(algorithm, inner_steps=steps), after_steps(algorithm, **unread))


@pytest.mark.parametrize("algorithm", ["maml", "anil", "boil", "meta_sgd"])
def test_first_order_before_second(algorithm: str) -> None:
    switched = after_steps(algorithm, 3, second_order_from=3)
    whole = after_steps(algorithm, 3)
    assert not torch.equal(switched, whole)
    assert torch.equal(switched, after_steps(algorithm, 3, second_order_from=100))
    if algorithm == "maml":
        assert torch.equal(switched, after_steps("fomaml", 3))
    assert not torch.equal(
        after_steps(algorithm, 4, second_order_from=3),
        after_steps(algorithm, 4, second_order_from=9),
    )


def test_a_limit_that_nothing_reaches_clips_nothing() -> None:
    free = after_steps("maml")
    torch.testing.assert_close(
        free, after_steps("maml", inner_clip=1e6, outer_clip=1e6), rtol=1e-13, atol=1e-13
    )
