"""Any `nn.Module` by torch.func: gradients against nested autograd, training, refusals."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core.families.table import family_of
from maml_explorer.core.meta_test import meta_test, run_to_end
from maml_explorer.core.models.functional import Functional, functional
from maml_explorer.core.models.table import network
from maml_explorer.core.outer_gradient import outer_gradient
from maml_explorer.core.plan import Plan, prepare
from maml_explorer.core.training import draw_batch, outer_step, start_run
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Settings, default_arm


class Residual(nn.Module):
    """h + a block of h, between a stem and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.block, self.head = nn.Linear(64, 6), nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.stem(x))
        return self.head(h + torch.tanh(self.block(h)))


def cnn() -> nn.Module:
    """Convolution with pooling and a batch norm, for which there is no closed form here."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Softplus(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(27, 3),
    )  # fmt: skip


MODULES: dict[str, Callable[[], nn.Module]] = {"cnn": cnn, "residual": Residual}
HELD = {"cnn": ("2.weight", "2.bias"), "residual": ()}
"""Parameters that the inner loop leaves alone."""


def made(kind: str, settings: Settings, held: Collection[str] = ()) -> tuple[nn.Module, Functional]:
    torch.manual_seed(1)
    module = MODULES[kind]().double()
    return module, functional(module, 64, family_of(settings).loss, held=held)


def settings_of(algorithm: str, **more: Any) -> Settings:
    values = {
        "family": "glyphs", "ways": 3, "shots": 2, "query_points": 2, "side": 8, "meta_batch": 3,
        "inner_steps": 2, "inner_lr": 0.1, "precision": "float64", "device": "cpu",
    }  # fmt: skip
    return Settings().with_values(values | more).with_arms((default_arm(algorithm),))


def nested(plan: Plan, module: nn.Module, names: list[str], flat: Tensor, x: Tensor, y: Tensor,
           shots: int, moving: set[str]) -> Tensor:  # fmt: skip
    """The outer loss of one task, by nested autograd on plain PyTorch."""
    ((_, arm),) = plan.arms.items()
    theta, start = {}, 0
    for name in names:
        like = module.get_parameter(name)
        theta[name] = flat[start : start + like.numel()].view(like.shape)
        start += like.numel()

    def loss(phi: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return nn.functional.cross_entropy(functional_call(module, phi, (x,)), y)

    if arm.algorithm.adapts == "none":
        return loss(theta, x, y)
    phi = theta
    for _ in range(arm.inner.steps):
        gradient = torch.func.grad(loss)(phi, x[:shots], y[:shots])
        if not arm.inner.second_order:
            gradient = {n: g.detach() for n, g in gradient.items()}
        phi = {
            n: p - arm.settings.inner.inner_lr * gradient[n] if n in moving else p
            for n, p in phi.items()
        }
    return loss(phi, x[shots:], y[shots:])


@pytest.mark.parametrize("algorithm", ["maml", "fomaml", "anil", "mtl"])
@pytest.mark.parametrize("kind", MODULES)
def test_outer_gradients_equal_nested_autograd(kind: str, algorithm: str) -> None:
    settings = settings_of(algorithm)
    module, model = made(kind, settings, HELD[kind])
    if model.depth == 1 and algorithm == "anil":
        with pytest.raises(SettingsError, match=r"in an nn\.Sequential"):
            prepare(settings, model=model)
        return
    plan = prepare(settings, model=model)
    state = start_run(plan)
    ((name, arm),) = plan.arms.items()
    batch, _ = draw_batch(plan, state)
    theta = state.arms[name].initialization
    ours = outer_gradient(arm.shape(plan, 3), theta, batch.inputs, batch.y, arm.inner_lr)
    order = {"cnn": ["1.weight", "1.bias", "2.weight", "2.bias", "6.weight", "6.bias"]}.get(
        kind, [n for n, _ in module.named_parameters()]
    )
    # the stage of a convolution holds its batch norm's parameters last
    adapting = set(order) - set(HELD[kind])
    if algorithm == "anil":
        adapting = {"6.weight", "6.bias"}
    judge = torch.func.replace_all_batch_norm_modules_(module).eval()
    total = torch.zeros_like(theta)
    for x, y in zip(batch.points.x, batch.y.argmax(-1), strict=True):

        def loss(at: Tensor, x: Tensor = x, y: Tensor = y) -> Tensor:
            return nested(plan, judge, order, at, x, y, batch.shots, adapting)

        total += torch.func.grad(loss)(theta) / 3
    assert float((ours.gradient - total).abs().max() / total.abs().max()) <= 1e-9


@pytest.mark.parametrize(
    "algorithm",
    # the others need a weight above a bias, and say so: test_learned_maps
    [key for key, one in ALGORITHMS.items() if one.step_sizes in ("", "parameter")],
)
def test_every_algorithm_trains_it_and_its_tricks(algorithm: str) -> None:
    more: dict[str, Any] = {"inner_clip": 1.0, "multi_step_loss": True, "precision": "float32"}
    if not ALGORITHMS[algorithm].step_sizes:
        more["lslr"] = True
    settings = settings_of(algorithm, **more)
    _, model = made("cnn", settings, HELD["cnn"])
    plan = prepare(settings, model=model)
    state = start_run(plan)
    begun = next(iter(state.arms.values())).initialization
    for _ in range(3):
        state, losses = outer_step(plan, state)
    ((name, arm),) = state.arms.items()
    assert plan.workspace.kinds == {"eager"}
    assert bool(torch.isfinite(losses[name]).all())
    held = slice(30, 36)  # scales and shifts, behind 27 weights and 3 biases
    moved = arm.initialization[: model.parameter_count] != begun[: model.parameter_count]
    assert bool(moved[:30].any()) and bool(moved[held].any()) != ALGORITHMS[algorithm].interpolates
    record, _ = run_to_end(meta_test(plan, name, arm.initialization, steps=2, task_count=10))
    assert all(mean is not None and 0 <= mean <= 1 for mean in record.mean)


@pytest.mark.parametrize("second", [True, False])
def test_a_perceptron_as_a_module_gives_the_closed_form(second: bool) -> None:
    settings = settings_of("maml" if second else "fomaml", hidden=(6, 5), activation="tanh")
    plan = prepare(settings)
    closed = network(settings)
    theta = start_run(plan).arms[settings.arms[0].name].initialization
    module = nn.Sequential(
        nn.Linear(64, 6), nn.Tanh(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)
    ).double()
    for linear, layer in zip(module[::2], closed.layers(theta), strict=True):
        linear.weight.data, linear.bias.data = layer[:-1].T.clone(), layer[-1].clone()
    model = functional(module, 64, closed.loss)
    other = prepare(settings, model=model)
    ((name, arm),) = plan.arms.items()
    batch, _ = draw_batch(plan, start_run(plan))
    ours = outer_gradient(arm.shape(plan, 3), theta, batch.inputs, batch.y, arm.inner_lr)
    at = start_run(other).arms[name].initialization
    shape = other.arms[name].shape(other, 3)
    found = outer_gradient(shape, at, batch.inputs, batch.y, arm.inner_lr)
    torch.testing.assert_close(found.losses, ours.losses, rtol=1e-12, atol=0)
    gradient = [g.view(-1) for g in model.layers(found.gradient)]
    for layer, column in zip(closed.layers(ours.gradient), gradient, strict=True):
        expected = torch.cat([layer[:-1].T.reshape(-1), layer[-1]])
        torch.testing.assert_close(column, expected, rtol=1e-9, atol=1e-13)


def test_bad_modules_are_refused_in_a_sentence() -> None:
    loss = family_of(settings_of("maml")).loss
    with pytest.raises(ValueError, match="no parameter 'x'"):
        functional(Residual(), 64, loss, held=["x"])
    with pytest.raises(ValueError, match="nothing to learn"):
        functional(nn.ReLU(), 64, loss)
