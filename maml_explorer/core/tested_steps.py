"""Inner steps of an arm at meta-test and in the window."""

from __future__ import annotations

import dataclasses

from torch import Tensor

from maml_explorer.core.adaptation import StepSizes, still_layers, tail_start
from maml_explorer.core.plan import Plan
from maml_explorer.settings.phases import tested_layers


def test_step_sizes(plan: Plan, arm_name: str, learned: Tensor) -> tuple[int, StepSizes]:
    """(first adapting layer, step sizes) of an arm at meta-test and in the window.

    Args:
        learned: what the arm has learned: θ and, where it learns them, its step sizes behind it.
    """
    arm = plan.arms[arm_name]
    if arm.learned is not None:
        return arm.inner.start, arm.step_sizes(plan.model, learned)
    start = test_start(plan, arm_name)
    layers = (arm.inner_lr,) * (plan.model.depth - start)
    still = still_layers(arm.algorithm.test_adapts)
    return start, dataclasses.replace(arm.inner.step_sizes, steps=(layers,), still=still)


def test_start(plan: Plan, arm_name: str) -> int:
    """The first layer of an arm that adapts at meta-test and in the window."""
    arm = plan.arms[arm_name]
    adapts = tested_layers(arm.settings, arm.algorithm)
    return tail_start(plan.model, adapts, arm.settings.inner.head_layers)
