"""Every view of a state, one after another: what a run without a window writes."""

from __future__ import annotations

from collections.abc import Iterator

from maml_explorer.core.meta_test import run_to_end
from maml_explorer.core.plan import Plan
from maml_explorer.core.training import RunState
from maml_explorer.protocol.insight import Insight, InsightRequest
from maml_explorer.worker.insight import VIEWS


def every_view(plan: Plan, state: RunState) -> Iterator[Insight]:
    """Results of each view, with its default options.

    Views of one arm are there once for each.
    """
    for name, view in VIEWS.items():
        requests = [InsightRequest.of(name)]
        if view.of_one_arm:
            requests = [InsightRequest.of(name, arm=arm) for arm in state.arms]
        for request in requests:
            value = run_to_end(view.begin(plan, state, request.values()))
            yield Insight(0, state.outer_step, request, value)
