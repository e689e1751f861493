"""Effect of a settings change on a run, between two outer steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import torch

from maml_explorer.core.learned import beginning_of
from maml_explorer.core.learned_rates import LearnedRates, with_steps
from maml_explorer.core.plan import Plan, learned_rates
from maml_explorer.core.training import ArmState, LeftArm, RunState, start_arm, with_arms_of
from maml_explorer.settings.restart import begun_again, needs_restart
from maml_explorer.settings.settings import Settings


def after_change(
    plan: Plan, state: RunState, old: Settings, new: Settings, back: Collection[str] = ()
) -> RunState:
    """The state with late arms begun, removed arms left out, and redefined arms begun again.

    Args:
        plan: of the new settings.
        state: before the change.
        old: settings before.
        new: settings from the next outer step on.
        back: names of arms that go on as they were when they left, where they are known.
    """
    again, stays = begun_again(old, new), {arm.name for arm in new.arms}
    arms = {
        name: with_changed_rates(plan, name, arm, old)
        for name, arm in state.arms.items()
        if name not in again
    }
    left = dict(state.left)
    for arm in [arm for arm in new.arms if arm.name in again and arm.name in back]:
        known = left.pop(arm, None)
        if known is not None and not needs_restart(known.settings.of_arm(arm), new.of_arm(arm)):
            arms[arm.name] = with_changed_rates(plan, arm.name, known.state, known.settings)
    for arm in old.arms:
        if arm.name in state.arms and (arm.name in again or arm.name not in stays):
            left[arm] = LeftArm(old, state.arms[arm.name])
    return with_arms_of(plan, dataclasses.replace(state, arms=arms, left=left))


def with_changed_rates(plan: Plan, arm_name: str, state: ArmState, old: Settings) -> ArmState:
    """The arm's state with its learned step sizes as they are after a change of the settings.

    They follow a change of α in proportion, from 0 by adding it, and become as many as the inner
    steps need.
    """
    arm, known = plan.arms.get(arm_name), {arm.name: arm for arm in old.arms}
    if arm is None or arm_name not in known:
        return state
    own = old.of_arm(known[arm_name])
    was, now = learned_rates(own, arm.algorithm, plan.model), arm.learned
    alpha, count = arm.settings.inner.inner_lr, plan.model.parameter_count
    vector, moments = state.initialization, state.moments
    if isinstance(was, LearnedRates) and own.inner.inner_lr != alpha:
        rates, before = vector[count:], own.inner.inner_lr
        # in proportion to 0 they would stay 0, whatever α is chosen afterwards
        vector = torch.cat([vector[:count], rates * (alpha / before) if before else rates + alpha])
    if was != now:
        first = vector[:0] if now is None else beginning_of(now, arm.settings, plan.model, vector)
        vector = with_steps(vector, plan.model, was, now, first)
        still = torch.zeros_like(first)
        moments = tuple(with_steps(one, plan.model, was, now, still) for one in moments)
    return dataclasses.replace(state, initialization=vector, moments=moments)


def frozen_arm(plan: Plan, state: RunState, kept: ArmState | None, arm_name: str) -> RunState:
    """The state with one arm set back to `kept`, or to its beginning, where it stays."""
    kept = start_arm(plan, arm_name) if kept is None else kept
    arms = {**state.arms, arm_name: dataclasses.replace(kept, frozen=True)}
    return dataclasses.replace(state, arms=arms)


def revived_arm(state: RunState, arm_name: str) -> RunState:
    """The state with a frozen arm that goes on."""
    arm = dataclasses.replace(state.arms[arm_name], frozen=False)
    return dataclasses.replace(state, arms={**state.arms, arm_name: arm})
