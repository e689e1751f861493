"""Learned maps of the inner gradient: tricks, recordings and changes of settings, by autograd."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core import training
from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.insight.learner import training_learner
from maml_explorer.core.outer_gradient import outer_gradient
from maml_explorer.core.plan import Plan, prepare
from maml_explorer.core.settings_change import after_change
from maml_explorer.core.training import ArmState
from maml_explorer.core.workspace import Workspace
from maml_explorer.settings.declaration import SettingsError, Value
from maml_explorer.settings.settings import Arm, Settings
from tests.core.families.test_properties import MAPPED, mean_loss
from tests.core.test_tricks import REMEDIES, relative, weights_at

NAME = "arm"
MAPS = [key for key, one in ALGORITHMS.items() if one.step_sizes in MAPPED]


def plan_of(algorithm: str, **values: Value) -> Plan:
    whole: dict[str, Any] = {
        "hidden": (5, 4), "activation": "tanh", "precision": "float64", "meta_batch": 3,
        "shots": 5, "query_points": 6, "inner_lr": 0.1,
    }  # fmt: skip
    settings = Settings(arms=(Arm(NAME, algorithm),)).with_values(whole | values)
    return prepare(settings, Workspace("recorded"))


def some_state(plan: Plan, outer_step: int = 0) -> tuple[ArmState, TaskBatch]:
    """A state whose map has left its beginning, and a batch."""
    run = training.start_run(plan)
    batch, _ = training.draw_batch(plan, run)
    vector, count = run.arms[NAME].initialization.clone(), plan.model.parameter_count
    generator = torch.Generator().manual_seed(1)
    vector[count:] += 0.2 * torch.randn(
        len(vector) - count, generator=generator, dtype=torch.float64
    )
    return ArmState(vector, run.arms[NAME].moments, outer_step), batch


def outer_loss(plan: Plan, vector: Tensor, x: Tensor, y: Tensor, shots: int, t: int) -> Tensor:
    """The weighted query losses of one task at outer step t, by the judge."""
    arm, count = plan.arms[NAME], plan.model.parameter_count
    phi, weights = vector[:count], weights_at(arm, t)
    second = t >= arm.settings.outer.second_order_from
    total = weights[0] * mean_loss(plan, phi, x[shots:], y[shots:])
    for k in range(arm.inner.steps):
        g = torch.func.grad(lambda at: mean_loss(plan, at, x[:shots], y[:shots]))(phi)
        clip, judge = arm.settings.inner.inner_clip, MAPPED[arm.algorithm.step_sizes]
        step = judge(plan, vector[count:], g if second else g.detach(), clip, second)
        phi = phi - arm.settings.inner.inner_lr * step
        total = total + weights[k + 1] * mean_loss(plan, phi, x[shots:], y[shots:])
    return total


@pytest.mark.parametrize(
    ("remedy", "norm"), [*((one, "none") for one in REMEDIES), (REMEDIES[-1], "batch")]
)
@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("algorithm", MAPS)
def test_the_outer_gradient_is_autograds(
    algorithm: str, steps: int, remedy: dict[str, Value], norm: str
) -> None:
    plan = plan_of(algorithm, **remedy, inner_steps=steps, norm=norm)
    arm = plan.arms[NAME]
    for t in (0, 5, 10):  # recordings are used again, with other weights
        state, batch = some_state(plan, t)
        now = arm.in_force(t)
        inputs = (state.initialization, batch.inputs, batch.y, *arm.varying(plan, now))
        shape = arm.shape(plan, 3, now)
        found = outer_gradient(shape, *inputs)
        theirs = torch.zeros_like(state.initialization)
        for x, y in zip(batch.points.x, batch.points.y, strict=True):
            one = torch.func.grad(outer_loss, argnums=1)
            theirs += one(plan, state.initialization, x, y, batch.shots, t) / 3
        assert relative(found.gradient, theirs) <= 1e-9
        replayed = plan.workspace.outer_gradient(shape, *inputs)
        assert torch.equal(found.gradient, replayed.gradient)
    assert plan.workspace.kinds == {"replay"}


def test_matrices_begin_at_the_identity_and_are_learned() -> None:
    ours, maml = (plan_of(key, inner_steps=2) for key in ("meta_curvature", "maml"))
    mine, theirs = training.start_run(ours), training.start_run(maml)
    count = ours.model.parameter_count
    assert len(mine.arms[NAME].initialization) == count + sum(
        a * a + b * b + b for a, b in ((1, 5), (5, 4), (4, 1))
    )
    mine, losses = training.outer_step(ours, mine)
    theirs, expected = training.outer_step(maml, theirs)
    torch.testing.assert_close(losses[NAME], expected[NAME], rtol=1e-12, atol=0)
    torch.testing.assert_close(
        mine.arms[NAME].initialization[:count], theirs.arms[NAME].initialization, rtol=1e-7, atol=0
    )
    begun = training.start_run(ours).arms[NAME].initialization[count:]
    assert (mine.arms[NAME].initialization[count:] != begun).double().mean() > 0.9


@pytest.mark.parametrize("algorithm", MAPS)
def test_a_map_outlives_changes_of_the_inner_loop(algorithm: str) -> None:
    plan = plan_of(algorithm, inner_steps=2)
    state = training.start_run(plan)
    for _ in range(3):
        state, _ = training.outer_step(plan, state)
    for values in ({"inner_steps": 4}, {"inner_lr": 0.05}, {"inner_clip": 0.5}):
        changed = plan.settings.with_values(values)
        kept = after_change(prepare(changed), state, plan.settings, changed)
        assert torch.equal(kept.arms[NAME].initialization, state.arms[NAME].initialization)
    without = plan.settings.with_values({"inner_steps": 0})
    none = after_change(prepare(without), state, plan.settings, without)
    again = after_change(plan, none, without, plan.settings)
    begun, arm = training.start_run(plan).arms[NAME], again.arms[NAME]
    assert len(arm.initialization) == len(begun.initialization)
    assert all(len(moment) == len(arm.initialization) for moment in arm.moments)
    training.outer_step(plan, again)


@pytest.mark.parametrize("algorithm", MAPS)
def test_a_module_of_columns_is_refused_in_one_sentence(algorithm: str) -> None:
    from maml_explorer.core.losses import SQUARED_ERROR
    from maml_explorer.core.models.functional import functional

    module = torch.nn.Sequential(torch.nn.Linear(1, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    settings = Settings(arms=(Arm(NAME, algorithm),))
    with pytest.raises(SettingsError, match=rf"^{ALGORITHMS[algorithm].label} needs layers .*\.$"):
        prepare(settings, model=functional(module, 1, SQUARED_ERROR))


@pytest.mark.parametrize("second", [True, False])
def test_a_context_is_appended_to_the_input(second: bool) -> None:
    """The outer gradient of a network whose first layer really sees [x, c], c_0 = 0."""
    order = {} if second else {"second_order_from": 9}
    plan = plan_of("cavia", inner_steps=2, context=3, inner_lr=0.3, **order)
    state, batch = some_state(plan)
    count, number = plan.model.parameter_count, 3
    shots = batch.shots

    def loss(vector: Tensor, context: Tensor, x: Tensor, y: Tensor) -> Tensor:
        first, *above = plan.model.layers(vector[:count])
        wide = torch.cat([first[:1], vector[count:].view(number, -1), first[1:]])
        h = torch.cat([x, context.expand(len(x), -1), torch.ones_like(x)], 1) @ wide
        for layer in above:
            h = torch.tanh(h) @ layer[:-1] + layer[-1]
        return torch.nn.functional.mse_loss(h, y)

    def outer(vector: Tensor, x: Tensor, y: Tensor) -> Tensor:
        context = vector.new_zeros(number)
        for _ in range(2):
            g = torch.func.grad(loss, argnums=1)(vector, context, x[:shots], y[:shots])
            context = context - 0.3 * (g if second else g.detach())
        return loss(vector, context, x[shots:], y[shots:])

    theirs = sum(
        torch.func.grad(outer)(state.initialization, x, y) / 3
        for x, y in zip(batch.points.x, batch.points.y, strict=True)
    )
    arm = plan.arms[NAME]
    found = outer_gradient(
        arm.shape(plan, 3), state.initialization, batch.inputs, batch.y, arm.inner_lr
    )
    assert relative(found.gradient, theirs) <= 1e-9


def test_only_the_context_of_a_task_adapts() -> None:
    plan = plan_of("cavia", inner_steps=2, context=2)
    state, batch = some_state(plan)
    learner = training_learner(plan, NAME, state.initialization)
    phi = learner.path(batch).parameters[-1]
    first = learner.layers[0]
    assert torch.equal(phi[0][:, :1], first[None, :1].expand(3, -1, -1)), "the weights of x stay"
    moved = phi[0][:, 1] - first[1]
    assert int(torch.linalg.matrix_rank(moved, rtol=1e-9)) == 2, "two numbers of a task"
    for one, two in zip(phi[1:], learner.layers[1:], strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize(("norm", "moved"), [("none", 1), ("layer", 2)])
def test_a_context_of_features_moves_scale_and_shift(norm: str, moved: int) -> None:
    plan = plan_of("cavia", inner_steps=2, context=3, context_enters="features", norm=norm)
    state, batch = some_state(plan)
    learner = training_learner(plan, NAME, state.initialization)
    assert len(state.initialization) == plan.model.parameter_count + 3 * moved * 4
    phi = learner.path(batch).parameters[-1]
    for place, (one, two) in enumerate(zip(phi, learner.layers, strict=True)):
        if place != 1:
            assert torch.equal(one, two), "other layers stay"
    stays, rows = 6 if norm == "layer" else 5, phi[1] - learner.layers[1]
    assert torch.equal(rows[:, :stays], torch.zeros(3, stays, 4, dtype=torch.float64))
    assert rows.shape[1] == stays + moved and int((rows[:, stays:] == 0).sum()) == 0
    assert int(torch.linalg.matrix_rank(rows[:, stays:].flatten(1), rtol=1e-9)) == 3


def test_the_context_needs_a_parameter() -> None:
    with pytest.raises(SettingsError, match=r"^Context parameters .*0.*from 1 to 100.*\.$"):
        Settings().with_values({"context": 0})
