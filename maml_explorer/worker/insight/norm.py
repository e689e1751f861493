"""Statistics of every hidden layer along the adaptation, current and stored."""

from __future__ import annotations

from collections.abc import Generator, Mapping

import torch
from torch import Tensor

from maml_explorer.core.insight.empty_view import Nothing
from maml_explorer.core.insight.norm_statistics import norm_statistics
from maml_explorer.core.plan import Plan
from maml_explorer.core.training import RunState
from maml_explorer.protocol.commands import Array
from maml_explorer.protocol.insight import NothingToShow, Option
from maml_explorer.protocol.insight_records.norm import NormLayer, NormSeen
from maml_explorer.worker.answers import frozen_array
from maml_explorer.worker.insight.request_options import asked_learner
from maml_explorer.worker.insight.shared import said, shares, some_tasks

TASKS = 40


def see_norm(
    plan: Plan, state: RunState, options: Mapping[str, Option]
) -> Generator[float, None, NormSeen | NothingToShow]:
    """The statistics of the arm `arm` on `TASKS` held-out tasks, for all inner steps."""
    learner = asked_learner(plan, state, options)
    if isinstance(learner, NothingToShow):
        return learner
    batch = some_tasks(plan, TASKS, learner.theta)
    found = yield from shares(norm_statistics(learner, batch), TASKS)
    if isinstance(found, Nothing):
        return said(found)
    return NormSeen(
        norm=found.norm,
        words=found.words,
        layers=tuple(
            NormLayer(
                mean=frozen_array(layer.mean),
                variance=frozen_array(layer.variance),
                stored_mean=_or_empty(layer.stored_mean),
                stored_variance=_or_empty(layer.stored_variance),
                gap=_or_empty(layer.gap),
            )
            for layer in found.layers
        ),
        current_error=frozen_array(found.current_error),
        stored_error=_or_empty(found.stored_error),
        tasks=TASKS,
        diverged=found.diverged,
    )


def _or_empty(values: Tensor | None) -> Array:
    return frozen_array(torch.zeros(0) if values is None else values)
