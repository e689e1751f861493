"""Own networks in the interface for scripts: plain PyTorch's numbers, run folders, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

import maml_explorer as me
from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.codegen.script import standalone_script
from maml_explorer.core.meta_test import run_to_end
from maml_explorer.core.models import own_network
from maml_explorer.core.plan import prepare
from maml_explorer.core.training import draw_batch, outer_step, start_run
from maml_explorer.protocol.insight import NothingToShow, ViewName
from maml_explorer.worker.insight import VIEWS
from tests.own_tasks import Planes

QUICK: dict[str, Any] = {
    "outer_steps": 5,
    "meta_batch": 3,
    "test_tasks": 10,
    "inner_lr": 0.05,
    "test_steps": 2,
}


class Residual(nn.Module):
    """h + a block of h, between a stem and a head."""

    def __init__(self, inputs: int = 1, outputs: int = 1) -> None:
        super().__init__()
        self.stem, self.block = nn.Linear(inputs, 8), nn.Linear(8, 8)
        self.head = nn.Linear(8, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[point, in] → [point, out]."""
        h = torch.tanh(self.stem(x))
        return self.head(h + torch.tanh(self.block(h)))


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(27, 3),
    )  # fmt: skip


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_network, "_OPEN", {})


def test_a_residual_network_trains_as_in_plain_pytorch() -> None:
    torch.manual_seed(3)
    module = Residual()
    run = me.train(algorithms="maml", model=module, precision="float64", inner_steps=2, **QUICK)
    # the same by hand: torch.func and torch.optim on the same batches
    plan = prepare(run.settings)
    state = start_run(plan)
    theta = {n: p.detach().double().clone().requires_grad_() for n, p in module.named_parameters()}
    adam = torch.optim.Adam(theta.values(), lr=run.settings.outer.outer_lr)

    def loss(phi: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return (functional_call(module, phi, (x,)) - y).square().mean()

    for step in range(5):
        batch, _ = draw_batch(plan, state)
        state, _ = outer_step(plan, state)

        def after(phi: dict[str, Tensor], sx: Tensor, sy: Tensor, qx: Tensor, qy: Tensor) -> Tensor:
            for _ in range(2):
                phi = {n: phi[n] - 0.05 * g for n, g in grad(loss)(phi, sx, sy).items()}
            return loss(phi, qx, qy)

        s, q = batch.support, batch.query
        outer = vmap(after, (None, 0, 0, 0, 0))(theta, s.x, s.y, q.x, q.y).mean()
        adam.zero_grad()
        outer.backward()
        adam.step()
        assert run.metrics["MAML"].query_after[step] == pytest.approx(
            float(outer.detach()), rel=1e-9
        )
    learned = dict(run["MAML"].module().named_parameters())
    for name, value in theta.items():
        torch.testing.assert_close(learned[name].detach(), value.detach(), rtol=1e-6, atol=1e-9)
    assert not torch.equal(learned["head.weight"].float(), module.head.weight)


def test_a_small_cnn_learns_glyphs_and_its_folder_opens_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    glyphs = {"family": "glyphs", "ways": 3, "shots": 2, "query_points": 2, "side": 8}
    torch.manual_seed(0)
    run = me.train(
        algorithms="maml,anil", model=cnn, out=tmp_path / "run",
        **QUICK | glyphs | {"outer_steps": 40, "inner_lr": 0.3, "meta_batch": 6},
    )  # fmt: skip
    begin, *_, end = run["MAML"].evaluations[0]["mean"]
    assert end > begin + 0.08
    card = (tmp_path / "run" / "maml" / "README.md").read_text(encoding="utf-8")
    assert "network of the user's own, “Sequential” (120 parameters, fingerprint" in card
    assert "model.load_state_dict(" in card
    forget(monkeypatch)
    with pytest.raises(me.SettingsError, match=r"needs the network “Sequential” \(120 parameters"):
        me.load_run(tmp_path / "run")
    wider = nn.Sequential(nn.Linear(64, 3))
    with pytest.raises(me.SettingsError, match=r"with the network “Sequential” \(120 .*, not with"):
        me.load_run(tmp_path / "run", model=wider)
    found = me.load_run(tmp_path / "run", model=cnn)
    for name in run:
        np.testing.assert_array_equal(found[name].parameters, run[name].parameters)
    x = torch.rand(6, 64)
    one, two = (r["ANIL"].adapt(x.numpy(), [0, 1, 2] * 2) for r in (run, found))
    torch.testing.assert_close(one(x), two(x), rtol=0, atol=0)
    record = me.evaluate(found["MAML"], tasks=10, inner_steps=(0, 1, 2))
    assert record == run["MAML"].evaluations[0]
    on = me.resume(tmp_path / "run", model=cnn, outer_steps=41)
    assert on["MAML"].outer_step == 41


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_trains_it_or_says_why_not(algorithm: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(Residual(1, 5), nn.Tanh(), nn.Linear(5, 1))
    if ALGORITHMS[algorithm].step_sizes in ("matrices", "context"):
        with pytest.raises(me.SettingsError, match=r"own network|network of your own"):
            me.train(algorithms=algorithm, model=module, **QUICK)
        return
    tricks: dict[str, Any] = {"inner_clip": 1.0, "multi_step_loss": True, "inner_steps": 2}
    if not ALGORITHMS[algorithm].step_sizes:
        tricks["lslr"] = True
    run = me.train(algorithms=algorithm, model=module, out=tmp_path / "run", **QUICK | tricks)
    ((name, one),) = run.items()
    assert np.isfinite(run.metrics[name].query_after).all()
    found = me.load_run(tmp_path / "run", model=module)
    np.testing.assert_array_equal(found[name].parameters, one.parameters)


def test_own_networks_on_own_tasks() -> None:
    run = me.train(tasks=Planes(), model=Residual(3, 2), algorithms="maml", **QUICK)
    assert run["MAML"].adapt(np.eye(3), np.ones((3, 2)))(torch.zeros(4, 3)).shape == (4, 2)
    with pytest.raises(me.SettingsError, match="has 3 inputs and 2 outputs, and the tasks have 1"):
        run.settings.with_values({"family": "sine"})
    with pytest.raises(me.SettingsError, match="Code cannot include a network of your own"):
        standalone_script(run.settings.with_values({}), run.settings.arms[0])
    with pytest.raises(me.SettingsError, match="window cannot show networks of your own"):
        run.settings.refuse_unshown()


def test_insight_looks_into_it_where_that_applies() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(1, 6), nn.Tanh(), nn.Linear(6, 1))
    asked = me.train(model=module, algorithms="maml", **QUICK | {"outer_steps": 1}).settings
    plan = prepare(asked)
    state = start_run(plan)
    options = {"arm": "MAML", "x": (0.0, 1.0), "y": (1.0, 2.0)}
    found = {}
    with torch.no_grad():
        for name in ("gradient", "check", "features", "layer", "cost", "norm"):
            value = run_to_end(VIEWS[ViewName(name)].begin(plan, state, options))
            one = value["MAML"] if isinstance(value, dict) else value
            found[name] = one.reason if isinstance(one, NothingToShow) else type(one).__name__
    assert found.pop("cost").endswith("not all of them train a network of your own.")
    assert found.pop("norm").startswith("Units before their activation are known of built-in")
    assert list(found.values()) == ["GradientSeen", "CheckSeen", "FeaturesSeen", "LayerSeen"]


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Depends on a value, which vmap refuses."""
        y: Tensor = self.linear(x)
        return y if float(y.sum()) > 0 else -y


BAD: dict[str, tuple[Any, str]] = {
    "text": ("mlp", "cannot be a str: allowed is an nn.Module"),
    "class of another kind": (dict, "cannot be a dict"),
    "inputs": (nn.Linear(2, 1), r"“Linear” cannot be used: RuntimeError.*from \[point, 1\]"),
    "outputs": (nn.Linear(1, 2), "gives 2 numbers a point"),
    "empty": (nn.Tanh(), "nothing to learn"),
    "control": (Counting, "torch.func cannot differentiate it twice"),
    "raises": (lambda: 1 / 0, "cannot be made: ZeroDivisionError"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_networks_are_refused_in_a_sentence(kind: str, tmp_path: Path) -> None:
    model, said = BAD[kind]
    with pytest.raises(me.SettingsError, match=said) as caught:
        me.train(model=model, out=tmp_path / "run", **QUICK)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
    assert not (tmp_path / "run").exists()


def test_parameters_that_are_not_finite_are_refused() -> None:
    module = nn.Linear(1, 1)
    module.weight.data.fill_(float("nan"))
    with pytest.raises(me.SettingsError, match="parameters that are not finite"):
        me.train(model=module, **QUICK)
