"""The meta-gradient of every arm, split into the query gradient and the Hessian correction."""

from __future__ import annotations

from collections.abc import Generator, Mapping

from torch import Tensor

from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.insight.empty_view import Nothing
from maml_explorer.core.insight.gradient_parts import gradient_parts
from maml_explorer.core.insight.implicit import implicit_solution
from maml_explorer.core.insight.learner import Learner, training_learner
from maml_explorer.core.plan import Plan
from maml_explorer.core.training import RunState
from maml_explorer.protocol.insight import NothingToShow, Option
from maml_explorer.protocol.insight_records.gradient import WHOLE, GradientSeen, Solved
from maml_explorer.worker.answers import frozen_array
from maml_explorer.worker.insight.request_options import layer_names
from maml_explorer.worker.insight.shared import arm_by_arm, said, shares, some_tasks

TASKS = 25
NO_META_GRADIENT = NothingToShow(
    "Reptile takes no meta-gradient: it moves θ towards the adapted parameters."
)
NO_INNER_LOOP = NothingToShow(
    "Joint training has no inner loop: its gradient is the query gradient, without a correction."
)

Seen = GradientSeen | NothingToShow


def see_gradient(
    plan: Plan, state: RunState, options: Mapping[str, Option]
) -> Generator[float, None, dict[str, Seen]]:
    """arm → `GradientSeen` on `TASKS` held-out tasks, with the inner loop it trains with."""

    def of_arm(name: str, theta: Tensor) -> Generator[float, None, Seen]:
        return _of_arm(plan, name, theta, query_weights(plan, state, name))

    return (yield from arm_by_arm(state, of_arm))


def no_meta_gradient(plan: Plan, arm_name: str) -> NothingToShow | None:
    """Reason why an arm has no meta-gradient to split; None where it has one."""
    algorithm = plan.arms[arm_name].algorithm
    if algorithm.outer_rule == "interpolation":
        return NO_META_GRADIENT
    return NO_INNER_LOOP if algorithm.adapts == "none" else None


def query_weights(plan: Plan, state: RunState, arm_name: str) -> tuple[float, ...]:
    """w_0 … w_K of the outer loss that an arm trains on at the moment."""
    return plan.arms[arm_name].in_force(state.arms[arm_name].outer_step).query_weights


def _of_arm(
    plan: Plan, name: str, theta: Tensor, weights: tuple[float, ...]
) -> Generator[float, None, Seen]:
    none = no_meta_gradient(plan, name)
    if none is not None:
        return none
    learner = training_learner(plan, name, theta)
    batch = some_tasks(plan, TASKS, theta)
    parts = yield from shares(gradient_parts(learner, batch, weights), TASKS)
    if isinstance(parts, Nothing):
        return said(parts)
    summary = parts.summary()
    return GradientSeen(
        layers=(*layer_names(plan), WHOLE),
        first_norm=frozen_array(summary.first_norm),
        correction_norm=frozen_array(summary.correction_norm),
        norm=frozen_array(summary.norm),
        cosine=frozen_array(summary.cosine),
        task_cosines=frozen_array(summary.task_cosines),
        mean_task_cosine=summary.mean_task_cosine,
        solution=_solved(learner, batch),
    )


def _solved(learner: Learner, batch: TaskBatch) -> Solved | None:
    if learner.step_sizes.pull is None:
        return None
    found = implicit_solution(learner, batch)
    residual, curvature = found.solution.figures.tolist()
    return Solved(residual, curvature, float(found.rest.mean()))
