"""Convolutional networks in closed form: links, norms, tricks, replay, export."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.codegen.script import standalone_script
from maml_explorer.codegen.two_forms import stateful_and_functional
from maml_explorer.core.insight.cost import Sizes, outer_step_cost
from maml_explorer.core.insight.features import activations
from maml_explorer.core.models.conv import convolution
from maml_explorer.core.models.links import Averaged, Joined, Link, Patches
from maml_explorer.core.outer_gradient import outer_gradient
from maml_explorer.core.plan import Plan, prepare
from maml_explorer.core.training import draw_batch, outer_step, start_run
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.storage.initialization.folder import (
    Initialization,
    load_initialization,
    save_initialization,
)

SMALL: dict[str, Any] = {
    "family": "glyphs", "model": "conv", "filters": 3, "blocks": 2, "side": 9, "ways": 3,
    "shots": 2, "query_points": 2, "meta_batch": 3, "device": "cpu", "inner_steps": 2,
    "inner_lr": 0.1, "precision": "float64",
}  # fmt: skip


def plan_of(algorithm: str = "maml", **more: Any) -> Plan:
    """A small run of one arm."""
    return prepare(Settings().with_values(SMALL | more).with_arms((default_arm(algorithm),)))


def trained(plan: Plan, steps: int = 3) -> torch.Tensor:
    """What the only arm has learned after some outer steps."""
    state = start_run(plan)
    for _ in range(steps):
        state, _ = outer_step(plan, state)
    (arm,) = state.arms.values()
    return arm.initialization


@pytest.mark.parametrize("side", [1, 2, 3, 5, 8, 20])
def test_patches_are_those_of_unfold(side: int) -> None:
    link, points = Patches(side, 4), 3
    h = torch.randn(2, points * side * side, 4, dtype=torch.float64)
    pictures = h.view(2 * points, side, side, 4).permute(0, 3, 1, 2)
    columns = torch.nn.functional.unfold(pictures, 3, padding=1, stride=2)
    expected = columns.view(2 * points, 4, 9, -1).permute(0, 3, 2, 1).reshape(2, -1, 36)
    found = link.spread(h, True)
    assert torch.equal(found[..., :-1], expected) and bool((found[..., -1] == 1).all())
    assert found.shape == (2, points * link.rows, link.width + 1)


@pytest.mark.parametrize("link", [Patches(5, 2), Patches(4, 1), Joined(6, 2), Averaged(6, 2)])
def test_gathering_is_the_transpose_of_spreading(link: Link) -> None:
    places = {Patches: lambda p: p.side**2}.get(type(link), lambda p: p.places)(link)
    h = torch.randn(2, 3 * places, link.channels, dtype=torch.float64)  # type: ignore[attr-defined]
    up = link.spread(h, False)
    d = torch.randn_like(up)
    assert float((up * d).sum()) == pytest.approx(float((h * link.gather(d)).sum()), rel=1e-12)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("norm", ["none", "batch-running", "layer"])
def test_exported_weights_predict_and_adapt_alike(
    algorithm: str, norm: str, tmp_path: Path
) -> None:
    pooling = "mean" if norm == "none" else "none"
    plan = plan_of(algorithm, norm=norm, pooling=pooling)
    theta = trained(plan)
    assert plan.workspace.kinds == {"replay"}
    settings = plan.settings
    saved = Initialization(settings, theta.numpy(), 3)
    save_initialization(tmp_path / "one", saved)
    found = load_initialization(tmp_path / "one")
    assert np.array_equal(found.parameters, saved.parameters)
    images = torch.rand(5, 81, dtype=torch.float64)
    wide = torch.cat([images, torch.ones(5, 1)], 1)[None]
    expected = plan.model.forward(plan.model.layers(theta), wide).output[0]
    torch.testing.assert_close(found.module()(images), expected, rtol=0, atol=1e-6)
    if "lslr" in settings.values() and ALGORITHMS[algorithm].step_sizes:
        return  # below a plain loop with one rate
    x, y = torch.rand(6, 81, dtype=torch.float64), torch.arange(3).repeat(2)
    module = found.module()
    adapting = [
        p
        for part in module
        if isinstance(part, torch.nn.Conv2d | torch.nn.Linear)
        for p in part.parameters()
    ]
    if ALGORITHMS[algorithm].test_adapts == "head":
        adapting = adapting[-2:]
    if ALGORITHMS[algorithm].test_adapts == "body":
        adapting = adapting[:-2]
    sgd = torch.optim.SGD(adapting, settings.inner.inner_lr)
    begin = [p.detach().clone() for p in adapting]
    for _ in range(2):
        module.zero_grad()
        torch.nn.functional.cross_entropy(module(x), y).backward()
        if ALGORITHMS[algorithm].implicit:  # the pull towards θ
            for p, t in zip(adapting, begin, strict=True):
                assert p.grad is not None
                p.grad += 100 * (p.detach() - t)
        sgd.step()
    ours = found.adapt(x.numpy(), y.numpy(), steps=2)
    torch.testing.assert_close(ours(images), module(images), rtol=0, atol=1e-6)


@pytest.mark.parametrize("algorithm", ["maml", "anil", "boil", "meta_sgd", "reptile", "mtl"])
def test_tricks_and_replay_give_what_the_function_gives(algorithm: str) -> None:
    """LSLR, clipping and the multi-step loss, recorded and not."""
    tricks = {"inner_clip": 0.05, "multi_step_loss": True, "norm": "batch-running"}
    if not ALGORITHMS[algorithm].step_sizes:
        tricks["lslr"] = True
    plan = plan_of(algorithm, **tricks)
    state = start_run(plan)
    ((name, arm),) = plan.arms.items()
    batch, _ = draw_batch(plan, state)
    now = arm.in_force(0)
    inputs = (state.arms[name].initialization, batch.inputs, batch.y, *arm.varying(plan, now))
    shape = arm.shape(plan, 3, now)
    recorded = plan.workspace.outer_gradient(shape, *inputs).copy()
    assert plan.workspace.kinds == {"replay"}
    for ours, theirs in zip(recorded.parts(), outer_gradient(shape, *inputs).parts(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)


def test_generated_code_runs_and_names_its_layers() -> None:
    for algorithm in ALGORITHMS:
        settings = plan_of(algorithm, norm="batch").settings
        text = standalone_script(settings, settings.arms[0])
        assert "LAYERS = (1, 4, 8)" in text and "nn.Conv2d(1, 3, 3, stride=2, padding=1)" in text
        beside: dict[str, torch.Tensor] = {}  # weights of a context, in the first form a tensor
        for form in stateful_and_functional(settings, settings.arms[0]):
            scope: dict[str, Any] = {}
            exec(form, scope)
            beside |= {"V": scope["V"].detach()} if "V" in scope else {}
            x, y = torch.rand(2, 6, 81).double(), torch.eye(3).repeat(2, 1).expand(2, -1, -1)
            theta = {n: p.detach() for n, p in scope["model"].named_parameters()}
            batch = (x, y.double(), x, y.double())
            functional = form.startswith("# Functional")
            found = scope["outer_gradient"](*([theta | beside] if functional else []), batch)
            if not functional:
                found = {n: p.grad for n, p in scope["model"].named_parameters()}
            assert all(bool(torch.isfinite(g).all()) for g in found.values())


def test_what_a_card_and_the_views_say_of_it() -> None:
    plan = plan_of(norm="layer")
    x = torch.rand(1, 4, 82, dtype=torch.float64)
    found = activations(plan.model, plan.model.layers(trained(plan, 1)), x)
    assert [one.shape for one in found] == [(1, 4, 25 * 3), (1, 4, 9 * 3), (1, 4, 3)]
    cost = outer_step_cost("mtl", Sizes(plan.model, 1, 1, 0, 1), 0).multiply_adds
    forward = 25 * 10 * 3 + 9 * 28 * 3 + 28 * 3
    assert cost == 2 * forward + 9 * 27 * 3 + 27 * 3


def test_statistics_of_every_step_are_refused_in_a_sentence() -> None:
    with pytest.raises(SettingsError, match="allowed are none, batch, batch-running and layer"):
        plan_of(norm="batch-per-step")


def test_sines_keep_their_perceptron() -> None:
    plan = prepare(Settings().with_values({"model": "conv", "norm": "batch-per-step"}))
    assert plan.model.inputs == 1 and max(plan.model.rows) == 1


def test_the_classic_network_has_its_published_sizes() -> None:
    """4 blocks of 64 on 28 pixels with the mean before the head: Finn et al. 2017, A.1."""
    loss = plan_of().model.loss
    model = convolution(28, 5, 64, 4, "relu", "none", loss, averaged=True)
    assert model.matrices == [(10, 64), (577, 64), (577, 64), (577, 64), (65, 5)]
    assert model.rows == (196, 49, 16, 4, 1)
    assert dataclasses.replace(model) == model and hash(model) == hash(dataclasses.replace(model))
