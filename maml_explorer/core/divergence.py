"""The rule by which an arm counts as diverged, with and without the window, and on resuming."""

from __future__ import annotations

from maml_explorer.core.families.sine import best_single_mse, predict_zero_mse
from maml_explorer.core.meta_test import best_single_gap
from maml_explorer.core.plan import Plan
from maml_explorer.core.training import start_arm

EXPLODING = 1e4
"""A training loss this many times the loss of predicting 0, or of θ_0, counts as diverged."""


def loss_limit(plan: Plan, arm_name: str) -> float:
    """The training loss above which an arm has diverged; NaN is above every limit.

    The measure is the larger of two exact expected losses on noisy targets: of predicting 0, and of
    θ_0, which is the larger one where tasks are small or the initialization is large. Both follow
    from the settings, so whoever trains judges alike, wherever the run was begun.
    """
    if arm_name not in plan.loss_limits:
        tasks = plan.settings.tasks
        beginning = best_single_mse(tasks) + best_single_gap(
            plan.model, start_arm(plan, arm_name).initialization, tasks
        )
        expected = max(predict_zero_mse(tasks), beginning) + tasks.noise**2
        plan.loss_limits[arm_name] = EXPLODING * max(expected, 1e-6)
    return plan.loss_limits[arm_name]
