"""Activations and weights of one layer, before and after adaptation to the task shown above."""

from __future__ import annotations

from collections.abc import Generator, Mapping

from maml_explorer.core.families.sine import query_grid
from maml_explorer.core.insight.empty_view import Nothing
from maml_explorer.core.insight.features import layer_view
from maml_explorer.core.plan import Plan
from maml_explorer.core.training import RunState
from maml_explorer.protocol.insight import NothingToShow, Option
from maml_explorer.protocol.insight_records.layer import LayerSeen
from maml_explorer.worker.answers import frozen_array
from maml_explorer.worker.insight.request_options import (
    asked_learner,
    asked_task,
    layer_names,
    whole_number,
)
from maml_explorer.worker.insight.shared import said

POINTS = 100
NO_AXIS = NothingToShow("A layer is drawn over x, and these tasks have several inputs.")
NO_POINTS = NothingToShow("The task above has no support points: add one to see it adapt.")


def see_layer(
    plan: Plan, state: RunState, options: Mapping[str, Option]
) -> Generator[float, None, LayerSeen | NothingToShow]:
    """One layer at `POINTS` equally spaced x.

    Options `arm`, `layer` (from 0), `steps`, and the task `x`, `y`.
    """
    yield 0.0
    if plan.model.inputs > 1:
        return NO_AXIS
    learner = asked_learner(plan, state, options)
    if isinstance(learner, NothingToShow):
        return learner
    batch = asked_task(plan, options, learner.theta)
    if batch is None:
        return NO_POINTS
    layer = min(max(whole_number(options, "layer", 0), 0), learner.model.depth - 1)
    x = query_grid(plan.settings.tasks, POINTS)
    seen = layer_view(learner, batch, layer, x)
    if isinstance(seen, Nothing):
        return said(seen)
    return LayerSeen(
        layer=layer_names(plan)[layer],
        steps=learner.steps,
        x=frozen_array(x),
        before=frozen_array(seen.before),
        after=frozen_array(seen.after),
        weights_before=frozen_array(seen.weights_before),
        weights_after=frozen_array(seen.weights_after),
    )
