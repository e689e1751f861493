"""Several outer steps in one call of the compiled kernels are the bits of one after another."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from maml_explorer.core import training
from maml_explorer.core.kernels import compiled
from maml_explorer.core.meta_test import run_to_end
from maml_explorer.core.plan import Plan, prepare
from maml_explorer.settings.settings import Arm, Settings, default_arm
from tests.core.kernels.cases import kernels, several

pytestmark = several

ARMS = ("maml", "fomaml", "anil", "meta_sgd", "reptile", "mtl")
VALUES: dict[str, dict[str, Any]] = {
    "as at first": {},
    "scheduled": {"schedule": "cosine", "outer_steps": 90, "noise": 0.1, "outer_clip": 0.5},
    "SGD": {"optimizer": "sgd", "momentum": 0.5, "activation": "sine", "precision": "float64"},
    "other tasks": {"family": "mixture", "mixture": "sine, line"},
}


def prepared(values: dict[str, Any], *arms: Arm) -> Plan:
    chosen = Settings().with_values({"hidden": (12, 12), "meta_batch": 5, **values})
    return prepare(chosen.with_arms(arms or tuple(map(default_arm, ARMS))))


def same(one: training.RunState, two: training.RunState) -> bool:
    """True where all bits are."""
    assert one.outer_step == two.outer_step and one.arms.keys() == two.arms.keys()
    pairs = [(one.generator_state, two.generator_state)]
    for name, arm in one.arms.items():
        assert arm.outer_step == two.arms[name].outer_step
        pairs.append((arm.initialization, two.arms[name].initialization))
        pairs += zip(arm.moments, two.arms[name].moments, strict=True)
    return all(torch.equal(*pair) for pair in pairs)


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES.keys())
@pytest.mark.parametrize("most", [2, 64])
def test_they_are_the_same_bits(values: dict[str, Any], most: int) -> None:
    plan, other = prepared(values), prepared(values)
    state, single = training.start_run(plan), training.start_run(other)
    goes = []
    while state.outer_step < 100:
        count = min(most, 100 - state.outer_step, training.steps_at_once(plan, state))
        goes.append(count)
        state, losses = run_to_end(training.outer_step_in_chunks(plan, state, None, count))
        for step in range(count):
            single, expected = training.outer_step(other, single)
            for name, found in losses.items():
                assert torch.equal(found.view(count, 2)[step], expected[name]), name
        assert same(state, single)
    assert max(goes) == min(most, plan.block_steps), "no go crosses the end of a block"


def test_arms_of_one_shape_keep_their_own_optimizers() -> None:
    arms = [Arm(f"{own}", "maml", (("optimizer", own),)) for own in ("adam", "sgd")]
    plan, other = prepared({}, *arms), prepared({}, *arms)
    state, single = training.start_run(plan), training.start_run(other)
    for _ in range(4):
        state, _ = run_to_end(training.outer_step_in_chunks(plan, state, None, 3))
    for _ in range(12):
        single, _ = training.outer_step(other, single)
    assert same(state, single)


def test_a_go_that_is_dropped_leaves_the_state_whole() -> None:
    plan = prepared({})
    begun = training.start_run(plan)
    kept = {name: arm.initialization.clone() for name, arm in begun.arms.items()}
    work = training.outer_step_in_chunks(plan, begun, None, 8)
    assert [next(work), next(work)] == ["MAML", "FO-MAML"]
    work.close()
    for name, arm in begun.arms.items():
        assert torch.equal(arm.initialization, kept[name])
        assert not any(moment.any() for moment in arm.moments)


def test_a_library_without_that_function_takes_them_one_by_one() -> None:
    older = dataclasses.replace(kernels("compiled"), outer_steps={})
    shape = prepared({}).arms["MAML"].shape(prepared({}), 5)
    assert compiled.CompiledStep(older, shape, torch.float32).steps_per_call == 1


def test_how_many_are_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = prepared({})
    state = training.start_run(plan)
    assert training.steps_at_once(plan, state) == plan.block_steps == 64
    later = dataclasses.replace(state, outer_step=60)
    assert training.steps_at_once(plan, later) == 4, "to the end of the block"
    frozen = {name: dataclasses.replace(arm, frozen=True) for name, arm in state.arms.items()}
    assert training.steps_at_once(plan, dataclasses.replace(state, arms=frozen)) == 0
    single: list[dict[str, Any]] = [
        {"meta_batch": 4096, "hidden": (40, 40)},  # several calls each
        {"norm": "layer"},  # by recorded kernels
        {"second_order_from": 9},  # another gradient later
        {"multi_step_loss": True, "inner_steps": 3},
    ]
    for values in single:
        assert training.steps_at_once(prepared(values), state) == 0, values
    arms = tuple(map(default_arm, ("maml", "fomaml", "anil", "mtl")))
    for piece, count in (
        (compiled.PIECE, 18),
        (compiled.PIECE // 16, 1),
        (compiled.PIECE // 32, 0),
    ):
        monkeypatch.setattr(compiled, "PIECE", piece)  # a call takes no longer than that
        paper = prepare(Settings().with_arms(arms))
        assert training.steps_at_once(paper, training.start_run(paper)) == count
