"""Spectra against dense Hessians and dense eigenvalues."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.func import grad, jacrev

from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.insight.empty_view import Nothing
from maml_explorer.core.insight.krylov import ritz_values
from maml_explorer.core.insight.learner import Learner
from maml_explorer.core.insight.stability import Stability, stability
from maml_explorer.core.meta_test import run_to_end
from tests import reference
from tests.core.insight import setting

SIZES = (1, 4, 3, 1)  # 27 parameters


def of(learner: Learner, batch: TaskBatch, iterations: int = 40) -> Stability:
    found = run_to_end(stability(learner, batch, setting.generator(8), iterations))
    assert isinstance(found, Stability)
    return found


def dense(learner: Learner, batch: TaskBatch, a: Tensor) -> list[list[Tensor]]:
    """Per inner step and task the Hessian on the tail [tail, tail], along the path with a [k, p]"""
    size, model = learner.tail_size, learner.model
    rows: list[list[Tensor]] = [[] for _ in range(learner.steps)]
    for task in range(len(batch.tasks)):
        (x, y), _ = setting.points(batch, task)

        def loss(phi: Tensor, x: Tensor = x, y: Tensor = y) -> Tensor:
            return reference.loss(phi, x, y, model.sizes, model.activation)

        phi = learner.theta
        for k in range(learner.steps):
            rows[k].append(jacrev(grad(loss))(phi)[-size:, -size:])
            phi = phi - a[k] * setting.mask(learner) * grad(loss)(phi)
    return rows


@pytest.mark.parametrize("start", [0, 1, 2])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("inner_lr", [0.05, 0.7, -0.1])
def test_one_step_size_equals_dense_eigenvalues(
    start: int, activation: str, inner_lr: float
) -> None:
    learner = setting.learner(SIZES, activation, 2, inner_lr, start)
    batch = setting.tasks(3)
    found = of(learner, batch)
    assert found.bounded and found.radius.shape == (2, 3)
    assert found.curvature is not None and found.lowest_curvature is not None
    hessians = dense(learner, batch, torch.full((2, 27), inner_lr, dtype=torch.float64))
    for k in range(2):
        for task in range(3):
            values = torch.linalg.eigvalsh(hessians[k][task])
            radius = float((1 - inner_lr * values).abs().max())
            assert float(found.radius[k, task]) == pytest.approx(radius, rel=1e-9)
            assert float(found.curvature[k, task]) == pytest.approx(float(values[-1]), rel=1e-9)
            assert float(found.lowest_curvature[k, task]) == pytest.approx(
                float(values[0]), rel=1e-7, abs=1e-9
            )
            overshoot = float((inner_lr * values).max())
            assert float(found.overshoot[k, task]) == pytest.approx(overshoot, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("start", [0, 1, 2])
@pytest.mark.parametrize("signs", ["positive", "negative", "mixed"])
def test_step_sizes_per_parameter_equal_dense_eigenvalues(start: int, signs: str) -> None:
    drawn = torch.randn(2, 27, dtype=torch.float64, generator=setting.generator(6))
    a = {"positive": 0.3 * drawn.abs(), "negative": -0.1 * drawn.abs(), "mixed": 0.3 * drawn}[signs]
    a[:, -2] = 0  # a parameter that stays
    learner = setting.with_sizes(setting.learner(SIZES, steps=2, start=start), a)
    batch = setting.tasks(3)
    found = of(learner, batch)
    assert found.bounded is (signs != "mixed")
    assert found.curvature is None and found.lowest_curvature is None
    hessians = dense(learner, batch, a)
    for k in range(2):
        for task in range(3):
            map_ = a[k, -learner.tail_size :, None] * hessians[k][task]
            values = torch.linalg.eigvals(map_)
            radius = float((1 - values).abs().max())
            assert float(found.radius[k, task]) == pytest.approx(radius, rel=1e-8)
            assert float(found.overshoot[k, task]) == pytest.approx(
                float(values.real.max()), rel=1e-7, abs=1e-8
            )


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("limit", [0.5, 2.0, 1e3])
@pytest.mark.parametrize("signs", ["one number", "positive", "mixed"])
def test_clipped_steps_equal_dense_eigenvalues(start: int, limit: float, signs: str) -> None:
    drawn = 0.3 * torch.randn(2, 27, dtype=torch.float64, generator=setting.generator(6))
    a = {"one number": torch.full_like(drawn, 0.3), "positive": drawn.abs(), "mixed": drawn}[signs]
    learner = setting.learner(SIZES, steps=2, inner_lr=0.3, start=start)
    if signs != "one number":
        learner = setting.with_sizes(learner, a)
    batch = setting.tasks(3)
    found = of(setting.with_clip(learner, limit), batch)
    assert found.bounded is (signs == "one number") and found.curvature is None
    size = learner.tail_size
    for task in range(3):
        (x, y), _ = setting.points(batch, task)
        theta, mask = learner.theta, setting.mask(learner)

        def clipped(phi: Tensor, x: Tensor = x, y: Tensor = y, mask: Tensor = mask) -> Tensor:
            g = mask * grad(lambda p: reference.loss(p, x, y, SIZES, "tanh"))(phi)
            return torch.where(g.norm() > limit, g * limit / g.norm(), g)

        phi = theta
        for k in range(2):
            map_ = a[k, -size:, None] * jacrev(clipped)(phi)[-size:, -size:]
            values = torch.linalg.eigvals(map_)
            radius = float((1 - values).abs().max())
            assert float(found.radius[k, task]) == pytest.approx(radius, rel=1e-7)
            assert float(found.overshoot[k, task]) == pytest.approx(
                float(values.real.max()), rel=1e-6, abs=1e-8
            )
            phi = phi - a[k] * clipped(phi)


def test_few_products_find_the_ends_and_bound_their_error() -> None:
    learner, batch = setting.learner((1, 30, 30, 1), steps=1), setting.tasks(4, shots=10)
    found = of(learner, batch, iterations=24)
    a = torch.full((1, len(learner.theta)), 0.05, dtype=torch.float64)
    for task, matrix in enumerate(dense(learner, batch, a)[0]):
        values = torch.linalg.eigvalsh(matrix)
        radius = float((1 - 0.05 * values).abs().max())
        assert abs(float(found.radius[0, task]) - radius) <= float(found.error[0, task]) + 1e-10
        assert float(found.radius[0, task]) == pytest.approx(radius, rel=1e-4)
        assert found.curvature is not None
        assert float(found.curvature[0, task]) == pytest.approx(float(values[-1]), rel=1e-6)
    rough = of(learner, batch, iterations=4)
    assert float(rough.error.min()) > float(found.error.max())


def test_shares_count_radii_above_one_and_overshooting() -> None:
    batch = setting.tasks(5)
    calm = of(setting.learner(SIZES, start=2, inner_lr=0.05), batch)  # a convex problem
    assert calm.share_above_one == 0 and calm.share_overshooting == 0
    assert calm.maximum == pytest.approx(1)
    assert calm.curvature is not None
    torch.testing.assert_close(calm.overshoot, 0.05 * calm.curvature)
    limit = 2 / float(calm.curvature[0].median())
    wild = of(setting.learner(SIZES, start=2, inner_lr=limit * (1 + 1e-6), steps=1), batch)
    assert wild.share_overshooting == pytest.approx(0.6)  # the median and the two above
    assert wild.share_above_one == pytest.approx(0.4)  # the median is above by less than counts
    assert wild.maximum == pytest.approx(float(wild.radius.max()))
    # without curvature a step neither contracts nor blows up
    assert of(setting.learner(SIZES, inner_lr=0.0), batch).maximum == 1


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_a_rising_loss_is_that_of_the_plain_loop(norm: str) -> None:
    """Large steps: some raise the support loss, and which ones is told by plain evaluation."""
    learner, batch = setting.learner(SIZES, steps=3, inner_lr=0.7, norm=norm), setting.tasks(6)
    found = of(learner, batch)
    path = learner.path(batch)
    x, y = batch.inputs[:, : batch.shots], batch.y[:, : batch.shots]
    losses = [
        (learner.model.forward(phi, x, step=k).output - y).square().mean((1, 2))
        for k, phi in enumerate(path.parameters)
    ]
    rises = torch.stack([after > before for before, after in pairwise(losses)])
    assert rises.any() and not rises.all()
    assert torch.equal(found.rising, rises.double())
    assert found.share_rising == pytest.approx(float(rises.double().mean()))


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_a_query_loss_that_rises_is_that_of_the_plain_loop(norm: str) -> None:
    learner, batch = setting.learner(SIZES, steps=2, inner_lr=0.5, norm=norm), setting.tasks(6)
    found = of(learner, batch)
    phis = learner.path(batch).parameters
    x, y = batch.inputs[:, batch.shots :], batch.y[:, batch.shots :]
    before, after = (
        (learner.model.forward(phis[k], x, step=k).output - y).square().mean((1, 2)) for k in (0, 2)
    )
    assert (after > before).any() and not (after > before).all()
    assert torch.equal(found.worse, after > before)
    batch.y[0, : batch.shots] = torch.inf
    assert bool(of(learner, batch).worse[0]), "no number is no improvement"


def test_a_step_may_overshoot_while_the_loss_falls() -> None:
    batch = setting.tasks(5)
    convex = setting.learner(SIZES, start=2, inner_lr=0.05, steps=1)
    curvature = of(convex, batch).curvature
    assert curvature is not None
    learner = setting.learner(SIZES, start=2, inner_lr=2.02 / float(curvature.median()), steps=1)
    found = of(learner, batch)
    assert found.share_overshooting > found.share_rising
    assert of(convex, batch).share_rising == 0


def test_negative_curvature_is_no_overshooting() -> None:
    learner, batch = setting.learner(SIZES, inner_lr=0.01, steps=1), setting.tasks(5)
    found = of(learner, batch)
    assert found.lowest_curvature is not None and float(found.lowest_curvature.max()) < -0.1
    assert found.share_above_one == 1 and found.share_overshooting == 0


def test_a_diverged_task_does_not_spoil_the_others() -> None:
    learner, batch = setting.learner(SIZES, steps=2), setting.tasks(3)
    alone = of(learner, setting.tasks(3))
    batch.y[1] = torch.inf
    found = of(learner, batch)
    assert found.diverged == 1
    assert bool(torch.isnan(found.radius[:, 1]).all())
    torch.testing.assert_close(found.radius[:, ::2], alone.radius[:, ::2])


def test_progress_counts_products() -> None:
    learner = setting.learner(SIZES, steps=2)
    assert list(stability(learner, setting.tasks(), setting.generator(), 3)) == [1, 2, 3, 4, 5, 6]


def test_why_there_is_nothing() -> None:
    batch = setting.tasks()
    still = run_to_end(stability(setting.learner(SIZES, steps=0), batch, setting.generator()))
    assert isinstance(still, Nothing) and "no inner step" in still.reason
    body = run_to_end(stability(setting.learner(SIZES, start=3), batch, setting.generator()))
    assert isinstance(body, Nothing) and "No layer" in body.reason
    batch.y[:] = torch.nan
    lost = run_to_end(stability(setting.learner(SIZES), batch, setting.generator()))
    assert isinstance(lost, Nothing) and "every task" in lost.reason


def test_one_layer_and_one_task() -> None:
    learner, batch = setting.learner((1, 1), steps=1, inner_lr=0.05), setting.tasks(1)
    (x, _), _ = setting.points(batch, 0)
    wide = torch.cat([x, torch.ones_like(x)], 1)
    values = torch.linalg.eigvalsh(2 / len(x) * wide.T @ wide)
    found = of(learner, batch)
    assert float(found.radius[0, 0]) == pytest.approx(float((1 - 0.05 * values).abs().max()))


@pytest.mark.parametrize("symmetric", [True, False])
def test_all_eigenvalues_with_as_many_products_as_dimensions(symmetric: bool) -> None:
    matrices = torch.randn(3, 12, 12, dtype=torch.float64, generator=setting.generator(1))
    matrices[1] = torch.diag(torch.tensor([3.0, -2.0] + [0.0] * 10))  # soon exhausted
    matrices[2] = 0
    if symmetric:
        matrices = matrices + matrices.mT
    start = torch.randn(3, 12, dtype=torch.float64, generator=setting.generator(2))
    found = run_to_end(
        ritz_values(
            lambda v: torch.einsum("mij,mj->mi", matrices, v), start, 30, symmetric,
            setting.generator(3),
        )
    )  # fmt: skip
    for ours, matrix in zip(found.values, matrices, strict=True):
        if symmetric:
            torch.testing.assert_close(ours, torch.linalg.eigvalsh(matrix), atol=1e-9, rtol=1e-9)
        else:
            theirs = torch.linalg.eigvals(matrix)
            gaps = (ours[:, None] - theirs[None]).abs()
            assert float(gaps.min(1).values.max()) < 1e-8 > float(gaps.min(0).values.max())
