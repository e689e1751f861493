"""Feature reuse or rapid learning: similarity of features, change of parameters, freeze test."""

from __future__ import annotations

from collections.abc import Generator, Mapping

from torch import Tensor

from maml_explorer.core.families.sine import query_grid
from maml_explorer.core.insight.empty_view import Nothing
from maml_explorer.core.insight.features import GRID_POINTS, feature_change, freeze_test
from maml_explorer.core.insight.learner import meta_test_learner
from maml_explorer.core.meta_test import summarize
from maml_explorer.core.plan import Plan
from maml_explorer.core.training import RunState
from maml_explorer.protocol.insight import NothingToShow, Option
from maml_explorer.protocol.insight_records.features import FeaturesSeen
from maml_explorer.worker.answers import frozen_array
from maml_explorer.worker.insight.request_options import layer_names, whole_number
from maml_explorer.worker.insight.shared import arm_by_arm, numbers, said, shares, some_tasks

TASKS = 60

Seen = FeaturesSeen | NothingToShow


def see_features(
    plan: Plan, state: RunState, options: Mapping[str, Option]
) -> Generator[float, None, dict[str, Seen]]:
    """arm → `FeaturesSeen` on `TASKS` held-out tasks, with the inner loop of the meta-test.

    Option `steps`: inner steps, those of the setting unless given.
    """
    steps = whole_number(options, "steps", plan.settings.run.test_steps)

    def of_arm(name: str, theta: Tensor) -> Generator[float, None, Seen]:
        return _of_arm(plan, name, theta, steps)

    return (yield from arm_by_arm(state, of_arm))


def _of_arm(plan: Plan, name: str, theta: Tensor, steps: int) -> Generator[float, None, Seen]:
    learner = meta_test_learner(plan, name, theta, steps)
    batch = some_tasks(plan, TASKS, theta)
    x = query_grid(plan.settings.tasks, GRID_POINTS)
    if plan.model.inputs > 1:  # inputs of several tasks stand for all
        x = batch.inputs[:, batch.shots :].reshape(-1, batch.inputs.shape[2])[:GRID_POINTS]
    change = yield from shares(feature_change(learner, batch, x), 2 * TASKS)
    if isinstance(change, Nothing):
        return said(change)
    errors = yield from shares(freeze_test(learner, batch), 2 * TASKS)
    if isinstance(errors, Nothing):
        return said(errors)
    frozen = summarize(errors, plan.settings)
    similarity, similarity_spread = change.mean_and_spread(change.similarity)
    moved, moved_spread = change.mean_and_spread(change.parameter_change)
    return FeaturesSeen(
        layers=layer_names(plan),
        steps=steps,
        tasks=TASKS,
        diverged=change.diverged,
        similarity=frozen_array(similarity),
        similarity_spread=frozen_array(similarity_spread),
        change=frozen_array(moved),
        change_spread=frozen_array(moved_spread),
        frozen_error=numbers(frozen.mean_kept),
        # the interval is over all tasks, the mean over those that did not diverge
        frozen_half=numbers(
            [
                None if lost else half
                for half, lost in zip(frozen.ci95, frozen.diverged, strict=True)
            ]
        ),
        frozen_diverged=frozen.diverged,
    )
