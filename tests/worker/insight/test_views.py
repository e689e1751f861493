"""The views of Network and Map: what crosses to the window is what core computes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from maml_explorer.core.adaptation import StepSizes
from maml_explorer.core.families.sine import query_grid
from maml_explorer.core.insight.features import (
    feature_change,
    freeze_test,
)
from maml_explorer.core.insight.held_out_tasks import batch_at
from maml_explorer.core.insight.landscape import plane_paths, surface, task_plane
from maml_explorer.core.insight.learner import Learner, meta_test_learner
from maml_explorer.core.insight.norm_statistics import norm_statistics
from maml_explorer.core.insight.parameter_map import parameter_map, polar_fit, projected_path
from maml_explorer.core.meta_test import run_to_end
from maml_explorer.core.models.mlp import Mlp, with_ones
from maml_explorer.core.plan import Plan, prepare
from maml_explorer.core.probing import probe
from maml_explorer.core.streams import stream
from maml_explorer.core.student_t import student_t_975
from maml_explorer.core.training import RunState, outer_step, start_run
from maml_explorer.protocol.insight import NothingToShow, ViewName
from maml_explorer.settings.settings import Settings
from maml_explorer.worker.insight import VIEWS
from maml_explorer.worker.insight import parameter_map as map_file
from maml_explorer.worker.insight.error_map import plane_of_tasks
from maml_explorer.worker.insight.features import TASKS
from maml_explorer.worker.insight.shared import some_tasks
from maml_explorer.worker.insight.step_sizes import step_sizes_of
from tests.worker.driving import small_settings

X, Y = (-3.0, -1.0, 0.5, 4.0), (0.7, -1.2, 2.0, 0.1)
TASK: dict[str, Any] = {"x": X, "y": Y, "amplitude": 2.0, "phase": 0.7}
OWN: dict[str, Any] = {"x": X, "y": Y}
OF_ONE_ARM = ("step_sizes", "layer", "norm", "parameter_map", "error_map", "data_map", "landscape")


def run_of(settings: Settings) -> tuple[Plan, RunState]:
    plan = prepare(settings)
    return plan, start_run(plan)


def seen(name: str, plan: Plan, state: RunState, options: Mapping[str, Any]) -> Any:
    with torch.no_grad():
        return run_to_end(VIEWS[name].look(plan, state, options))


@pytest.fixture(scope="module")
def made() -> tuple[Plan, RunState]:
    return run_of(
        small_settings("maml", "anil", "mtl", precision="float64", activation="tanh", noise=0.1)
    )


def learner_of(plan: Plan, state: RunState, arm: str, steps: int) -> Learner:
    return meta_test_learner(plan, arm, state.arms[arm].initialization, steps)


def test_features_are_those_of_core_for_every_arm(made: tuple[Plan, RunState]) -> None:
    plan, state = made
    found = seen("features", plan, state, {"steps": 2})
    assert list(found) == ["MAML", "ANIL", "MTL"]
    for arm, record in found.items():
        learner = learner_of(plan, state, arm, 2)
        batch = some_tasks(plan, TASKS, learner.theta)
        change = run_to_end(feature_change(learner, batch, query_grid(plan.settings.tasks, 200)))
        errors = run_to_end(freeze_test(learner, batch))
        assert record.layers == ("hidden 1", "hidden 2", "output")
        assert record.steps == 2
        for values, mean, spread in (
            (change.similarity, record.similarity, record.similarity_spread),
            (change.parameter_change, record.change, record.change_spread),
        ):
            np.testing.assert_allclose(mean, values.mean(1), rtol=1e-12)
            np.testing.assert_allclose(spread, values.std(1), rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(record.frozen_error, errors.mean(1), rtol=1e-12)
        half = student_t_975(TASKS - 1) * errors.std(1) / math.sqrt(TASKS)
        np.testing.assert_allclose(record.frozen_half, half, rtol=1e-12)
        assert record.frozen_diverged == (0, 0, 0, 0)
        assert not record.similarity.flags.writeable
    # ANIL adapts its head alone
    assert list(found["ANIL"].similarity[:2]) == pytest.approx([1.0, 1.0], abs=1e-12)
    assert list(found["ANIL"].change[:2]) == [0.0, 0.0]


def test_a_mean_that_leaves_tasks_out_has_no_interval() -> None:
    settings = small_settings("maml", precision="float64", inner_lr=0.6, test_steps=6)
    found = seen("features", *run_of(settings), {})["MAML"]
    lost = np.array(found.frozen_diverged)
    assert lost.max() > 0 == lost.min()
    np.testing.assert_array_equal(np.isnan(found.frozen_half), lost > 0)
    assert np.isfinite(found.frozen_error[lost < found.tasks]).all()


def test_the_layer_is_that_of_the_task_above(made: tuple[Plan, RunState]) -> None:
    plan, state = made
    found = seen("layer", plan, state, {"arm": "MAML", "layer": 2, "steps": 3, **TASK})
    theta = state.arms["MAML"].initialization
    grid = query_grid(plan.settings.tasks, 100)
    x, y = (torch.tensor([axis], dtype=torch.float64) for axis in (X, Y))
    curves = probe(plan, "MAML", theta, x, y, grid, 3).predictions[:, 0]
    assert found.layer == "output"
    np.testing.assert_allclose(found.before[:, 0], curves[0], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.after[:, 0], curves[3], rtol=1e-10, atol=1e-12)
    first = seen("layer", plan, state, {"arm": "MAML", "layer": 0, "steps": 3, **OWN})
    layers = plan.model.layers(theta)
    by_hand = torch.tanh(with_ones(grid[None, :, None])[0] @ layers[0])
    np.testing.assert_allclose(first.before, by_hand, rtol=1e-12)
    np.testing.assert_array_equal(first.weights_before, layers[0])
    assert np.abs(first.weights_after - first.weights_before).max() > 0


def test_the_layer_needs_points_and_says_so(made: tuple[Plan, RunState]) -> None:
    found = seen("layer", *made, {"layer": 0, "x": (), "y": ()})
    assert isinstance(found, NothingToShow) and "no support points" in found.reason


def test_the_map_is_that_of_core_and_never_flips(made: tuple[Plan, RunState]) -> None:
    plan, state = made
    found = seen("parameter_map", plan, state, {"arm": "MAML", "steps": 2, **TASK})
    learner = learner_of(plan, state, "MAML", 2)
    batch = some_tasks(plan, map_file.TASKS, learner.theta)
    exact = run_to_end(parameter_map(learner, batch))
    fit = polar_fit(exact.coordinates, batch.tasks)
    np.testing.assert_allclose(np.abs(found.coordinates), exact.coordinates.abs(), rtol=1e-9)
    assert found.explained == exact.explained
    assert found.r_squared == pytest.approx(fit.r_squared, rel=1e-9)
    np.testing.assert_array_equal(found.amplitude, batch.tasks[:, 0])
    np.testing.assert_array_equal(found.support_y, batch.support.y[..., 0])
    # each axis grows with the one of A cos φ, A sin φ that it goes with
    goal = found.amplitude * np.array([np.cos(found.phase), np.sin(found.phase)])
    for axis in found.coordinates.T:
        shared = [np.cov(axis, one)[0, 1] for one in goal]
        assert max(shared, key=abs) > 0
    # a task's path on the map ends at its point
    own = {"x": tuple(found.support_x[5]), "y": tuple(found.support_y[5])}
    again = seen("parameter_map", plan, state, {"arm": "MAML", "steps": 2, **own})
    assert again.path.shape == (3, 2)
    np.testing.assert_array_equal(again.path[0], [0, 0])
    np.testing.assert_allclose(again.path[-1], found.coordinates[5], rtol=1e-8, atol=1e-12)
    signs = torch.from_numpy(found.coordinates[0] / exact.coordinates[0].numpy()).sign()
    path = projected_path(learner, batch, exact.axes)[:, 5] * signs
    np.testing.assert_allclose(again.path, path, rtol=1e-8, atol=1e-12)


def test_no_points_no_path(made: tuple[Plan, RunState]) -> None:
    assert seen("parameter_map", *made, {"arm": "MAML", "steps": 1}).path.shape == (0, 2)


def test_the_error_map_is_what_the_window_shows_of_those_tasks(
    made: tuple[Plan, RunState],
) -> None:
    plan, state = made
    found = seen("error_map", plan, state, {"arm": "MAML"})
    assert found.errors.shape == (plan.settings.run.test_steps + 1, 21, 33)
    for i, j in ((0, 0), (5, 30), (20, 16)):
        amplitude, phase = found.amplitudes[i], found.phases[j]
        y = amplitude * np.sin(found.support_x - phase) + found.noise
        grid = query_grid(plan.settings.tasks)
        task = [torch.from_numpy(np.array(axis))[None] for axis in (found.support_x, y)]
        theta = state.arms["MAML"].initialization
        curves = probe(plan, "MAML", theta, *task, grid, 3).predictions[:, 0]
        truth = amplitude * torch.sin(grid - phase)
        exact = (curves - truth).square().mean(1)
        np.testing.assert_allclose(found.errors[:, i, j], exact, rtol=1e-9)
    assert np.abs(found.noise).max() > 0
    nothing = batch_at(
        plan.settings.tasks, torch.zeros(1, 3), 10, stream(0, "insight error map"),
        torch.empty(0, dtype=torch.float64),
    )  # fmt: skip
    np.testing.assert_array_equal(found.noise, nothing.support.y[0, :, 0])


def test_the_plane_of_tasks_frames_training_and_goes_beyond() -> None:
    tasks = Settings().tasks
    amplitudes, phases = plane_of_tasks(tasks)
    assert (amplitudes[0], amplitudes[-1]) == (0.0, 7.5)
    np.testing.assert_allclose([phases[0], phases[-1]], [-math.pi / 2, 3 * math.pi / 2], rtol=1e-12)
    round_once = dataclasses.replace(tasks, phase_max=2 * math.pi)
    np.testing.assert_allclose(plane_of_tasks(round_once)[1][[0, -1]], [0, 2 * math.pi])
    one_point = dataclasses.replace(tasks, amplitude_min=0.0, amplitude_max=0.0, phase_max=0.0)
    assert plane_of_tasks(one_point)[0][-1] == 1.0


def test_the_data_map_holds_means_and_counts(made: tuple[Plan, RunState]) -> None:
    plan, state = made
    found = seen("data_map", plan, state, {"arm": "ANIL"})
    assert found.shots == (1, 2, 3, 5, 7, 10, 15, 20)
    assert found.trained == 10
    assert found.errors.shape == (8, 4)
    assert np.isfinite(found.errors).all()
    # without an inner step the shots make no difference
    np.testing.assert_allclose(found.errors[:, 0], found.errors[0, 0], rtol=1e-12)


def test_the_landscape_is_that_of_core(made: tuple[Plan, RunState]) -> None:
    plan, state = made
    options = {"arm": "MAML", "steps": 2, "m": 1, **TASK}
    found = seen("landscape", plan, state, options)
    learner = learner_of(plan, state, "MAML", 2)
    others = some_tasks(plan, 8, learner.theta)
    assert found.support.shape == found.mean_query.shape == (41, 17)
    # the first axis is the update of the task above: its end lies on it
    assert found.paths[-1, 0, 1] == pytest.approx(0, abs=1e-12)
    assert found.distance[:2] == pytest.approx([0, 0], abs=1e-9)
    assert found.distance[2] > 0
    alone = seen("landscape", plan, state, {"arm": "MAML", "steps": 2, "m": 1})
    assert not alone.shown and alone.support.size == 0
    plane = task_plane(learner, others)
    paths = plane_paths(learner, plane, others)
    np.testing.assert_allclose(alone.paths, paths.coordinates, rtol=1e-9, atol=1e-12)
    for i, j in ((0, 0), (20, 10), (40, 3)):
        at = torch.tensor([[alone.first[i], alone.second[j]]])
        exact = run_to_end(surface(learner, plane, at, others, 1))
        assert alone.mean_query[i, j] == pytest.approx(float(exact.query.mean()), rel=1e-9)
        assert alone.mean_support[i, j] == pytest.approx(float(exact.support.mean()), rel=1e-9)
    assert alone.first[-1] - alone.first[0] >= 2.39 * (alone.second[-1] - alone.second[0])


def test_components_span_the_plane_too_and_an_own_task_has_no_query(
    made: tuple[Plan, RunState],
) -> None:
    plan, state = made
    found = seen("landscape", plan, state, {"arm": "MAML", "steps": 2, "axes": "components", **OWN})
    assert found.query.size == 0 and np.isfinite(found.support).all()
    learner = learner_of(plan, state, "MAML", 2)
    axes = run_to_end(parameter_map(learner, some_tasks(plan, 100, learner.theta))).axes
    ends = plane_paths_ends(learner, plan, axes)
    np.testing.assert_allclose(found.paths[-1, 1:], ends, rtol=1e-8, atol=1e-10)


def plane_paths_ends(learner: Learner, plan: Plan, axes: torch.Tensor) -> torch.Tensor:
    batch = some_tasks(plan, 8, learner.theta)
    return projected_path(learner, batch, axes)[-1]


def test_learned_step_sizes_layer_by_layer() -> None:
    model = Mlp((1, 3, 1))
    theta = torch.zeros(model.parameter_count, dtype=torch.float64)
    lslr = StepSizes(
        [[torch.tensor(0.1), torch.tensor(-0.2)], [torch.tensor(0.3), torch.tensor(0.4)]], False
    )
    found = step_sizes_of(Learner(model, theta, 0, lslr, 2), ("hidden 1", "output"))
    np.testing.assert_allclose(found.mean, [[0.1, 0.3], [-0.2, 0.4]], rtol=1e-6)
    np.testing.assert_array_equal(found.lowest, found.highest)
    assert found.each == ()
    assert found.negative == pytest.approx(4 / 10)
    each = torch.linspace(-0.1, 0.2, 10, dtype=torch.float64)
    meta_sgd = StepSizes([model.layers(each)], False)
    found = step_sizes_of(Learner(model, theta, 0, meta_sgd, 2), ("hidden 1", "output"))
    np.testing.assert_array_equal(found.each[0], each[:6].view(2, 3))
    np.testing.assert_array_equal(found.each[1], each[6:].view(4, 1))
    np.testing.assert_allclose(found.mean[:, 0], [each[:6].mean(), each[6:].mean()])
    assert (found.lowest[0, 0], found.highest[1, 0]) == (each[0], each[-1])
    assert found.negative == pytest.approx(float((each < 0).double().mean()))


def test_learned_matrices_and_weights_are_those_of_the_arm() -> None:
    settings = small_settings("meta_curvature", "cavia", precision="float64", context=2)
    plan, begun_run = run_of(settings)
    state = begun_run
    for _ in range(3):
        state, _ = outer_step(plan, state)
    begun = seen("step_sizes", plan, begun_run, {"arm": "Meta-Curvature"})
    assert [value for _, value in begun.course] == [0.0] * len(begun.layers)
    found = seen("step_sizes", plan, state, {"arm": "Meta-Curvature"})
    assert [name for name, _ in found.course] == [f"distance, {name}" for name in found.layers]
    assert all(value > 0 for value in found.arm_figures().values())
    arm = plan.arms["Meta-Curvature"]
    mapped = arm.step_sizes(plan.model, state.arms["Meta-Curvature"].initialization).map
    first = found.matrices[:3]
    assert [one.name for one in first] == [
        f"{found.layers[0]}: {word}" for word in ("inputs", "outputs", "biases")
    ]
    np.testing.assert_array_equal(first[1].values, mapped.layers[0].outputs)
    np.testing.assert_array_equal(first[2].values, mapped.layers[0].bias.T)
    total = sum(((one.values - one.begun) ** 2).sum() for one in first)
    assert found.course[0][1] == pytest.approx(math.sqrt(total))
    cavia = seen("step_sizes", plan, state, {"arm": "CAVIA"})
    (weights,) = cavia.matrices
    count = plan.model.parameter_count
    learned = state.arms["CAVIA"].initialization[count:].view(2, -1)
    np.testing.assert_array_equal(weights.values, learned)
    assert cavia.arm_figures()["weights, context 2"] == pytest.approx(float(learned[1].norm()))


def test_weights_of_many_context_parameters_have_one_course_and_a_picture_for_each_part() -> None:
    more = {"context": 6, "context_enters": "features", "norm": "layer"}
    plan, state = run_of(small_settings("cavia", precision="float64", **more))
    found = seen("step_sizes", plan, state, {"arm": "CAVIA"})
    learned = state.arms["CAVIA"].initialization[plan.model.parameter_count :].view(6, -1)
    assert [one.name for one in found.matrices] == ["context: scales", "context: shifts"]
    for one, part in zip(found.matrices, learned.chunk(2, 1), strict=True):
        np.testing.assert_array_equal(one.values, part)
    assert found.course == (("weights, all 6", pytest.approx(float(learned.norm()))),)


def test_step_sizes_leave_out_what_a_norm_keeps() -> None:
    model = Mlp((1, 3, 1), norm="batch")
    theta = torch.zeros(model.parameter_count, dtype=torch.float64)
    each = model.layers(torch.arange(model.parameter_count, dtype=torch.float64) - 6.0)
    found = step_sizes_of(
        Learner(model, theta, 0, StepSizes([each], False), 1), ("hidden 1", "output")
    )
    assert [table.shape for table in found.each] == [(2, 3), (4, 1)]
    np.testing.assert_array_equal(found.each[0], each[0][:2])
    assert found.negative == 0.6


@pytest.mark.parametrize("norm", ["none", "batch-per-step"])
def test_norm_statistics_are_those_of_core(norm: str) -> None:
    plan, state = run_of(small_settings("anil", norm=norm, precision="float64"))
    found = seen("norm", plan, state, {"arm": "ANIL", "steps": 2})
    learner = learner_of(plan, state, "ANIL", 2)
    exact = run_to_end(norm_statistics(learner, some_tasks(plan, 40, learner.theta)))
    assert (found.norm, found.words, len(found.layers)) == (norm, exact.words, 2)
    for layer, other in zip(found.layers, exact.layers, strict=True):
        np.testing.assert_array_equal(layer.mean, other.mean)
        np.testing.assert_array_equal(layer.variance, other.variance)
        if norm == "none":
            assert layer.stored_mean.size == layer.gap.size == 0
        else:
            np.testing.assert_array_equal(layer.stored_mean, other.stored_mean)
            np.testing.assert_array_equal(layer.stored_variance, other.stored_variance)
            np.testing.assert_array_equal(layer.gap, other.gap)
    np.testing.assert_array_equal(found.current_error, exact.current_error)
    assert found.stored_error.size == (0 if norm == "none" else 3)


def test_a_step_size_that_is_not_learned_is_said(made: tuple[Plan, RunState]) -> None:
    found = seen("step_sizes", *made, {"arm": "MAML"})
    assert found.reason == "The step sizes of this arm are not learned: α is 0.01 everywhere."


@pytest.mark.parametrize("view", OF_ONE_ARM)
def test_an_arm_that_is_gone(made: tuple[Plan, RunState], view: str) -> None:
    found = seen(view, *made, {"arm": "Gone", **TASK})
    assert found.reason == "There is no arm Gone any more: choose another one."


@pytest.mark.parametrize(
    ("view", "settings", "diverged", "words"),
    [
        ("features", {"test_steps": 0}, False, "no inner step"),
        ("parameter_map", {"test_steps": 0}, False, "no inner step"),
        ("landscape", {"test_steps": 0}, False, "no inner step"),
        ("layer", {"test_steps": 0}, False, "no inner step"),
        ("parameter_map", {"inner_lr": 0.0}, False, "does not move"),
        ("landscape", {"inner_lr": 0.0}, False, "no plane"),
        ("features", {}, True, "has diverged"),
        ("layer", {}, True, "has diverged"),
        ("parameter_map", {}, True, "has diverged"),
        ("error_map", {}, True, "has diverged"),
        ("data_map", {}, True, "has diverged"),
        ("landscape", {}, True, "has diverged"),
    ],
)
def test_why_there_is_nothing_to_show(
    view: str, settings: dict[str, Any], diverged: bool, words: str
) -> None:
    plan, state = run_of(small_settings("maml", **settings))
    if diverged:
        arm = state.arms["MAML"]
        broken = dataclasses.replace(arm, initialization=arm.initialization * math.nan)
        state = dataclasses.replace(state, arms={"MAML": broken})
    found = seen(view, plan, state, TASK)
    record = found["MAML"] if isinstance(found, dict) else found
    assert isinstance(record, NothingToShow)
    assert words in record.reason


def test_inner_steps_that_explode_leave_words_or_gaps() -> None:
    plan, state = run_of(
        small_settings("maml", inner_lr=100.0, test_steps=20, activation="softplus")
    )
    assert "diverged" in seen("features", plan, state, {})["MAML"].reason
    assert "diverged" in seen("parameter_map", plan, state, {}).reason
    errors = seen("error_map", plan, state, {}).errors
    assert np.isnan(errors[-1, -1]).any()
    assert not np.isinf(errors).any()


def test_one_task_has_a_map_without_a_fit() -> None:
    one = small_settings("maml", amplitude_min=2.0, amplitude_max=2.0, phase_max=0.0)
    found = seen("parameter_map", *run_of(one), {})
    assert math.isnan(found.r_squared)
    assert np.isfinite(found.coordinates).all()


def test_an_arm_shows_the_step_sizes_it_has_learned() -> None:
    settings = small_settings("maml", "meta_sgd", precision="float64", inner_lr=0.02)
    maml, sgd = settings.arms
    lslr = dataclasses.replace(maml, overrides=(("lslr", True), ("inner_steps", 3)))
    plan, state = run_of(settings.with_arms((lslr, sgd)))
    for name in ("MAML", "Meta-SGD"):
        arm = state.arms[name]
        learned = arm.initialization.clone()
        count = plan.model.parameter_count
        learned[count:] = torch.linspace(-0.1, 0.3, len(learned) - count, dtype=torch.float64)
        arms = {**state.arms, name: dataclasses.replace(arm, initialization=learned)}
        state = dataclasses.replace(state, arms=arms)
    found = seen("step_sizes", plan, state, {"arm": "MAML"})
    assert found.layers == ("hidden 1", "hidden 2", "output") and found.each == ()
    rates = state.arms["MAML"].initialization[plan.model.parameter_count :]
    # [inner step, layer] there
    np.testing.assert_allclose(found.mean, rates.view(3, 3).T, rtol=1e-12)
    each = seen("step_sizes", plan, state, {"arm": "Meta-SGD"}).each
    assert [table.shape for table in each] == [(2, 8), (9, 8), (9, 1)]
    rates = state.arms["Meta-SGD"].initialization[plan.model.parameter_count :]
    assert np.concatenate([t.ravel() for t in each]) == pytest.approx(rates.tolist())


def test_every_view_that_can_be_asked_for_is_in_the_table() -> None:
    assert list(VIEWS) == list(ViewName)
