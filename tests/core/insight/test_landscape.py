"""Losses on a plane against the per-task reference at random points."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from maml_explorer.core.insight.empty_view import Nothing
from maml_explorer.core.insight.landscape import (
    Plane,
    PlanePaths,
    Surface,
    plane_paths,
    plane_through,
    surface,
    task_plane,
)
from maml_explorer.core.insight.learner import Learner
from maml_explorer.core.insight.parameter_map import ParameterMap, parameter_map
from maml_explorer.core.meta_test import run_to_end
from tests import reference
from tests.core.insight import setting


def plane_of(learner: Learner, count: int = 4) -> Plane:
    found = task_plane(learner, setting.tasks(count))
    assert isinstance(found, Plane)
    return found


@pytest.mark.parametrize("start", [0, 1, 2])
@pytest.mark.parametrize("steps", [0, 2])
def test_values_equal_direct_evaluation(start: int, steps: int) -> None:
    learner, batch = setting.learner(start=start), setting.tasks()
    plane = plane_of(learner)
    at = 2 * torch.randn(13, 2, dtype=torch.float64, generator=setting.generator(9))
    found = run_to_end(surface(learner, plane, at, batch, steps))
    assert isinstance(found, Surface) and found.support.shape == (13, 4)
    sizes, activation = learner.model.sizes, learner.model.activation
    for point in (0, 5, 12):
        theta = learner.theta + at[point, 0] * plane.axes[0] + at[point, 1] * plane.axes[1]
        for task in (0, 3):
            support, query = setting.points(batch, task)
            phi = reference.adapt(
                theta, setting.mask(learner), *support, 0.05, steps, sizes, activation
            )
            for ours, data in ((found.support, support), (found.query, query)):
                expected = float(reference.loss(phi, *data, sizes, activation))
                assert float(ours[point, task]) == pytest.approx(expected, rel=1e-10)


def test_pieces_do_not_change_values(monkeypatch: pytest.MonkeyPatch) -> None:
    learner, batch = setting.learner(), setting.tasks()
    plane = plane_of(learner)
    at = torch.randn(9, 2, dtype=torch.float64, generator=setting.generator(9))
    whole = run_to_end(surface(learner, plane, at, batch, 1))
    monkeypatch.setattr("maml_explorer.core.insight.landscape.CHUNK_TASKS", 2)
    assert list(surface(learner, plane, at, batch, 1)) == [4, 8, 9]
    parts = run_to_end(surface(learner, plane, at, batch, 1))
    assert isinstance(whole, Surface) and isinstance(parts, Surface)
    torch.testing.assert_close(parts.query, whole.query)


@pytest.mark.parametrize("start", [0, 2])
def test_two_adapted_tasks_lie_on_their_plane(start: int) -> None:
    learner, batch = setting.learner(start=start), setting.tasks(5)
    plane = plane_of(learner, 5)
    torch.testing.assert_close(plane.axes @ plane.axes.T, torch.eye(2, dtype=torch.float64))
    paths = plane_paths(learner, plane, batch)
    assert isinstance(paths, PlanePaths) and paths.coordinates.shape == (4, 5, 2)
    assert float(paths.distance[-1, :2].max()) < 1e-12
    assert float(paths.coordinates[-1, 0, 1]) == pytest.approx(0, abs=1e-12)
    for task in range(5):
        for k in (0, 2, 3):
            moved = setting.adapted(learner, batch, task, steps=k) - learner.theta
            on = plane.axes @ moved
            torch.testing.assert_close(paths.coordinates[k, task], on)
            off = float(moved.square().sum() - on.square().sum())
            assert float(paths.distance[k, task]) ** 2 == pytest.approx(off, abs=1e-12)
    left, right, bottom, top = paths.extent()
    points = paths.coordinates.reshape(-1, 2)
    assert left < min(0.0, float(points[:, 0].min())) and right > float(points[:, 0].max())
    assert bottom < float(points[:, 1].min()) and top > float(points[:, 1].max())


def test_principal_components_span_a_plane_too() -> None:
    learner, batch = setting.learner(start=1), setting.tasks(20)
    found = run_to_end(parameter_map(learner, batch))
    assert isinstance(found, ParameterMap)
    plane = plane_through(learner, found.axes[0], found.axes[1])
    assert isinstance(plane, Plane)
    torch.testing.assert_close(plane.axes[:, -learner.tail_size :], found.axes)
    assert float(plane.axes[:, : -learner.tail_size].abs().max()) == 0
    paths = plane_paths(learner, plane, batch)
    assert isinstance(paths, PlanePaths)
    torch.testing.assert_close(paths.coordinates[-1], found.coordinates)


def test_single_precision_planes_keep_their_axes() -> None:
    learner = setting.learner()
    single = Learner(learner.model, learner.theta.float(), 0, learner.step_sizes, learner.steps)
    rough: Tensor = torch.randn(2, learner.tail_size, generator=setting.generator(2))
    plane = plane_through(single, rough[0], rough[0] + 1e-3 * rough[1])
    assert isinstance(plane, Plane) and plane.axes.dtype == torch.float32
    gram = plane.axes.double() @ plane.axes.double().T
    assert float((gram - torch.eye(2, dtype=torch.float64)).abs().max()) < 1e-6


def test_why_there_is_nothing() -> None:
    learner = setting.learner()
    one = task_plane(learner, setting.tasks(1))
    assert isinstance(one, Nothing) and "two tasks" in one.reason
    still = task_plane(setting.learner(steps=0), setting.tasks())
    assert isinstance(still, Nothing) and "no inner step" in still.reason
    direction = torch.randn(learner.tail_size, generator=setting.generator())
    for other in (-2 * direction, 0 * direction):
        line = plane_through(learner, direction, other)
        assert isinstance(line, Nothing) and "on a line" in line.reason
    lost = plane_through(learner, direction, direction * torch.nan)
    assert isinstance(lost, Nothing) and "diverged" in lost.reason
    plane = plane_of(learner)
    empty = run_to_end(surface(learner, plane, torch.zeros(0, 2), setting.tasks()))
    assert isinstance(empty, Nothing)
    learner.theta[0] = torch.inf
    for found in (
        run_to_end(surface(learner, plane, torch.zeros(1, 2), setting.tasks())),
        plane_paths(learner, plane, setting.tasks()),
        plane_through(learner, direction, direction),
    ):
        assert isinstance(found, Nothing) and "not finite" in found.reason


def test_far_points_may_diverge_without_spoiling_others() -> None:
    learner, batch = setting.learner(activation="relu", steps=3), setting.tasks()
    plane = plane_of(learner)
    at = torch.tensor([[0.0, 0.0], [1e120, 1e120]], dtype=torch.float64)
    found = run_to_end(surface(learner, plane, at, batch, 3))
    assert isinstance(found, Surface)
    assert bool(torch.isfinite(found.query[0]).all())
    assert not bool(torch.isfinite(found.query[1]).any())
