"""The batched closed-form meta-gradients against the per-task torch.func reference."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core.adaptation import (
    StepSizes,
    still_layers,
    tail_start,
    uniform_step_sizes,
)
from maml_explorer.core.meta_gradient import InnerLoop, joint_gradient, meta_gradient
from maml_explorer.core.models.activations import ACTIVATIONS
from maml_explorer.core.models.mlp import Mlp, with_ones
from tests import reference

TASKS, SHOTS, QUERY = 4, 5, 6


def problem(sizes: tuple[int, ...], seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """θ [parameter] and points x, y [task, point, 1] in float64."""
    generator = torch.Generator().manual_seed(seed)
    theta = 0.5 * torch.randn(Mlp(sizes).parameter_count, dtype=torch.float64, generator=generator)
    x = 4 * torch.rand(TASKS, SHOTS + QUERY, 1, dtype=torch.float64, generator=generator) - 2
    y = torch.sin(x - torch.rand(TASKS, 1, 1, dtype=torch.float64, generator=generator))
    return theta, x, y


def split(x: Tensor, y: Tensor) -> tuple[list[tuple[Tensor, Tensor]], list[tuple[Tensor, Tensor]]]:
    supports = [(a[:SHOTS], b[:SHOTS]) for a, b in zip(x, y, strict=True)]
    queries = [(a[SHOTS:], b[SHOTS:]) for a, b in zip(x, y, strict=True)]
    return supports, queries


def flat(layers: list[Tensor]) -> Tensor:
    return torch.cat([layer.flatten() for layer in layers])


def relative(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max().clamp_min(1e-30))


def weights_of(steps: int, kind: str) -> tuple[float, ...]:
    if kind == "last":
        return (0.0,) * steps + (1.0,)
    return tuple(0.1 + 0.2 * k for k in range(steps + 1))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("steps", [0, 1, 3])
@pytest.mark.parametrize("kind", ["last", "multi"])
@pytest.mark.parametrize(
    "key",
    [  # what CAVIA adapts is no part of θ: tests/core/test_learned_maps.py
        k
        for k, a in ALGORITHMS.items()
        if a.unrolls and a.outer_data == "query" and a.adapts != "context"
    ],
)
def test_equals_the_reference(key: str, steps: int, activation: str, kind: str) -> None:
    algorithm = ALGORITHMS[key]
    sizes = (1, 7, 6, 1)
    model = Mlp(sizes, activation)
    theta, x, y = problem(sizes)
    start = tail_start(model, algorithm.adapts)
    weights = weights_of(steps, kind)
    inner = InnerLoop(
        start, steps,
        uniform_step_sizes(0.1, model.depth - start, theta, still_layers(algorithm.adapts)),
        algorithm.second_order, weights,
    )  # fmt: skip
    ours = meta_gradient(model, model.layers(theta), with_ones(x), y, SHOTS, inner)
    mask = reference.part_mask(algorithm.adapts, sizes, theta.dtype)
    theirs, _ = reference.meta_gradient(
        theta, 0.1 * mask.repeat(steps, 1), *split(x, y), sizes, activation,
        algorithm.second_order, weights,
    )  # fmt: skip
    assert relative(flat(ours.gradient), theirs) <= 1e-9


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("second_order", [True, False])
@pytest.mark.parametrize("kind", ["last", "multi"])
@pytest.mark.parametrize("adapts", ["all", "head", "body"])
def test_learned_step_sizes_equal_the_reference(
    activation: str, second_order: bool, kind: str, adapts: str
) -> None:
    sizes, steps = (1, 5, 4, 1), 3
    model = Mlp(sizes, activation)
    theta, x, y = problem(sizes, seed=3)
    start = tail_start(model, adapts)
    generator = torch.Generator().manual_seed(5)
    full = 0.1 * torch.randn(steps, len(theta), dtype=torch.float64, generator=generator)
    mask = reference.part_mask(adapts, sizes, theta.dtype)
    sizes_per_step = [model.layers(full[k])[start:] for k in range(steps)]
    inner = InnerLoop(
        start, steps, StepSizes(sizes_per_step, uniform=False, still=still_layers(adapts)),
        second_order,
        weights_of(steps, kind), learned_step_sizes=True,
    )  # fmt: skip
    ours = meta_gradient(model, model.layers(theta), with_ones(x), y, SHOTS, inner)
    by_theta, by_steps = reference.meta_gradient(
        theta, full * mask, *split(x, y), sizes, activation, second_order, weights_of(steps, kind)
    )
    assert relative(flat(ours.gradient), by_theta) <= 1e-9
    assert ours.step_sizes is not None
    for k in range(steps):
        theirs = flat(model.layers(mask * by_steps[k])[start:])
        assert relative(flat(ours.step_sizes[k]), theirs) <= 1e-9


@pytest.mark.parametrize("sizes", [(1, 3, 1), (1, 4, 5, 3, 1)])
def test_other_depths(sizes: tuple[int, ...]) -> None:
    model = Mlp(sizes, "tanh")
    theta, x, y = problem(sizes)
    inner = InnerLoop(0, 2, uniform_step_sizes(0.2, model.depth, theta), True, (0.0, 0.0, 1.0))
    ours = meta_gradient(model, model.layers(theta), with_ones(x), y, SHOTS, inner)
    theirs, _ = reference.meta_gradient(
        theta, torch.full((2, len(theta)), 0.2, dtype=theta.dtype), *split(x, y), sizes, "tanh"
    )
    assert relative(flat(ours.gradient), theirs) <= 1e-9


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus", "sine"])
def test_finite_differences_agree(activation: str) -> None:
    sizes = (1, 6, 5, 1)
    model = Mlp(sizes, activation)
    theta, x, y = problem(sizes, seed=1)
    inner = InnerLoop(0, 2, uniform_step_sizes(0.1, 3, theta), True, (0.0, 0.0, 1.0))

    def outer_loss(at: Tensor) -> float:
        result = meta_gradient(model, model.layers(at), with_ones(x), y, SHOTS, inner)
        return float(result.query_after) / (TASKS * QUERY)

    ours = flat(meta_gradient(model, model.layers(theta), with_ones(x), y, SHOTS, inner).gradient)
    direction = torch.randn(
        len(theta), dtype=theta.dtype, generator=torch.Generator().manual_seed(2)
    )
    h = 1e-5
    slope = (outer_loss(theta + h * direction) - outer_loss(theta - h * direction)) / (2 * h)
    assert slope == pytest.approx(float(ours @ direction), rel=1e-7)


def test_no_inner_learning_rate_is_joint_training_on_the_query_set() -> None:
    sizes = (1, 6, 5, 1)
    model = Mlp(sizes, "relu")
    theta, x, y = problem(sizes)
    layers = model.layers(theta)
    inner = InnerLoop(0, 3, uniform_step_sizes(0.0, 3, theta), True, (0.0, 0.0, 0.0, 1.0))
    maml = meta_gradient(model, layers, with_ones(x), y, SHOTS, inner)
    joint = joint_gradient(model, layers, with_ones(x[:, SHOTS:]), y[:, SHOTS:], 0)
    assert relative(flat(maml.gradient), flat(joint.gradient)) <= 1e-12


def test_joint_gradient_is_autograd_over_all_points() -> None:
    sizes = (1, 6, 5, 1)
    model = Mlp(sizes, "tanh")
    theta, x, y = problem(sizes)
    ours = joint_gradient(model, model.layers(theta), with_ones(x), y, SHOTS)
    parameter = theta.clone().requires_grad_(True)
    value = reference.loss(parameter, x.reshape(-1, 1), y.reshape(-1, 1), sizes, "tanh")
    (theirs,) = torch.autograd.grad(value, parameter)
    assert relative(flat(ours.gradient), theirs) <= 1e-12
    residual = reference.predict(theta, x.reshape(-1, 1), sizes, "tanh") - y.reshape(-1, 1)
    squares = (residual**2).reshape(TASKS, -1)
    assert float(ours.support_before) == pytest.approx(float(squares[:, :SHOTS].sum()), rel=1e-12)
    assert float(ours.query_after) == pytest.approx(float(squares[:, SHOTS:].sum()), rel=1e-12)


def test_second_order_correction_is_linear_in_a_small_inner_learning_rate() -> None:
    sizes = (1, 6, 5, 1)
    model = Mlp(sizes, "tanh")
    theta, x, y = problem(sizes)

    def gap(alpha: float) -> float:
        parts = []
        for second_order in (True, False):
            inner = InnerLoop(0, 1, uniform_step_sizes(alpha, 3, theta), second_order, (0.0, 1.0))
            parts.append(
                flat(
                    meta_gradient(
                        model, model.layers(theta), with_ones(x), y, SHOTS, inner
                    ).gradient
                )
            )
        return float((parts[0] - parts[1]).norm()) / alpha

    ratios = [gap(alpha) for alpha in (1e-2, 1e-3, 1e-4, 1e-5)]
    assert ratios[0] > 0
    assert abs(ratios[3] / ratios[2] - 1) < 0.1 * abs(ratios[1] / ratios[0] - 1) + 1e-6
    assert ratios[3] == pytest.approx(ratios[2], rel=1e-3)


def test_permuting_tasks_changes_only_the_order() -> None:
    sizes = (1, 6, 5, 1)
    model = Mlp(sizes, "relu")
    theta, x, y = problem(sizes)
    inner = InnerLoop(0, 2, uniform_step_sizes(0.1, 3, theta), True, (0.0, 0.0, 1.0))
    one = meta_gradient(model, model.layers(theta), with_ones(x), y, SHOTS, inner)
    order = torch.tensor([2, 0, 3, 1])
    two = meta_gradient(model, model.layers(theta), with_ones(x[order]), y[order], SHOTS, inner)
    assert relative(flat(two.gradient), flat(one.gradient)) <= 1e-12


def test_chunks_of_tasks_add_up() -> None:
    sizes = (1, 6, 5, 1)
    model = Mlp(sizes, "sine")
    theta, x, y = problem(sizes)
    inner = InnerLoop(2, 2, uniform_step_sizes(0.1, 1, theta), True, (0.0, 0.0, 1.0))
    layers, wide = model.layers(theta), with_ones(x)
    whole = meta_gradient(model, layers, wide, y, SHOTS, inner)
    parts = [
        meta_gradient(model, layers, wide[a:b], y[a:b], SHOTS, inner, total_tasks=TASKS)
        for a, b in ((0, 1), (1, 4))
    ]
    summed = flat(parts[0].gradient) + flat(parts[1].gradient)
    assert relative(summed, flat(whole.gradient)) <= 1e-12
