"""The map of adapted parameters, and the path of the task shown above on it."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping

import torch
from torch import Tensor

from maml_explorer.core.insight.empty_view import Nothing
from maml_explorer.core.insight.parameter_map import parameter_map, polar_fit, projected_path
from maml_explorer.core.plan import Plan
from maml_explorer.core.training import RunState
from maml_explorer.protocol.insight import NothingToShow, Option
from maml_explorer.protocol.insight_records.parameter_map import ParameterMapSeen
from maml_explorer.worker.answers import frozen_array
from maml_explorer.worker.insight.request_options import asked_learner, asked_task
from maml_explorer.worker.insight.shared import said, shares, some_tasks

TASKS = 300


def see_parameter_map(
    plan: Plan, state: RunState, options: Mapping[str, Option]
) -> Generator[float, None, ParameterMapSeen | NothingToShow]:
    """The map of `TASKS` held-out tasks. Options `arm`, `steps`, and the task `x`, `y`."""
    learner = asked_learner(plan, state, options)
    if isinstance(learner, NothingToShow):
        return learner
    batch = some_tasks(plan, TASKS, learner.theta)
    found = yield from shares(parameter_map(learner, batch), TASKS)
    if isinstance(found, Nothing):
        return said(found)
    signs = _signs(found.coordinates, batch.tasks)
    fit = polar_fit(found.coordinates, batch.tasks)
    task = asked_task(plan, options, learner.theta)
    path = None if task is None else projected_path(learner, task, found.axes)
    shown = torch.zeros(0, 2) if path is None or isinstance(path, Nothing) else path[:, 0] * signs
    return ParameterMapSeen(
        steps=learner.steps,
        amplitude=frozen_array(batch.tasks[:, 0]),
        phase=frozen_array(batch.tasks[:, 1]),
        frequency=frozen_array(batch.tasks[:, 2]),
        coordinates=frozen_array(found.coordinates * signs),
        support_x=frozen_array(batch.support.x[..., 0]),
        support_y=frozen_array(batch.support.y[..., 0]),
        explained=found.explained,
        r_squared=math.nan if isinstance(fit, Nothing) else fit.r_squared,
        diverged=found.diverged,
        path=frozen_array(shown),
    )


def _signs(coordinates: Tensor, tasks: Tensor) -> Tensor:
    """±1 per axis [2], so that a live map does not flip.

    Each axis grows with that of A cos φ and A sin φ with which it goes most.
    """
    finite = torch.isfinite(coordinates).all(1)
    amplitude, phase, _ = tasks[finite].double().cpu().unbind(1)
    goal = torch.stack([amplitude * phase.cos(), amplitude * phase.sin()], 1)
    at = coordinates[finite]
    shared = (at - at.mean(0)).T @ (goal - goal.mean(0))
    strongest = shared.gather(1, shared.abs().argmax(1, keepdim=True))[:, 0]
    return torch.where(strongest < 0, -1.0, 1.0).double()
