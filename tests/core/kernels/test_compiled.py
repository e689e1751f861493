"""The compiled kernels compute the eager gradient, and nothing but that of their own job."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from maml_explorer.core import training
from maml_explorer.core.kernels import compiled
from maml_explorer.core.kernels.compiled import CompiledStep, covered
from maml_explorer.core.kernels.job import ACTIVATIONS
from maml_explorer.core.models.mlp import Mlp
from maml_explorer.core.outer_gradient import OuterGradient, outer_gradient
from maml_explorer.core.plan import prepare
from maml_explorer.core.workspace import Workspace
from maml_explorer.settings.settings import Arm, Settings, default_arm
from tests.core.kernels.cases import Case, built, cases, kernels, plain

pytestmark = built
KINDS = ("compiled", "portable")
CPU = torch.device("cpu")


def both(case: Case, kind: str, dtype: torch.dtype) -> tuple[OuterGradient, OuterGradient]:
    """(the compiled gradient, the eager one)."""
    theta, x, y, *varying = case.inputs(dtype)
    with torch.no_grad():
        step = CompiledStep(kernels(kind), case.shape, dtype)
        found = step.gradient(theta, x, y, tuple(varying))
        return found, outer_gradient(case.shape, theta, x, y, *varying)


def apart(found: Tensor, expected: Tensor) -> float:
    """The largest difference, as a part of the largest entry."""
    return float((found - expected).abs().max() / expected.abs().max().clamp_min(1e-3))


@pytest.mark.parametrize("kind", KINDS)
@given(case=cases())
@settings(max_examples=250, deadline=None, derandomize=True)
def test_every_gradient_is_the_eager_one(kind: str, case: Case) -> None:
    found, expected = both(case, kind, torch.float64)
    assert apart(found.gradient, expected.gradient) < 1e-12
    assert apart(found.losses, expected.losses) < 1e-12


@pytest.mark.parametrize("kind", KINDS)
@given(case=cases())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_single_precision_is_as_close_as_it_can_be(kind: str, case: Case) -> None:
    found, _ = both(case, kind, torch.float32)
    _, exact = both(case, kind, torch.float64)
    assert apart(found.gradient.double(), exact.gradient) < 2e-4
    assert apart(found.losses.double(), exact.losses) < 2e-5


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("size", [1e-4, 1.0, 30.0, 1e3, 1e7])
def test_activations_hold_far_from_zero(activation: str, size: float) -> None:
    shape = dataclasses.replace(plain(activation), steps=0, second_order=False)
    theta, x, y, rate = Case(shape, 3).inputs(torch.float64)
    x[..., 0] *= size
    with torch.no_grad():
        step = CompiledStep(kernels("compiled"), shape, torch.float64)
        found = step.gradient(theta, x, y, (rate,))
        expected = outer_gradient(shape, theta, x, y, rate)
    # the last digits of a large argument are the phase of its sine
    bound = 1e-12 if activation != "sine" else 1e-12 + 1e-15 * size
    assert apart(found.losses, expected.losses) < bound
    assert apart(found.gradient, expected.gradient) < bound


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("where", ["theta", "x", "y"])
@pytest.mark.parametrize("rule", ["query", "all", "interpolation"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_what_is_not_finite_passes(activation: str, rule: str, where: str, bad: float) -> None:
    shape = plain(activation, rule)
    step = CompiledStep(kernels("compiled"), shape, torch.float32)
    theta, x, y, rate = Case(shape, 1).inputs(torch.float32)
    before = step.gradient(theta, x, y, (rate,))
    spoiled = {"theta": theta.clone(), "x": x.clone(), "y": y.clone()}
    flat = spoiled[where].view(-1)
    # the last bias reaches every output, and the first point is of a support set
    flat[-1 if where == "theta" else 0] = bad
    found = step.gradient(spoiled["theta"], spoiled["x"], spoiled["y"], (rate,))
    expected = outer_gradient(shape, spoiled["theta"], spoiled["x"], spoiled["y"], rate)
    assert torch.equal(found.losses.isfinite(), expected.losses.isfinite())
    assert torch.equal(found.losses.isnan(), expected.losses.isnan())
    if bad != bad or where != "x":  # an infinite input may end at a flat part of σ
        assert not found.gradient.isfinite().all()
        assert not expected.gradient.isfinite().all()
    # and nothing of it stays behind in the memory
    after = step.gradient(theta, x, y, (rate,))
    assert torch.equal(before.gradient, after.gradient)
    assert torch.equal(before.losses, after.losses)


@given(case=cases())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_nothing_is_left_behind_for_the_next_job(case: Case) -> None:
    theta, x, y, *varying = case.inputs(torch.float64)
    step = CompiledStep(kernels("compiled"), case.shape, torch.float64)
    first = step.gradient(theta, x, y, tuple(varying))
    step.gradient(theta * torch.nan, x, y * torch.inf, tuple(v * torch.nan for v in varying))
    again = step.gradient(theta, x, y, tuple(varying))
    assert torch.equal(first.gradient, again.gradient)
    assert torch.equal(first.losses, again.losses)


@pytest.mark.parametrize("rule", ["query", "all", "interpolation"])
def test_where_a_batch_is_cut_changes_no_bit(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = plain("tanh", rule, tasks=7)
    theta, x, y, rate = Case(shape, 5).inputs(torch.float32)
    whole = CompiledStep(kernels("compiled"), shape, torch.float32).gradient(theta, x, y, (rate,))
    looks = []
    for piece in (0, 2 * compiled.products(shape)):
        monkeypatch.setattr(compiled, "PIECE", piece)
        step = CompiledStep(kernels("compiled"), shape, torch.float32)
        parts = step.gradient(theta, x, y, (rate,), look=lambda: looks.append(1))
        assert torch.equal(parts.gradient, whole.gradient)
        assert torch.equal(parts.losses, whole.losses)
    assert len(looks) == 6 + 3


ARMS = ("maml", "fomaml", "anil", "meta_sgd", "reptile", "mtl")
VALUES: dict[str, dict[str, Any]] = {
    "as at first": {},
    "remedies": {
        "inner_steps": 3, "multi_step_loss": True, "multi_step_until": 4, "second_order_from": 2,
        "inner_clip": 0.5, "outer_clip": 0.5, "schedule": "cosine", "skip": True,
        "activation": "softplus", "outer_steps": 8,
    },
    "SGD": {"optimizer": "sgd", "momentum": 0.5, "activation": "sine", "lslr": True},
}  # fmt: skip


def trained(values: dict[str, Any], kind: str, *arms: str) -> training.RunState:
    """The state after six outer steps."""
    chosen = Settings().with_values(
        {"hidden": (12, 12), "meta_batch": 5, "precision": "float64", **values}
    )
    own = {"meta_sgd": (("lslr", False),)}
    plan = prepare(
        chosen.with_arms(tuple(Arm(key, key, own.get(key, ())) for key in arms)), Workspace(kind)
    )
    state = training.start_run(plan)
    for _ in range(6):
        state, _ = training.outer_step(plan, state)
    expected = "replay" if kind == "recorded" else kernels(kind).kind
    assert plan.workspace.kinds == {expected}
    return state


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES.keys())
def test_runs_are_those_of_the_recorded_kernels(values: dict[str, Any]) -> None:
    fast, slow = (trained(values, kind, *ARMS) for kind in ("compiled", "recorded"))
    assert fast.arms.keys() == slow.arms.keys()
    for name, arm in fast.arms.items():
        other = slow.arms[name]
        assert arm.outer_step == other.outer_step == 6
        assert apart(arm.initialization, other.initialization) < 1e-11, name
        for one, two in zip(arm.moments, other.moments, strict=True):
            assert float((one - two).abs().max()) < 1e-11, name


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES.keys())
def test_an_arm_does_not_depend_on_those_beside_it(values: dict[str, Any]) -> None:
    together = trained(values, "compiled", *ARMS)
    for key in ARMS:
        (alone,) = trained(values, "compiled", key).arms.items()
        beside = together.arms[alone[0]]
        assert torch.equal(beside.initialization, alone[1].initialization), key
        assert all(map(torch.equal, beside.moments, alone[1].moments)), key


def test_a_step_in_pieces_is_the_same_and_may_be_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = Settings().with_values({"hidden": (12, 12), "meta_batch": 5, "noise": 0.1})
    chosen = chosen.with_arms((default_arm("maml"), default_arm("mtl")))
    whole = prepare(chosen)
    calm, _ = training.outer_step(whole, training.start_run(whole))
    monkeypatch.setattr(compiled, "PIECE", 0)
    plan = prepare(chosen)
    begun = training.start_run(plan)
    pieces = list(training.outer_step_in_chunks(plan, begun))
    assert pieces == ["MAML"] * 5 + ["MTL"] * 5
    dropped, other = (training.outer_step_in_chunks(plan, begun) for _ in range(2))
    for _ in range(3):  # two at once do not disturb each other
        next(dropped), next(other)
    dropped.close()
    for _ in other:
        pass
    state, _ = training.outer_step(plan, begun)
    for name, arm in calm.arms.items():
        assert torch.equal(arm.initialization, state.arms[name].initialization), name


def test_what_is_not_covered() -> None:
    shape = plain()
    assert covered(shape, torch.float32, CPU)
    assert not covered(shape, torch.float16, CPU)
    assert not covered(shape, torch.float32, torch.device("cuda"))
    for model in (Mlp((1, 9, 1), norm="batch"), Mlp((1, 1024, 1)), Mlp((1, *(9,) * 12, 1))):
        assert not covered(dataclasses.replace(shape, model=model), torch.float32, CPU)
    long = dataclasses.replace(shape, shots=1000, points=2000, steps=50, model=Mlp((1, 99, 99, 1)))
    assert not covered(long, torch.float32, CPU), "a pause would wait for one task"
