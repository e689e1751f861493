"""The map against a dense SVD, and the polar fit on a plane where the answer is known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from maml_explorer.core.insight.empty_view import Nothing
from maml_explorer.core.insight.parameter_map import (
    ParameterMap,
    PolarFit,
    map_of,
    parameter_map,
    polar_fit,
    projected_path,
)
from maml_explorer.core.meta_test import run_to_end
from tests.core.insight import setting


def same_up_to_sign(ours: Tensor, theirs: Tensor, atol: float = 1e-9) -> None:
    """Columns [row, 2] equal but for the sign of each."""
    signs = torch.sign((ours * theirs).sum(0))
    torch.testing.assert_close(ours, theirs * signs, atol=atol, rtol=1e-7)


@pytest.mark.parametrize("count", [20, 120])  # fewer and more tasks than the 65 parameters
@pytest.mark.parametrize("start", [0, 1])
def test_components_are_those_of_a_dense_svd(count: int, start: int) -> None:
    learner = setting.learner(sizes=(1, 6, 6, 1), start=start)
    batch = setting.tasks(count)
    found = run_to_end(parameter_map(learner, batch))
    assert isinstance(found, ParameterMap) and found.diverged == 0
    phi = torch.stack([setting.adapted(learner, batch, t) for t in range(count)])
    moved = (phi - learner.theta)[:, -learner.tail_size :]
    left, lengths, right = torch.linalg.svd(moved, full_matrices=False)
    same_up_to_sign(found.coordinates, (left * lengths)[:, :2])
    same_up_to_sign(found.axes.T, right[:2].T, atol=1e-7)
    shares = lengths.square() / lengths.square().sum()
    assert found.explained == pytest.approx(shares[:2].tolist(), rel=1e-9)
    assert float(found.axes.gather(1, found.axes.abs().argmax(1, keepdim=True)).min()) > 0


def test_an_axis_points_the_way_it_did() -> None:
    learner, batch = setting.learner(), setting.tasks(20)
    first = run_to_end(parameter_map(learner, batch))
    assert isinstance(first, ParameterMap)
    flip = torch.tensor([[-1.0], [1.0]], dtype=torch.float64)
    again = run_to_end(parameter_map(learner, batch, previous=first.axes * flip))
    assert isinstance(again, ParameterMap)
    torch.testing.assert_close(again.axes, first.axes * flip)
    torch.testing.assert_close(again.coordinates, first.coordinates * flip.T)


def test_the_path_of_a_task_ends_where_its_point_is() -> None:
    learner, batch = setting.learner(start=2), setting.tasks(20)
    found = run_to_end(parameter_map(learner, batch))
    assert isinstance(found, ParameterMap)
    path = projected_path(learner, batch, found.axes)
    assert isinstance(path, Tensor) and path.shape == (4, 20, 2)
    torch.testing.assert_close(path[-1], found.coordinates)
    assert float(path[0].abs().max()) == 0
    for k in (1, 2):
        phi = setting.adapted(learner, batch, 3, steps=k)
        expected = found.axes @ (phi - learner.theta)[-learner.tail_size :]
        torch.testing.assert_close(path[k, 3], expected)


def test_diverged_tasks_are_left_out() -> None:
    rows = torch.randn(6, 9, dtype=torch.float64, generator=setting.generator(1))
    rows[2] = torch.inf
    found = map_of(rows)
    assert isinstance(found, ParameterMap) and found.diverged == 1
    assert bool(torch.isnan(found.coordinates[2]).all())
    without = map_of(rows[[0, 1, 3, 4, 5]])
    assert isinstance(without, ParameterMap)
    torch.testing.assert_close(found.coordinates[[0, 1, 3, 4, 5]], without.coordinates)


def test_displacements_on_a_line_have_one_axis() -> None:
    line = torch.arange(1.0, 6, dtype=torch.float64)[:, None] * torch.ones(1, 12).double()
    found = map_of(line)
    assert isinstance(found, ParameterMap)
    assert found.explained == pytest.approx((1, 0), abs=1e-12)
    assert float(found.axes[1].abs().max()) == 0
    assert float(found.coordinates[4, 0]) == pytest.approx(5 * math.sqrt(12))
    one_parameter = map_of(line[:, :1])
    assert isinstance(one_parameter, ParameterMap)
    assert float(one_parameter.coordinates[4, 0]) == pytest.approx(5)


def polar_tasks(count: int = 200) -> Tensor:
    uniform = torch.rand(count, 2, dtype=torch.float64, generator=setting.generator(2))
    return torch.tensor([0.1, 0.0]) + uniform * torch.tensor([4.9, math.pi], dtype=torch.float64)


def test_a_linear_image_of_the_tasks_fits_perfectly() -> None:
    tasks = polar_tasks()
    pair = tasks[:, :1] * torch.stack([tasks[:, 1].cos(), tasks[:, 1].sin()], 1)
    matrix = torch.tensor([[2.0, 0.5], [-1.0, 3.0]], dtype=torch.float64)
    found = polar_fit(pair @ matrix + 7, tasks)
    assert isinstance(found, PolarFit)
    assert found.r_squared == pytest.approx(1) and min(found.r_squared_each) > 1 - 1e-12
    torch.testing.assert_close(found.matrix[:2], torch.linalg.inv(matrix))


def test_the_fit_is_least_squares() -> None:
    tasks = polar_tasks()
    at = torch.randn(200, 2, dtype=torch.float64, generator=setting.generator(3))
    at[:, 0] += tasks[:, 0] * tasks[:, 1].cos()
    found = polar_fit(at, tasks)
    assert isinstance(found, PolarFit)
    goal = tasks[:, 0] * tasks[:, 1].cos()
    design = torch.cat([at, torch.ones(200, 1, dtype=torch.float64)], 1)
    fitted = design @ torch.linalg.lstsq(design, goal[:, None]).solution
    # with an intercept, R² is the squared correlation of fit and target
    correlation = torch.corrcoef(torch.stack([fitted[:, 0], goal]))[0, 1]
    assert found.r_squared_each[0] == pytest.approx(float(correlation**2), rel=1e-9)
    assert found.r_squared_each[1] < 0.1
    torch.testing.assert_close(design @ found.matrix[:, :1], fitted)
    for scale in (1e-20, 1e20):  # whatever the units
        again = polar_fit(at * torch.tensor([1.0, scale]), tasks)
        assert isinstance(again, PolarFit)
        assert again.r_squared == pytest.approx(found.r_squared, rel=1e-6)
    line = polar_fit(at[:, :1] * torch.tensor([1.0, 0.0]), tasks)
    assert isinstance(line, PolarFit) and 0 < line.r_squared < found.r_squared


def test_why_there_is_nothing() -> None:
    few = run_to_end(parameter_map(setting.learner(), setting.tasks(2)))
    assert isinstance(few, Nothing) and "three tasks" in few.reason
    still = run_to_end(parameter_map(setting.learner(inner_lr=0.0), setting.tasks(5)))
    assert isinstance(still, Nothing) and "does not move" in still.reason
    exploded = setting.learner(steps=40, inner_lr=1e40)
    lost = run_to_end(parameter_map(exploded, setting.tasks(5)))
    assert isinstance(lost, Nothing) and "every task" in lost.reason
    none = projected_path(setting.learner(steps=0), setting.tasks(5), torch.zeros(2, 5))
    assert isinstance(none, Nothing)
    alike = polar_fit(torch.randn(9, 2).double(), torch.ones(9, 2).double())
    assert isinstance(alike, Nothing) and "range" in alike.reason
