"""CKA against its definition, and adaptation with frozen layers against the per-task reference."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from maml_explorer.core.insight.empty_view import Nothing
from maml_explorer.core.insight.features import (
    FeatureChange,
    LayerView,
    activations,
    feature_change,
    freeze_test,
    layer_view,
    linear_cka,
)
from maml_explorer.core.meta_test import run_to_end
from tests import reference
from tests.core.insight import setting

X = torch.linspace(-5, 5, 200, dtype=torch.float64)


def by_definition(x: Tensor, y: Tensor) -> float:
    """HSIC of linear kernels, as the papers write it: points × points Gram matrices, centred."""
    n = len(x)
    centre = torch.eye(n, dtype=x.dtype) - torch.full((n, n), 1 / n, dtype=x.dtype)
    k, m = x @ x.T, y @ y.T

    def hsic(a: Tensor, b: Tensor) -> Tensor:
        return torch.trace(a @ centre @ b @ centre) / (n - 1) ** 2

    return float(hsic(k, m) / (hsic(k, k) * hsic(m, m)).sqrt())


def hidden(flat: Tensor, sizes: tuple[int, ...], activation: str) -> list[Tensor]:
    """Outputs of every layer at X, from the reference's own layout."""
    layers, h, found = reference.unflatten(flat, sizes), X[:, None], []
    for index, (weight, bias) in enumerate(layers):
        h = h @ weight + bias
        if index < len(layers) - 1:
            h = reference.NONLINEARITIES[activation](h)
        found.append(h)
    return found


def features(batch: int, width: int, seed: int) -> Tensor:
    return torch.randn(batch, 40, width, dtype=torch.float64, generator=setting.generator(seed))


def test_cka_equals_its_definition() -> None:
    x, y = features(5, 7, 0) + 3, features(5, 4, 1) - 2
    found = linear_cka(x, y)
    for b in range(5):
        assert float(found[b]) == pytest.approx(by_definition(x[b], y[b]), rel=1e-10)


def test_cka_of_more_features_than_points_equals_its_definition() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(2, 9, 40).double(), torch.randn(2, 9, 5).double()
    found = linear_cka(x, y)
    assert found.tolist() == pytest.approx([by_definition(x[n], y[n]) for n in range(2)], rel=1e-10)
    assert bool(torch.isnan(linear_cka(x, torch.full_like(x, 0.1))).all())


def test_cka_knows_no_rotation_scale_or_shift() -> None:
    x = features(3, 6, 2)
    rotation, _ = torch.linalg.qr(features(1, 6, 3)[0, :6])
    one = torch.ones(3, dtype=torch.float64)
    torch.testing.assert_close(linear_cka(x, x), one)
    torch.testing.assert_close(linear_cka(x, x @ rotation), one)
    torch.testing.assert_close(linear_cka(x, 1e90 * x @ rotation), one)
    torch.testing.assert_close(linear_cka(x, x + 5), one)
    shear = torch.diag(torch.tensor([9.0, 1, 1, 1, 1, 1], dtype=torch.float64))
    assert float(linear_cka(x, x @ shear).max()) < 0.9


def test_cka_of_constant_features_is_not_a_number() -> None:
    x = features(1, 4, 4)
    assert bool(torch.isnan(linear_cka(x, torch.full_like(x, 0.1))).all())
    assert bool(torch.isnan(linear_cka(torch.zeros_like(x), x)).all())


@pytest.mark.parametrize("start", [0, 2])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_change_of_every_layer(start: int, activation: str) -> None:
    learner = setting.learner(start=start, activation=activation)
    batch = setting.tasks(6)
    found = run_to_end(feature_change(learner, batch, X))
    assert isinstance(found, FeatureChange)
    assert found.similarity.shape == found.parameter_change.shape == (3, 6)
    sizes = learner.model.sizes
    before = hidden(learner.theta, sizes, activation)
    theta = [torch.cat([w, b[None]]) for w, b in reference.unflatten(learner.theta, sizes)]
    for task in (0, 5):
        phi = setting.adapted(learner, batch, task)
        after = hidden(phi, sizes, activation)
        new = [torch.cat([w, b[None]]) for w, b in reference.unflatten(phi, sizes)]
        for layer in range(3):
            cka = by_definition(before[layer], after[layer])
            assert float(found.similarity[layer, task]) == pytest.approx(cka, rel=1e-8)
            change = float((new[layer] - theta[layer]).norm() / theta[layer].norm())
            assert float(found.parameter_change[layer, task]) == pytest.approx(change, abs=1e-12)
    mean, spread = found.mean_and_spread(found.similarity)
    torch.testing.assert_close(mean, found.similarity.mean(1))
    torch.testing.assert_close(spread, found.similarity.std(1), atol=1e-12, rtol=1e-7)
    if start:
        assert float(found.similarity[:2].min()) == pytest.approx(1, abs=1e-12)
        assert float(found.parameter_change[:2].max()) == 0


def test_a_dead_layer_and_a_diverged_task_are_left_out() -> None:
    learner = setting.learner(activation="relu", steps=60, inner_lr=0.6)
    batch = setting.tasks(6)
    batch.y[1:] *= 1e-9  # with such targets steps of this size do not matter
    learner.theta.mul_(0.3)
    batch.y[0] = 1e200
    found = run_to_end(feature_change(learner, batch, X))
    assert isinstance(found, FeatureChange) and found.diverged >= 1
    assert bool(torch.isnan(found.similarity[:, 0]).all())
    table = torch.tensor([[0.5, torch.nan, 0.7], [torch.nan, torch.nan, 0.2]], dtype=torch.float64)
    mean, spread = found.mean_and_spread(table)
    assert mean.tolist() == pytest.approx([0.6, 0.2])
    assert float(spread[0]) == pytest.approx(torch.tensor([0.5, 0.7]).std().item())
    assert bool(torch.isnan(spread[1]))  # one value has no spread
    learner.theta[7:14] = -100.0  # biases of the first layer: no unit is ever on
    dead = run_to_end(feature_change(learner, setting.tasks(3), X))
    assert isinstance(dead, FeatureChange)
    assert bool(torch.isnan(dead.similarity[0]).all())
    assert not bool(torch.isnan(dead.parameter_change[0]).any())


@pytest.mark.parametrize("start", [0, 1])
def test_frozen_layers(start: int) -> None:
    learner, batch = setting.learner(start=start), setting.tasks(5)
    found = run_to_end(freeze_test(learner, batch))
    assert isinstance(found, Tensor) and found.shape == (4, 5)
    sizes, activation = learner.model.sizes, learner.model.activation
    ends = [0, 14, 14 + 48, len(learner.theta)]
    for task in (0, 4):
        (x, y), (qx, qy) = setting.points(batch, task)
        for frozen in range(4):
            mask = setting.mask(learner)
            mask[: ends[frozen]] = 0
            phi = reference.adapt(learner.theta, mask, x, y, 0.05, 3, sizes, activation)
            expected = float(reference.loss(phi, qx, qy, sizes, activation))
            assert float(found[frozen, task]) == pytest.approx(expected, rel=1e-10)
    if start:
        assert torch.equal(found[0], found[1])


def test_pieces_of_tasks_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    learner, batch = setting.learner(), setting.tasks(5)
    whole = run_to_end(freeze_test(learner, batch))
    change = run_to_end(feature_change(learner, batch, X))
    monkeypatch.setattr("maml_explorer.core.insight.learner.CHUNK_TASKS", 2)
    assert list(freeze_test(learner, batch)) == [2, 4, 5]
    assert list(feature_change(learner, batch, X)) == [2, 4, 5]
    parts = run_to_end(freeze_test(learner, batch))
    again = run_to_end(feature_change(learner, batch, X))
    assert isinstance(whole, Tensor) and isinstance(parts, Tensor)
    assert isinstance(change, FeatureChange) and isinstance(again, FeatureChange)
    torch.testing.assert_close(parts, whole)
    torch.testing.assert_close(again.similarity, change.similarity)


def test_frozen_layers_with_step_sizes_per_parameter() -> None:
    learner, batch = setting.learner(), setting.tasks(2)
    sizes = 0.05 * torch.rand(
        3, len(learner.theta), dtype=torch.float64, generator=setting.generator(5)
    )
    found = run_to_end(freeze_test(setting.with_sizes(learner, sizes), batch))
    held = sizes.clone()
    held[:, :14] = 0
    expected = run_to_end(freeze_test(setting.with_sizes(learner, held), batch))
    assert isinstance(found, Tensor) and isinstance(expected, Tensor)
    torch.testing.assert_close(found[1], expected[0])
    assert float((found[0] - found[1]).abs().min()) > 1e-6


@pytest.mark.parametrize("start", [0, 2])
def test_one_layer_before_and_after(start: int) -> None:
    learner, batch = setting.learner(start=start), setting.tasks(2)
    phi = setting.adapted(learner, batch, 0)
    for layer in range(3):
        found = layer_view(learner, batch, layer, X)
        assert isinstance(found, LayerView)
        before = hidden(learner.theta, (1, 7, 6, 1), "tanh")[layer]
        after = hidden(phi, (1, 7, 6, 1), "tanh")[layer]
        torch.testing.assert_close(found.before, before)
        torch.testing.assert_close(found.after, after)
        weight, bias = reference.unflatten(phi, (1, 7, 6, 1))[layer]
        torch.testing.assert_close(found.weights_after, torch.cat([weight, bias[None]]))
    with pytest.raises(IndexError, match="There is no layer 3"):
        layer_view(learner, batch, 3, X)


def test_activations_are_those_of_the_reference() -> None:
    learner = setting.learner(activation="sigmoid")
    wide = torch.stack([X, torch.ones_like(X)], 1)[None]
    found = activations(learner.model, learner.layers, wide)
    for ours, theirs in zip(found, hidden(learner.theta, (1, 7, 6, 1), "sigmoid"), strict=True):
        torch.testing.assert_close(ours[0], theirs)


def test_why_there_is_nothing() -> None:
    batch = setting.tasks()
    flat_network = setting.learner(sizes=(1, 1))
    for work in (feature_change(flat_network, batch, X), freeze_test(flat_network, batch)):
        found = run_to_end(work)
        assert isinstance(found, Nothing) and "one layer" in found.reason
    still = run_to_end(feature_change(setting.learner(steps=0), batch, X))
    assert isinstance(still, Nothing) and "no inner step" in still.reason
    exploded = setting.learner(steps=40, inner_lr=1e40)
    everywhere = run_to_end(feature_change(exploded, batch, X))
    assert isinstance(everywhere, Nothing) and "every task" in everywhere.reason
    assert isinstance(layer_view(exploded, batch, 0, X), Nothing)
    overflowing = setting.learner(activation="relu")
    overflowing.theta.mul_(1e200)
    inside = run_to_end(feature_change(overflowing, batch, X))
    assert isinstance(inside, Nothing) and "not finite" in inside.reason
