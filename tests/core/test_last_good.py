"""The newest states known to be fine: what is confirmed when, and what a change leaves."""

from __future__ import annotations

import dataclasses

import torch

from maml_explorer.core.last_good import LastGood
from maml_explorer.core.training import ArmState, RunState


def at(outer_step: int, frozen: tuple[str, ...] = (), arms: str = "ab") -> RunState:
    """A state whose arms are told apart by their outer steps."""
    return RunState(
        outer_step,
        generator_state=torch.zeros(0),
        arms={name: ArmState(torch.zeros(1), (), outer_step, name in frozen) for name in arms},
    )


def test_a_state_is_good_once_the_losses_after_it_were_fine() -> None:
    good = LastGood.begin(at(0))
    for step in (1, 2, 3):
        good = good.confirmed(at(step))
        assert good.whole.outer_step == good.verified.outer_step == step - 1
        assert {name: known.outer_step for name, known in good.of_arm.items()} == {
            "a": step - 1,
            "b": step - 1,
        }


def test_where_an_arm_is_frozen_the_others_move_on_alone() -> None:
    good = LastGood.begin(at(0)).confirmed(at(1)).confirmed(at(2))
    good = good.confirmed(at(3, frozen=("b",)))
    assert (good.whole.outer_step, good.verified.outer_step) == (1, 1)
    assert (good.of_arm["a"].outer_step, good.of_arm["b"].outer_step) == (2, 1)
    good = good.confirmed(at(4, frozen=("b",)))
    assert (good.whole.outer_step, good.verified.outer_step) == (1, 3)
    assert (good.of_arm["a"].outer_step, good.of_arm["b"].outer_step) == (3, 1)


def test_a_revived_arm_is_confirmed_anew() -> None:
    good = LastGood.begin(at(0)).confirmed(at(1)).confirmed(at(2, frozen=("b",)))
    good = good.confirmed(at(3))  # revived in between: 2 does not count for it
    assert (good.whole.outer_step, good.of_arm["b"].outer_step) == (0, 0)
    good = good.confirmed(at(4))
    assert (good.whole.outer_step, good.of_arm["b"].outer_step) == (3, 3)


def test_a_change_keeps_what_was_good_and_forgets_the_candidate() -> None:
    def without_a(state: RunState) -> RunState:
        return dataclasses.replace(state, arms={"b": state.arms["b"], "c": begun})

    begun = at(0, arms="c").arms["c"]
    good = LastGood.begin(at(0)).confirmed(at(1)).confirmed(at(2))
    good = good.changed(without_a(at(2)), without_a)
    assert list(good.whole.arms) == list(good.verified.arms) == ["b", "c"]
    assert list(good.of_arm) == ["a", "b"], "an arm that begins anew has no good state yet"
    assert good.kept("c") is None and good.kept("b") is not None
    assert good.kept("a") is None, "it left, and may come back"
    good = good.confirmed(at(3, arms="bc"))
    assert good.whole.outer_step == 1, "the state before the change was no candidate any more"
    assert good.confirmed(at(4, arms="bc")).of_arm["c"].outer_step == 3
