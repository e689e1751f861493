"""Every arm's meta-gradient against finite differences."""

from __future__ import annotations

from collections.abc import Generator, Mapping

from torch import Tensor

from maml_explorer.core.insight.empty_view import Nothing
from maml_explorer.core.insight.gradient_parts import difference_check
from maml_explorer.core.insight.learner import training_learner
from maml_explorer.core.plan import Plan
from maml_explorer.core.streams import stream
from maml_explorer.core.training import RunState
from maml_explorer.protocol.insight import NothingToShow, Option
from maml_explorer.protocol.insight_records.check import CheckSeen
from maml_explorer.worker.answers import frozen_array
from maml_explorer.worker.insight.gradient import TASKS, no_meta_gradient, query_weights
from maml_explorer.worker.insight.shared import arm_by_arm, said, shares, some_tasks

DIRECTIONS = 8

Seen = CheckSeen | NothingToShow


def see_check(
    plan: Plan, state: RunState, options: Mapping[str, Option]
) -> Generator[float, None, dict[str, Seen]]:
    """arm → `CheckSeen` on the tasks of the gradient view."""

    def of_arm(name: str, theta: Tensor) -> Generator[float, None, Seen]:
        return _of_arm(plan, name, theta, query_weights(plan, state, name))

    return (yield from arm_by_arm(state, of_arm))


def _of_arm(
    plan: Plan, name: str, theta: Tensor, weights: tuple[float, ...]
) -> Generator[float, None, Seen]:
    none = no_meta_gradient(plan, name)
    if none is not None:
        return none
    learner = training_learner(plan, name, theta)
    batch = some_tasks(plan, TASKS, theta)
    directions = stream(plan.settings.run.seed, "insight directions")
    work = difference_check(learner, batch, directions, DIRECTIONS, weights)
    found = yield from shares(work, DIRECTIONS)
    if isinstance(found, Nothing):
        return said(found)
    return CheckSeen(
        measured=frozen_array(found.measured),
        second_order=frozen_array(found.second_order),
        first_order=frozen_array(found.first_order),
        error=found.error,
        first_order_error=found.first_order_error,
        smooth=plan.model.smooth,
        tasks=TASKS,
        implicit=learner.step_sizes.pull is not None,
    )
