"""Incremental sine waves: streams, and what their inner loop sees and changes."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from maml_explorer.core.adaptation import adapt
from maml_explorer.core.families.curve_tasks import single_mse, zero_mse
from maml_explorer.core.families.incremental import GRID
from maml_explorer.core.forgetting import forgetting, stream_errors, summary
from maml_explorer.core.meta_test import final_test, held_out_figures, meta_test, run_to_end
from maml_explorer.core.outer_gradient import outer_gradient
from maml_explorer.core.plan import Plan, kernels_of, prepare
from maml_explorer.core.probing import outputs_along_path
from maml_explorer.core.student_t import student_t_975
from maml_explorer.core.tested_steps import test_step_sizes as adapting
from maml_explorer.core.training import draw_batch, outer_step, start_run
from maml_explorer.core.workspace import Workspace
from maml_explorer.experiments.result_tables import forgetting_table
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Arm, Settings, default_arm
from maml_explorer.storage.initialization.expressions import adapting_module, sgd_loop

STREAM: dict[str, Any] = {
    "family": "incremental", "functions": 3, "batches": 2, "shots": 4, "query_points": 3,
    "hidden": (6, 5, 4), "activation": "tanh", "meta_batch": 3, "inner_lr": 0.1,
    "precision": "float64",
}  # fmt: skip


def plan_of(*arms: Arm, **more: Any) -> Plan:
    """A small run of these arms."""
    return prepare(Settings().with_values(STREAM | more).with_arms(arms))


def test_a_stream_is_its_functions_one_after_another() -> None:
    batch, _ = draw_batch(plan := plan_of(default_arm("maml")), start_run(plan))
    assert batch.inputs.shape == (3, 3 * 4 + 3 * 3, 5) and batch.shots == 12
    support = batch.support.x[..., 1:].argmax(-1)
    assert support.tolist() == [[0] * 4 + [1] * 4 + [2] * 4] * 3
    assert batch.query.x[..., 1:].argmax(-1).tolist() == [[0] * 3 + [1] * 3 + [2] * 3] * 3
    assert bool((batch.points.x[..., 1:].sum(-1) == 1).all())
    number = batch.points.x[..., 1:].argmax(-1)
    amplitude, phase, frequency = (
        batch.tasks.view(3, 3, 3)[..., nth].gather(1, number) for nth in range(3)
    )
    truth = amplitude * torch.sin(frequency * batch.points.x[..., 0] - phase)
    torch.testing.assert_close(batch.y[..., 0], truth)


def test_a_step_sees_its_own_batch_alone() -> None:
    plan = plan_of(default_arm("maml"))
    batch, _ = draw_batch(plan, state := start_run(plan))
    arm, layers = plan.arms["MAML"], plan.model.layers(state.arms["MAML"].initialization)

    def path(y: Tensor, steps: int) -> list[Tensor]:
        x, sizes = batch.inputs[:, :12], arm.inner.step_sizes
        found = adapt(plan.model, layers, x, y, sizes, steps, keep_traces=False).parameters
        return [torch.cat([w.expand(3, -1, -1).flatten(1) for w in phi], 1) for phi in found]

    plain, changed = batch.support.y, batch.support.y.clone()
    changed[:, 4:6] += 1  # the third batch, the first of the second function
    same = [bool((a == b).all()) for a, b in zip(path(plain, 6), path(changed, 6), strict=True)]
    assert same == [True, True, True, False, False, False, False]
    shown = [
        outputs_along_path(
            plan, "MAML", state.arms["MAML"].initialization, batch.inputs, plain, 8, t
        )
        for t in (True, False)
    ]
    assert torch.equal(*shown) and torch.equal(shown[0][6], shown[0][8])
    last = plan.model.forward(plan.model.layers(path(plain, 6)[6][0]), batch.inputs[:1]).output
    torch.testing.assert_close(shown[0][6, 0], last[0])
    longer = path(plain, 8)  # behind its end nothing arrives
    assert len(longer) == 9 and torch.equal(longer[8], longer[6])
    assert not torch.equal(longer[6], longer[5])


@pytest.mark.parametrize("head", [1, 2, 3])
@pytest.mark.parametrize("family", ["sine", "incremental"])
def test_a_deeper_head_equals_nested_autograd(family: str, head: int) -> None:
    plan = plan_of(Arm("OML", "anil", (("head_layers", head),)), family=family, inner_steps=3)
    batch, _ = draw_batch(plan, state := start_run(plan))
    theta, arm = state.arms["OML"].initialization, plan.arms["OML"]
    shape, now = arm.shape(plan, 3), arm.in_force(0)
    ours = outer_gradient(shape, theta, batch.inputs, batch.y, *arm.varying(plan, now))
    shots, batches = batch.shots, plan.settings.stream_batches or 1
    parts = torch.arange(shots).split(shots // batches)

    def predict(layers: list[Tensor], x: Tensor) -> Tensor:
        for nth, layer in enumerate(layers):
            x = x @ layer[:-1] + layer[-1]
            x = torch.tanh(x) if nth < len(layers) - 1 else x
        return x

    def after_stream(flat: Tensor, x: Tensor, y: Tensor) -> Tensor:
        layers = plan.model.layers(flat)
        for k in range(arm.inner.steps):
            seen, body = parts[k % len(parts)], layers[:-head]

            def loss(*tail: Tensor, seen: Tensor = seen, body: Any = body) -> Tensor:
                return (predict([*body, *tail], x[seen]) - y[seen]).square().mean()

            tail = layers[-head:]
            found = torch.func.grad(loss, argnums=tuple(range(head)))(*tail)
            layers = [*body, *(w - 0.1 * g for w, g in zip(tail, found, strict=True))]
        return (predict(layers, x[shots:]) - y[shots:]).square().mean()

    total = torch.zeros_like(theta)
    for x, y in zip(batch.points.x, batch.y, strict=True):
        total += torch.func.grad(lambda at, x=x, y=y: after_stream(at, x, y))(theta) / 3
    assert float((ours.gradient - total).abs().max() / total.abs().max()) <= 1e-9
    recorded = Workspace("recorded").outer_gradient(
        shape, theta, batch.inputs, batch.y, *arm.varying(plan, now)
    )
    torch.testing.assert_close(recorded.gradient, ours.gradient, rtol=1e-10, atol=1e-12)
    compiled = plan.workspace.outer_gradient(
        shape, theta, batch.inputs, batch.y, *arm.varying(plan, now)
    )
    torch.testing.assert_close(compiled.gradient, ours.gradient, rtol=1e-9, atol=1e-12)


def test_a_head_of_all_layers_is_maml() -> None:
    plan = plan_of(default_arm("maml"), Arm("all", "anil", (("head_layers", 9),)))
    state, _ = outer_step(plan, start_run(plan))
    assert torch.equal(state.arms["MAML"].initialization, state.arms["all"].initialization)
    assert kernels_of(plan) == "recorded"


def test_inner_steps_are_those_of_the_stream() -> None:
    settings = Settings().with_values(STREAM | {"inner_steps": 1, "test_steps": 4})
    assert (settings.inner.inner_steps, settings.run.test_steps) == (6, 6)
    assert settings.with_values({"functions": 2}).inner.inner_steps == 4
    own = settings.of_arm(Arm("short", "maml", (("inner_steps", 2),)))
    assert own.inner.inner_steps == 6
    assert settings.support_points() == 12 and settings.ends == (4, 1)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"functions": 0},
            "Functions (functions) cannot be 0: allowed is a whole number from 1 to",
        ),
        ({"batches": 5}, "A function with 4 shots cannot arrive in 5 batches"),
        ({"functions": 20, "batches": 3}, "has 60 inner steps, and 50 are allowed"),
        ({"norm": "batch"}, "points that have not arrived yet: allowed are none, layer."),
    ],
)
def test_what_is_no_stream_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=r"^[^\n]*$") as error:
        Settings().with_values(STREAM | values)
    assert words in str(error.value)


def test_implicit_gradients_and_short_tests_are_refused() -> None:
    with pytest.raises(SettingsError, match="needs the minimum of one support loss"):
        plan_of(default_arm("imaml"))
    plan = plan_of(default_arm("maml"))
    theta = start_run(plan).arms["MAML"].initialization
    with pytest.raises(SettingsError, match="1 shots cannot arrive in 2 batches"):
        run_to_end(meta_test(plan, "MAML", theta, shots=1, task_count=2))


def test_joint_training_fine_tunes_what_it_is_told_to() -> None:
    head = Arm("head", "mtl", (("fine_tune", "head"), ("head_layers", 2)))
    plan = plan_of(default_arm("mtl"), head)
    state = start_run(plan)
    starts = {n: adapting(plan, n, a.initialization)[0] for n, a in state.arms.items()}
    assert starts == {"MTL": 0, "head": 2}
    for name, arm in state.arms.items():
        work = final_test(plan, name, arm.initialization, 4, [0, 6], 5)
        found = run_to_end(work)
        assert found.fine_tuning is not None and found.fine_tuning[0] == 0
        assert all(map(math.isfinite, found.errors.flatten().tolist()))


def test_held_out_streams_are_asked_for_all_functions() -> None:
    plan = plan_of(default_arm("maml"))
    theta = start_run(plan).arms["MAML"].initialization
    held = plan.family.held_out(plan.settings, 4, 4, "meta-test", theta.dtype)
    whole = held.batch()
    assert whole.query.x.shape == (4, 3 * GRID, 4) and whole.shots == 12
    start, sizes = adapting(plan, "MAML", theta)
    figures = run_to_end(
        held_out_figures(plan.model, theta, start, sizes, held, steps=6, task_count=4)
    )
    layers = plan.model.layers(theta)
    path = adapt(
        plan.model, layers, whole.inputs[:, :12], whole.y[:, :12], sizes, 6, keep_traces=False
    )
    last = plan.model.forward(path.parameters[-1], whole.inputs[:, 12:]).output
    torch.testing.assert_close(figures[-1], (last - whole.y[:, 12:]).square().mean((1, 2)))
    guess = plan.family.guess_loss(plan.settings, lambda x: 0 * x[..., :1])
    zero = plan.family.references(plan.settings)[0].figure
    assert zero is not None and guess == pytest.approx(zero)


@pytest.mark.parametrize("algorithm", ["maml", "mtl"])
def test_forgetting_is_measured_function_by_function(algorithm: str) -> None:
    plan = plan_of(Arm("one", algorithm), functions=2)
    theta = start_run(plan).arms["one"].initialization
    found = run_to_end(forgetting(plan, "one", theta, 4))
    errors = run_to_end(stream_errors(plan, "one", theta, 4, rate=found.rate))
    assert errors.shape == (3, 2, 4)
    _, sizes = adapting(plan, "one", theta)
    if algorithm == "mtl":
        assert found.rate is not None
        sizes = dataclasses.replace(sizes, steps=[[theta.new_tensor(found.rate)] * 4])
    whole = plan.family.held_out(plan.settings, 4, 4, "meta-test", theta.dtype).batch()
    path = adapt(
        plan.model, plan.model.layers(theta), whole.inputs[:, :8], whole.y[:, :8], sizes, 4,
        keep_traces=False,
    )  # fmt: skip
    for after, phi in enumerate(path.parameters[::2]):
        output = plan.model.forward(phi, whole.inputs[:, 8:].contiguous()).output
        by_point = (output - whole.y[:, 8:]).square()[..., 0]
        expected = torch.stack([by_point[:, :GRID].mean(1), by_point[:, GRID:].mean(1)])
        torch.testing.assert_close(errors[after], expected)
        assert found.mean[after] == pytest.approx(expected.mean(1).tolist())
    assert found.seen == pytest.approx([float(errors[1, 0].mean()), float(errors[2].mean())])
    half = student_t_975(3) * float(errors[2].mean(0).std()) / 2
    assert found.seen_ci95[1] == pytest.approx(half)
    table = forgetting_table("one", found).splitlines()
    assert [len(line.split("±")) - 1 for line in table[2:]] == [2, 1, 2]


def test_what_is_not_finite_is_none() -> None:
    errors = torch.ones(2, 1, 3, dtype=torch.float64)
    errors[1, 0, 1] = math.inf
    found = summary(errors)
    assert (found.mean, found.ci95) == (((1.0,), (None,)), ((0.0,), (None,)))
    assert (found.seen, found.seen_ci95, found.streams) == ((None,), (None,), 3)


def test_a_stream_has_the_references_and_the_card_of_its_functions() -> None:
    settings = Settings().with_values(STREAM | {"precision": "float32"})
    sines = settings.with_values({"family": "sine"}).tasks
    assert zero_mse(settings.tasks) == zero_mse(sines) > single_mse(sines) > 0
    assert single_mse(settings.tasks) == single_mse(sines)
    assert sgd_loop(settings, "loss", 6)[0].startswith("for xk, yk in zip(x.chunk(6), y.chunk(6))")
    assert adapting_module(settings.with_values({"head_layers": 2}), "head") == "model[-3:]"
