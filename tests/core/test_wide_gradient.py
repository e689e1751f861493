"""Gradients per task kept as factors: the same outer gradient in a fifth of the memory."""

from __future__ import annotations

import dataclasses
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import Tensor

from maml_explorer.core import outer_gradient as module
from maml_explorer.core import wide_gradient
from maml_explorer.core.kernels.compiled import covered
from maml_explorer.core.learned_rates import LearnedRates
from maml_explorer.core.losses import LOSSES
from maml_explorer.core.meta_gradient import meta_gradient
from maml_explorer.core.models.mlp import Mlp, with_ones
from maml_explorer.core.outer_gradient import OuterGradient, Shape, outer_gradient
from maml_explorer.core.workspace import Workspace

TASKS, POINTS, SHOTS = 3, 12, 5


def wide_shape(model: Mlp | None = None, **other: Any) -> Shape:
    plain = Shape(
        model=model or Mlp((1, 256, 257, 256, 1)),
        rule="query",
        start=0,
        steps=1,
        second_order=True,
        multi_step=False,
        inner_clip=False,
        learned=None,
        shots=SHOTS,
        points=POINTS,
        tasks=TASKS,
        total_tasks=TASKS + 1,
        minibatch=0,
    )
    return dataclasses.replace(plain, **other)


def inputs(shape: Shape, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    draw = torch.Generator().manual_seed(3)
    ends = shape.model.sizes[0], shape.model.sizes[-1]
    points = (shape.tasks, shape.points)
    theta = torch.randn(shape.model.parameter_count, generator=draw, dtype=dtype) / 12
    x = with_ones(torch.randn(*points, ends[0], generator=draw, dtype=dtype))
    y = torch.randn(*points, ends[1], generator=draw, dtype=dtype)
    if ends[1] > 1:
        y = torch.nn.functional.one_hot(y.argmax(-1), ends[1]).to(dtype)
    weights = [torch.tensor([0.1, 0.2, 0.3, 0.4][: shape.steps + 1], dtype=dtype)]
    return [theta, x, y, torch.tensor(0.02, dtype=dtype), *(weights if shape.multi_step else [])]


def by_matrices(shape: Shape, given: list[Tensor]) -> OuterGradient:
    with patch.object(module, "wide_gradient", meta_gradient):
        return outer_gradient(shape, *given)


@pytest.mark.parametrize("activation", ["relu", "tanh", "softplus", "sine"])
@pytest.mark.parametrize(
    ("steps", "second_order", "multi_step"),
    [(1, True, False), (3, True, False), (2, True, True), (2, False, False), (2, False, True)],
)
def test_factors_give_the_gradient_of_matrices(
    activation: str, steps: int, second_order: bool, multi_step: bool
) -> None:
    shape = wide_shape(
        Mlp((1, 256, 257, 256, 1), activation),
        steps=steps,
        second_order=second_order,
        multi_step=multi_step,
    )
    assert shape.wide
    given = inputs(shape)
    found, expected = outer_gradient(shape, *given), by_matrices(shape, given)
    largest = float(expected.gradient.abs().max())
    assert float((found.gradient - expected.gradient).abs().max()) < 1e-12 * largest
    torch.testing.assert_close(found.losses, expected.losses, rtol=1e-12, atol=0)


def test_classes_too() -> None:
    shape = wide_shape(Mlp((7, 300, 300, 5), loss=LOSSES["cross-entropy"]), steps=2)
    given = inputs(shape)
    found, expected = outer_gradient(shape, *given), by_matrices(shape, given)
    torch.testing.assert_close(found.gradient, expected.gradient, rtol=1e-9, atol=1e-13)


def test_a_task_that_diverges_is_seen() -> None:
    shape = wide_shape(steps=2)
    given = inputs(shape)
    given[2][1, 0] = float("nan")
    found = outer_gradient(shape, *given)
    assert found.gradient.isnan().all() and found.losses.isnan().any()


def test_a_recording_of_factors_works_in_a_fourth_of_the_memory() -> None:
    shape = wide_shape(Mlp((1, 512, 512, 1)), shots=10, points=20, tasks=10)
    given = inputs(shape, torch.float32)
    found = {}
    for narrowest in (wide_gradient.NARROWEST, 10_000):
        with patch.object(wide_gradient, "NARROWEST", narrowest):
            workspace = Workspace("recorded")
            gradient = workspace.outer_gradient(shape, *given).gradient.clone()
            found[narrowest] = (gradient, workspace.working_bytes, workspace.kinds)
    (factors, less, kind), (matrices, more, plain) = found.values()
    torch.testing.assert_close(factors, matrices, rtol=1e-3, atol=1e-5)
    assert less < more / 4
    assert (kind, plain) == ({"replay, factors"}, {"replay"})


@pytest.mark.parametrize(
    ("model", "other"),
    [
        (Mlp((1, 255, 255, 1)), {}),
        (Mlp((1, 256, 256, 1)), {"steps": 30}),
        (Mlp((1, 256, 256, 1), norm="layer"), {}),
        (Mlp((1, 256, 256, 1), skip=True), {}),
        (Mlp((1, 256, 256, 1)), {"steps": 0}),
        (Mlp((1, 256, 256, 1)), {"inner_clip": True}),
        (Mlp((1, 256, 256, 1)), {"start": 2}),
        (Mlp((1, 256, 256, 1)), {"rule": "all"}),
        (Mlp((1, 256, 256, 1)), {"learned": LearnedRates("layer", 0, 1)}),
    ],
)
def test_matrices_where_factors_are_more_work_or_do_not_fit(
    model: Mlp, other: dict[str, Any]
) -> None:
    assert not wide_shape(model, **other).wide


def test_factors_go_before_the_compiled_kernels() -> None:
    cpu = torch.device("cpu")
    assert not covered(wide_shape(Mlp((1, 256, 256, 1))), torch.float32, cpu)
    assert covered(wide_shape(Mlp((1, 255, 255, 1))), torch.float32, cpu)
