"""The network's three closed forms on their own, and its initializations."""

from __future__ import annotations

import math

import pytest
import torch
from torch.func import grad

from maml_explorer.core.losses import SQUARED_ERROR
from maml_explorer.core.models.activations import ACTIVATIONS
from maml_explorer.core.models.mlp import Mlp, with_ones
from maml_explorer.core.streams import stream
from tests import reference

SIZES = (1, 5, 4, 1)


def per_task_problem(model: Mlp) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    phi = 0.6 * torch.randn(3, model.parameter_count, dtype=torch.float64, generator=generator)
    x = torch.randn(3, 6, 1, dtype=torch.float64, generator=generator)
    y = torch.randn(3, 6, 1, dtype=torch.float64, generator=generator)
    return phi, x, y


def stacked(model: Mlp, phi: torch.Tensor) -> list[torch.Tensor]:
    """Per-task parameters [task, parameter] as layers [task, in + 1, out]."""
    per_task = [model.layers(row) for row in phi]
    return [torch.stack([layers[i] for layers in per_task]) for i in range(model.depth)]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_prediction_gradient_and_hessian_vector_product(activation: str) -> None:
    model = Mlp(SIZES, activation)
    phi, x, y = per_task_problem(model)
    layers = stacked(model, phi)
    trace = model.forward(layers, with_ones(x))
    delta = SQUARED_ERROR.gradient(trace.output - y, 1.0)
    gradients, upward = model.backward(layers, trace, delta, to_input=True)
    direction = torch.randn(phi.shape, dtype=phi.dtype, generator=torch.Generator().manual_seed(1))
    products, _ = model.hessian_vector_product(layers, trace, stacked(model, direction))
    assert upward is not None and upward.shape == (3, 6, 1)
    for task in range(3):

        def loss(p: torch.Tensor, task: int = task) -> torch.Tensor:
            return reference.loss(p, x[task], y[task], SIZES, activation)

        torch.testing.assert_close(
            trace.output[task], reference.predict(phi[task], x[task], SIZES, activation)
        )

        def along(p: torch.Tensor, task: int = task) -> torch.Tensor:
            return grad(loss)(p) @ direction[task]

        first, second = grad(loss)(phi[task]), grad(along)(phi[task])
        ours = torch.cat([layer[task].flatten() for layer in gradients])
        theirs = torch.cat([layer[task].flatten() for layer in products])
        torch.testing.assert_close(ours, first, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(theirs, second, rtol=1e-9, atol=1e-11)


def test_shared_layers_equal_the_same_layers_per_task() -> None:
    model = Mlp(SIZES, "sine")
    phi, x, y = per_task_problem(model)
    shared = model.layers(phi[0])
    repeated = stacked(model, phi[:1].expand(3, -1))
    vector = stacked(model, phi)
    for sum_tasks in (False, True):
        results = []
        for layers in (shared, repeated):
            trace = model.forward(layers, with_ones(x))
            delta = SQUARED_ERROR.gradient(trace.output - y, 1.0)
            gradients, _ = model.backward(layers, trace, delta, sum_tasks=sum_tasks)
            products, _ = model.hessian_vector_product(layers, trace, vector, sum_tasks=sum_tasks)
            results.append((gradients, products))
        for one, two in zip(*results, strict=True):
            for a, b in zip(one, two, strict=True):
                torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("he", [math.sqrt(2 / 1), math.sqrt(2 / 200), math.sqrt(2 / 200)]),
        ("xavier", [math.sqrt(2 / 201), math.sqrt(2 / 400), math.sqrt(2 / 201)]),
        # a normal cut at two deviations has 0.8796 of its deviation
        ("truncated-normal", [0.008796] * 3),
        ("pytorch", [1 / math.sqrt(3), 1 / math.sqrt(600), 1 / math.sqrt(600)]),
    ],
)
def test_initializations_have_their_deviation(how: str, expected: list[float]) -> None:
    model = Mlp((1, 200, 200, 1))
    theta = model.initialize(how, stream(0, "initialization"), torch.float64)
    assert theta.shape == (model.parameter_count,)
    for layer, deviation in zip(model.layers(theta), expected, strict=True):
        weight, bias = layer[:-1], layer[-1]
        sampling = 4 / math.sqrt(2 * weight.numel())
        assert float(weight.std()) == pytest.approx(deviation, rel=sampling)
        assert (how == "pytorch") == bool(bias.abs().max() > 0)
        if how == "truncated-normal":
            assert float(weight.abs().max()) <= 0.02


def test_pytorch_default_is_that_of_linear() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(200, 100)
    ours = Mlp((200, 100)).layers(
        Mlp((200, 100)).initialize("pytorch", stream(0, "initialization"), torch.float64)
    )[0]
    assert float(ours[:-1].abs().max()) == pytest.approx(
        float(layer.weight.detach().abs().max()), rel=1e-2
    )
    assert float(ours[-1].abs().max()) <= 1 / math.sqrt(200)
