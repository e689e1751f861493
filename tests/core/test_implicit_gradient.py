"""The implicit outer gradient: against a dense solve, the true minimum, and what it refuses."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from maml_explorer.core import training
from maml_explorer.core.divergence import refusal
from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.implicit_gradient import TOLERANCE, failure_words
from maml_explorer.core.insight.gradient_parts import GradientParts, gradient_parts
from maml_explorer.core.insight.learner import training_learner
from maml_explorer.core.insight.stability import Stability, stability
from maml_explorer.core.meta_test import run_to_end
from maml_explorer.core.outer_gradient import OuterGradient, outer_gradient
from maml_explorer.core.plan import Plan, prepare
from maml_explorer.core.training import ArmState
from maml_explorer.core.workspace import Workspace
from maml_explorer.settings.declaration import SettingsError, Value
from maml_explorer.settings.settings import Settings, default_arm
from tests import reference

HIDDEN = (5, 4)
SIZES = (1, *HIDDEN, 1)
NAME = "iMAML"


def plan_of(**more: Value) -> Plan:
    whole: dict[str, Value] = {
        "hidden": HIDDEN, "activation": "tanh", "precision": "float64", "meta_batch": 4,
        "shots": 5, "query_points": 6, "inner_lr": 0.01, "inner_steps": 3, "cg_steps": 45,
        "proximal": 20.0,
    }  # fmt: skip
    settings = Settings().with_values({**whole, **more})
    return prepare(settings.with_arms((default_arm("imaml"),)))


def begun(plan: Plan) -> tuple[ArmState, TaskBatch]:
    run = training.start_run(plan)
    batch, _ = training.draw_batch(plan, run)
    return run.arms[NAME], batch


def gradient(plan: Plan, state: ArmState, batch: TaskBatch) -> OuterGradient:
    arm = plan.arms[NAME]
    now = arm.in_force(0)
    return outer_gradient(
        arm.shape(plan, len(batch.tasks), now), state.initialization, batch.inputs, batch.y,
        *arm.varying(plan, now),
    )  # fmt: skip


def pairs(batch: TaskBatch) -> tuple[list[tuple[torch.Tensor, torch.Tensor]], ...]:
    return (
        list(zip(batch.support.x, batch.support.y, strict=True)),
        list(zip(batch.query.x, batch.query.y, strict=True)),
    )


def relative(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max())


@pytest.mark.parametrize("norm", ["none", "layer", "batch"])
@pytest.mark.parametrize("steps", [0, 1, 3])
@pytest.mark.parametrize("clip", [0.0, 0.3])
def test_it_is_that_of_a_dense_solve(norm: str, steps: int, clip: float) -> None:
    plan = plan_of(norm=norm, inner_steps=steps, inner_clip=clip, proximal=100.0)
    state, batch = begun(plan)
    found = gradient(plan, state, batch)
    theirs = reference.implicit_gradient(
        state.initialization, 0.01, 100.0, steps, *pairs(batch), SIZES, "tanh",
        reference.Kind(False, norm), clip,
    )  # fmt: skip
    assert relative(found.gradient, theirs) <= 1e-9
    assert float(found.losses[2]) < 1e-9 and float(found.losses[3]) > 0


def test_at_the_inner_minimum_it_is_the_slope_of_the_outer_loss() -> None:
    """The implicit function theorem: no derivative of a path, and yet the derivative of φ*(θ)."""
    plan = plan_of(inner_lr=0.03, inner_steps=50, cg_steps=60)
    state, batch = begun(plan)
    way = torch.randn(
        len(state.initialization), dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )

    def outer_loss(at: torch.Tensor) -> float:
        total = 0.0
        for support, query in zip(*pairs(batch), strict=True):
            phi = at
            for _ in range(120):
                step = torch.func.grad(reference.loss)(phi, *support, SIZES, "tanh")
                phi = phi - 0.03 * (step + 20.0 * (phi - at))
            total += float(reference.loss(phi, *query, SIZES, "tanh")) / 4
        return total

    h = 1e-5
    measured = (
        outer_loss(state.initialization + h * way) - outer_loss(state.initialization - h * way)
    ) / (2 * h)
    assert float(gradient(plan, state, batch).gradient @ way) == pytest.approx(measured, rel=1e-7)


def test_a_recording_gives_the_same_bits_and_chunks_add_up() -> None:
    plan = plan_of(norm="batch-running", meta_batch=6)
    state, batch = begun(plan)
    arm = plan.arms[NAME]
    now = arm.in_force(0)
    inputs = (state.initialization, batch.inputs, batch.y, *arm.varying(plan, now))
    workspace = Workspace("recorded")
    recorded = workspace.outer_gradient(arm.shape(plan, 6, now), *inputs).copy()
    whole = outer_gradient(arm.shape(plan, 6, now), *inputs)
    assert workspace.kinds == {"replay"}
    assert torch.equal(recorded.gradient, whole.gradient)
    assert torch.equal(recorded.losses, whole.losses)
    run = training.start_run(plan)
    parts = dataclasses.replace(plan.arms[NAME], chunk_tasks=4, shapes={})
    split = dataclasses.replace(plan, arms={NAME: parts})
    one, losses = training.outer_step(plan, run)
    two, in_parts = training.outer_step(split, run)
    torch.testing.assert_close(losses[NAME], in_parts[NAME], rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(
        one.arms[NAME].initialization, two.arms[NAME].initialization, rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"cg_steps": 1, "proximal": 2.0}, "after 1 CG step the residual "),
        ({"proximal": 1e-3, "inner_lr": 0.1}, "is below −λ = −0.001"),
    ],
)
def test_a_bad_solution_is_no_gradient(values: dict[str, Value], words: str) -> None:
    plan = plan_of(**values)
    state, batch = begun(plan)
    found = gradient(plan, state, batch)
    assert bool(torch.isnan(found.gradient).all()) and bool(torch.isnan(found.losses[1]))
    assert words in refusal(plan.arms[NAME], found.losses)
    assert not float(found.losses[2]) <= TOLERANCE or float(found.losses[3]) <= 0


def test_a_good_solution_has_no_words() -> None:
    assert failure_words(0.001, 0.5, 5, 1.0) == ""
    assert failure_words(float("nan"), float("nan"), 5, 1.0) == ""
    assert "after 1 CG step the residual 0.5 is above 0.01" in failure_words(0.5, 0.5, 1, 1.0)


@pytest.mark.parametrize(
    ("residual", "curvature", "strength", "words"),
    [
        (0.0, -0.0003, 100.0, "curvature −100.03 is below −λ = −100: raise λ (α ≤ 1/λ)"),
        (0.0, -0.18, 1000.0, "curvature −1\u202f180 is below −λ = −1\u202f000"),
        (0.010002, 0.5, 1.0, "the residual 0.010002 is above 0.01"),
    ],
)
def test_the_words_do_not_contradict_themselves_by_rounding(
    residual: float, curvature: float, strength: float, words: str
) -> None:
    assert words in failure_words(residual, curvature, 10, strength)


@pytest.mark.parametrize("strength", [0.0, -1.0])
def test_a_strength_of_zero_is_refused(strength: float) -> None:
    with pytest.raises(SettingsError, match="Proximal strength λ"):
        Settings().with_values({"proximal": strength})


def test_what_is_held_does_not_grow_with_the_inner_steps() -> None:
    def bytes_of(key: str, steps: int) -> int:
        values: dict[str, Value] = {"inner_steps": steps, "hidden": (40, 40), "cg_steps": 10}
        settings = Settings().with_values(values).with_arms((default_arm(key),))
        plan = prepare(settings, Workspace("recorded"))
        training.outer_step(plan, training.start_run(plan))
        return plan.workspace.working_bytes

    assert bytes_of("imaml", 20) == pytest.approx(bytes_of("imaml", 2), rel=0.02)
    assert bytes_of("maml", 20) > 5 * bytes_of("maml", 2)


@pytest.mark.parametrize("norm", ["none", "layer"])
def test_the_parts_that_are_shown_add_up_to_it(norm: str) -> None:
    plan = plan_of(norm=norm, proximal=100.0)
    state, batch = begun(plan)
    learner = training_learner(plan, NAME, state.initialization)
    parts = run_to_end(gradient_parts(learner, batch))
    assert isinstance(parts, GradientParts)
    shown = torch.cat([layer.flatten() for layer in parts.gradient])
    assert relative(shown, gradient(plan, state, batch).gradient) <= 1e-12


def test_stability_is_that_of_steps_with_the_pull() -> None:
    """α (H + λ) takes the place of α H; the curvature shown is that of H alone."""
    plan = plan_of(inner_steps=1, proximal=100.0)
    state, batch = begun(plan)
    held = training_learner(plan, NAME, state.initialization)
    free = dataclasses.replace(held, step_sizes=dataclasses.replace(held.step_sizes, pull=None))
    found = [
        run_to_end(stability(one, batch, torch.Generator().manual_seed(0), 60))
        for one in (held, free)
    ]
    first, second = found
    assert isinstance(first, Stability) and isinstance(second, Stability)
    assert first.curvature is not None and second.curvature is not None
    torch.testing.assert_close(first.overshoot, second.overshoot + 0.01 * 100.0)
    torch.testing.assert_close(first.curvature, second.curvature)
