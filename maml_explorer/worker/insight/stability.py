"""The stability of every arm's inner loop, and how long its outer gradient is."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping

from torch import Tensor

from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.insight.empty_view import Nothing
from maml_explorer.core.insight.gradient_parts import gradient_parts
from maml_explorer.core.insight.learner import Learner, training_learner
from maml_explorer.core.insight.stability import stability
from maml_explorer.core.plan import Plan
from maml_explorer.core.schedules import InForce
from maml_explorer.core.streams import stream
from maml_explorer.core.training import ArmState, RunState
from maml_explorer.protocol.insight import NothingToShow, Option
from maml_explorer.protocol.insight_records.stability import StabilitySeen
from maml_explorer.worker.answers import frozen_array
from maml_explorer.worker.insight.gradient import NO_INNER_LOOP, no_meta_gradient
from maml_explorer.worker.insight.shared import arm_by_arm, said, shares, some_tasks

TASKS = 10
ITERATIONS = 12
"""Of Lanczos: the light is always on, and the ends of the spectrum are found first."""

Seen = StabilitySeen | NothingToShow


def see_stability(
    plan: Plan, state: RunState, options: Mapping[str, Option]
) -> Generator[float, None, dict[str, Seen]]:
    """arm → `StabilitySeen` on `TASKS` held-out tasks, with the inner loop it trains with."""

    def of_arm(name: str, theta: Tensor) -> Generator[float, None, Seen]:
        return arm_stability(plan, name, state.arms[name])

    return (yield from arm_by_arm(state, of_arm))


def arm_stability(plan: Plan, name: str, arm: ArmState) -> Generator[float, None, Seen]:
    """The stability of one arm's inner loop at a state; yields the share done."""
    if plan.arms[name].algorithm.adapts == "none":
        return NO_INNER_LOOP
    learner = training_learner(plan, name, arm.initialization)
    batch = some_tasks(plan, TASKS, arm.initialization)
    vectors = stream(plan.settings.run.seed, "insight vectors")
    products = learner.steps * min(ITERATIONS, learner.tail_size)
    seen = yield from shares(stability(learner, batch, vectors, ITERATIONS), products)
    if isinstance(seen, Nothing):
        return said(seen)
    now = plan.arms[name].in_force(arm.outer_step)
    norm = yield from _gradient_norm(plan, name, learner, batch, now)
    eigenvalue, radius = (_worst(values) for values in (seen.overshoot, seen.radius))
    finite = eigenvalue[eigenvalue.isfinite()]
    return StabilitySeen(
        eigenvalue=frozen_array(eigenvalue),
        radius=frozen_array(radius),
        scalar=seen.curvature is not None,
        share_swinging=seen.share_overshooting,
        share_rising=seen.share_rising,
        share_above_one=seen.share_above_one,
        diverged=seen.diverged,
        median=float(finite.quantile(0.5)) if len(finite) else math.nan,
        largest=float(finite.max()) if len(finite) else math.nan,
        largest_radius=seen.maximum,
        gradient_norm=norm,
        worse=int(seen.worse.sum()),
    )


def _gradient_norm(
    plan: Plan, name: str, learner: Learner, batch: TaskBatch, now: InForce
) -> Generator[float, None, float]:
    if no_meta_gradient(plan, name) is not None:
        return math.nan
    parts = yield from shares(gradient_parts(learner, batch, now.query_weights), TASKS)
    if isinstance(parts, Nothing):
        return math.nan
    followed = parts.gradient if now.second_order else [f.mean(0) for f in parts.first]
    return math.sqrt(sum(float(layer.double().square().sum()) for layer in followed))


def _worst(values: Tensor) -> Tensor:
    """[task] the largest over the inner steps; NaN where any is."""
    return values.amax(0)
