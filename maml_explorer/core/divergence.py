"""The rule by which an arm counts as diverged, with and without the window, and on resuming."""

from __future__ import annotations

from maml_explorer.core.implicit_gradient import failure_words
from maml_explorer.core.meta_test import at_theta
from maml_explorer.core.plan import ArmPlan, Plan
from maml_explorer.core.training import Losses, start_arm

EXPLODING = 1e4
"""A training loss this many times the loss of predicting 0, or of θ_0, counts as diverged."""


def refusal(arm: ArmPlan, losses: Losses) -> str:
    """Words on why the outer gradient of a step was not followed; "" where it was followed.

    Args:
        losses: of the step.
    """
    pull = arm.inner.step_sizes.pull
    if pull is None or len(losses) < 4:
        return ""
    residual, curvature = losses[2:].tolist()
    return failure_words(residual, curvature, pull.solve_steps, arm.settings.inner.proximal)


def overshoot(arm: ArmPlan) -> str:
    """Words on an inner step that goes beyond the proximal pull; "" where it does not.

    On the pull alone a step multiplies φ − θ by 1 − αλ, so above α = 2/λ it grows.
    """
    rate, strength = arm.settings.inner.inner_lr, arm.settings.inner.proximal
    if arm.inner.step_sizes.pull is None or rate * strength <= 2:
        return ""
    return f" (α = {rate:g} is above 2/λ = {2 / strength:g}, so the pull to θ overshoots: lower α)"


def loss_limit(plan: Plan, arm_name: str) -> float:
    """The training loss above which an arm has diverged; NaN is above every limit.

    The measure is the family's loss of guessing. For sines it is the larger of two exact expected
    losses on noisy targets: of predicting 0, and of θ_0, which is the larger one where tasks are
    small or the initialization is large. It follows
    from the settings, so whoever trains judges alike, wherever the run was begun.
    """
    if arm_name not in plan.loss_limits:
        outputs = at_theta(plan.model, start_arm(plan, arm_name).initialization)
        expected = plan.family.guess_loss(plan.settings, outputs)
        plan.loss_limits[arm_name] = EXPLODING * max(expected, 1e-6)
    return plan.loss_limits[arm_name]
