"""Every view of the insight on networks with a norm and skip connections."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from maml_explorer.core.insight.features import (
    FeatureChange,
    feature_change,
    freeze_test,
    layer_view,
)
from maml_explorer.core.insight.gradient_parts import (
    DifferenceCheck,
    GradientParts,
    difference_check,
    gradient_parts,
)
from maml_explorer.core.insight.landscape import Plane, Surface, plane_paths, surface, task_plane
from maml_explorer.core.insight.learner import Learner, flat
from maml_explorer.core.insight.parameter_map import ParameterMap, parameter_map
from maml_explorer.core.insight.stability import Stability, stability
from maml_explorer.core.meta_test import run_to_end
from maml_explorer.core.models.mlp import with_ones
from maml_explorer.settings.norms import NORMS
from tests import reference
from tests.core.insight import setting
from tests.reference import Kind

SIZES, SMALL = (1, 6, 6, 1), (1, 3, 3, 1)
TASKS, STEPS = 4, 2
KINDS = [Kind(skip, norm) for skip in (False, True) for norm in NORMS if skip or norm != "none"]


def learner_of(
    kind: Kind,
    start: int = 0,
    training: bool = False,
    sizes: tuple[int, ...] = SIZES,
) -> Learner:
    found = setting.learner(sizes, steps=STEPS, start=start, skip=kind.skip, norm=kind.norm)
    return dataclasses.replace(found, model=found.model.training) if training else found


def errors_by_hand(learner: Learner, phi: list[Tensor], k: int, x: Tensor, y: Tensor) -> Tensor:
    output = learner.model.forward(phi, learner.features(x), step=k).output
    return (output - y).square().mean((1, 2))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("start", [0, 1, 2])
def test_gradient_parts_sum_to_the_reference(kind: Kind, start: int) -> None:
    learner = learner_of(kind, start, training=True)
    batch = setting.tasks(TASKS)
    found = run_to_end(gradient_parts(learner, batch))
    assert isinstance(found, GradientParts)
    supports, queries = zip(*(setting.points(batch, t) for t in range(TASKS)), strict=True)
    mask = reference.adapting_mask(SIZES, kind, torch.float64, start)
    for second_order in (True, False):
        theirs, _ = reference.meta_gradient(
            learner.theta, 0.05 * mask.repeat(STEPS, 1), list(supports), list(queries), SIZES,
            "tanh", second_order, kind=kind._replace(start=start),
        )  # fmt: skip
        layers = found.gradient if second_order else [layer.mean(0) for layer in found.first]
        theirs *= reference.trained_mask(SIZES, kind, torch.float64)
        ours = flat(layers, 1)[0]
        assert float((ours - theirs).abs().max()) <= 1e-9 * float(theirs.abs().max())


@pytest.mark.parametrize("kind", KINDS)
def test_the_meta_gradient_agrees_with_finite_differences(kind: Kind) -> None:
    learner = learner_of(kind, training=True)
    found = run_to_end(difference_check(learner, setting.tasks(TASKS), setting.generator()))
    assert isinstance(found, DifferenceCheck)
    assert found.error < 1e-6
    assert found.first_order_error > 1e-3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("per_parameter", [False, True])
def test_stability_is_that_of_the_parameters_that_adapt(
    kind: Kind, training: bool, per_parameter: bool
) -> None:
    learner = learner_of(kind, training=training, sizes=SMALL)
    if per_parameter:
        a = 0.05 + 0.05 * torch.rand(
            STEPS, len(learner.theta), generator=setting.generator(7), dtype=torch.float64
        )
        learner = setting.with_sizes(learner, a)
    batch = setting.tasks(2)
    found = run_to_end(stability(learner, batch, setting.generator(), iterations=1000))
    assert isinstance(found, Stability)
    mask = reference.adapting_mask(SMALL, kind, torch.float64)
    path = learner.path(batch)
    for k in range(STEPS):
        sizes = flat(list(learner.step_sizes.at(k)), 1)[0] if per_parameter else 0.05
        for task in range(2):
            (x, y), _ = setting.points(batch, task)

            def loss(p: Tensor, k: int = k, x: Tensor = x, y: Tensor = y) -> Tensor:
                if training:
                    return reference.loss(p, x, y, SMALL, "tanh", kind, k)
                output = setting.by_hand(SMALL, p, x, kind, k, learner.theta)[1]
                return (output - y).square().mean()

            hessian = torch.func.jacrev(torch.func.grad(loss))(flat(path.parameters[k], 2)[task])
            values = torch.linalg.eigvals((sizes * mask)[:, None] * hessian * mask).real
            assert float(found.overshoot[k, task]) == pytest.approx(float(values.max()), rel=1e-6)
            radius = float((1 - values).abs().max())
            assert float(found.radius[k, task]) == pytest.approx(radius, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("start", [0, 2])
def test_surface_features_and_map(kind: Kind, start: int) -> None:
    learner, batch = learner_of(kind, start), setting.tasks(TASKS)
    plane = task_plane(learner, batch)
    assert isinstance(plane, Plane)
    path = learner.path(batch)
    x, y = batch.inputs[:, batch.shots :], batch.y[:, batch.shots :]
    for steps in (0, STEPS):
        found = run_to_end(surface(learner, plane, torch.zeros(1, 2), batch, steps))
        assert isinstance(found, Surface)
        expected = errors_by_hand(learner, path.parameters[steps], 0 if start else steps, x, y)
        torch.testing.assert_close(found.query[0], expected)
    frozen = run_to_end(freeze_test(learner, batch))
    assert isinstance(frozen, Tensor)
    torch.testing.assert_close(
        frozen[start], errors_by_hand(learner, path.parameters[-1], STEPS, x, y)
    )
    torch.testing.assert_close(frozen[-1], errors_by_hand(learner, learner.layers[start:], 0, x, y))
    grid = torch.linspace(-4, 4, 30, dtype=torch.float64)
    change = run_to_end(feature_change(learner, batch, grid))
    assert isinstance(change, FeatureChange)
    view = layer_view(learner, batch, 1, grid)
    assert view.weights_before.shape == (7, 6)
    moved = (view.weights_after - view.weights_before).norm() / view.weights_before.norm()
    torch.testing.assert_close(change.parameter_change[1, 0], moved)
    assert bool(change.parameter_change[1].gt(0).all()) == (start == 0)
    wide = with_ones(grid[None, :, None])
    trace = learner.model.forward(learner.layers, wide)
    torch.testing.assert_close(view.before, trace.inputs[2][0, :, :-1])
    drawn = run_to_end(parameter_map(learner, batch))
    assert isinstance(drawn, ParameterMap)
    paths = plane_paths(learner, plane, batch)
    length = (learner.embedded(path.parameters[-1], TASKS) - learner.theta).norm(dim=1)
    seen = (paths.coordinates[-1].square().sum(1) + paths.distance[-1].square()).sqrt()
    torch.testing.assert_close(seen, length)
