"""The losses on a plane through θ, and inner paths on it."""

from __future__ import annotations

from collections.abc import Generator, Mapping

import torch
from torch import Tensor

from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.insight.empty_view import Nothing
from maml_explorer.core.insight.held_out_tasks import part
from maml_explorer.core.insight.landscape import (
    Plane,
    PlanePaths,
    plane_paths,
    plane_through,
    surface,
    task_plane,
)
from maml_explorer.core.insight.learner import Learner, flat
from maml_explorer.core.insight.parameter_map import parameter_map
from maml_explorer.core.plan import Plan
from maml_explorer.core.training import RunState
from maml_explorer.protocol.insight import NothingToShow, Option
from maml_explorer.protocol.insight_records.landscape import LandscapeSeen
from maml_explorer.worker.answers import frozen_array
from maml_explorer.worker.insight.request_options import asked_learner, asked_task, whole_number
from maml_explorer.worker.insight.shared import said, shares, some_tasks

FIRST, SECOND = 41, 17
WIDE = 2.4
"""The plane is at least so many times as wide as high: the panel is."""
TASKS = 8
MAP_TASKS = 100


def see_landscape(
    plan: Plan, state: RunState, options: Mapping[str, Option]
) -> Generator[float, None, LandscapeSeen | NothingToShow]:
    """Losses and paths of one arm.

    Options `arm`, `axes` ("tasks", the updates of two tasks, or "components"), `m` inner steps from
    every point, and the task `x`, `y`, `amplitude`, `phase`.
    """
    learner = asked_learner(plan, state, options)
    if isinstance(learner, NothingToShow):
        return learner
    unable = learner.unable()
    if unable is not None:
        return said(unable)
    shown = asked_task(plan, options, learner.theta)
    others = some_tasks(plan, TASKS, learner.theta)
    if options.get("axes") == "components":
        plane = yield from shares(_component_plane(plan, learner), 10 * MAP_TASKS)
    else:
        plane = _pair_plane(learner, shown, others)
    if isinstance(plane, Nothing):
        return said(plane)
    batches = [others] if shown is None else [shown, others]
    found = [plane_paths(learner, plane, batch) for batch in batches]
    paths = [one for one in found if not isinstance(one, Nothing)]
    first, second = _grid(paths)
    at = torch.cartesian_prod(first, second)
    steps = whole_number(options, "m", 0)
    surfaces = []
    for batch in batches:
        losses = yield from shares(surface(learner, plane, at, batch, steps), len(at))
        if isinstance(losses, Nothing):
            return said(losses)
        surfaces.append(
            [rows.mean(1).view(FIRST, SECOND) for rows in (losses.support, losses.query)]
        )
    own = surfaces[0] if shown is not None else [torch.zeros(0, 0)] * 2
    known = shown is not None and bool(torch.isfinite(shown.tasks).all())
    return LandscapeSeen(
        inner_steps=steps,
        first=frozen_array(first),
        second=frozen_array(second),
        support=frozen_array(own[0]),
        query=frozen_array(own[1] if known else torch.zeros(0, 0)),
        mean_support=frozen_array(surfaces[-1][0]),
        mean_query=frozen_array(surfaces[-1][1]),
        tasks=frozen_array(torch.cat([batch.tasks for batch in batches])),
        paths=frozen_array(torch.cat([one.coordinates for one in paths], 1)),
        distance=frozen_array(torch.cat([one.distance[-1] for one in paths])),
        shown=shown is not None,
        others=TASKS,
    )


def _pair_plane(learner: Learner, shown: TaskBatch | None, others: TaskBatch) -> Plane | Nothing:
    """The plane of the task shown above and another one, or of two others."""
    if shown is None:
        return task_plane(learner, others)
    moved = [
        (flat(learner.path(batch).parameters[-1], 1) - flat(learner.layers[learner.start :], 1))[0]
        for batch in (shown, part(others, 0, 1))
    ]
    return plane_through(learner, *moved)


def _component_plane(plan: Plan, learner: Learner) -> Generator[int, None, Plane | Nothing]:
    found = yield from parameter_map(learner, some_tasks(plan, MAP_TASKS, learner.theta))
    return found if isinstance(found, Nothing) else plane_through(learner, *found.axes)


def _grid(paths: list[PlanePaths]) -> tuple[Tensor, Tensor]:
    """(first [FIRST], second [SECOND]) coordinates of a box around all paths, wider than high."""
    boxes = torch.tensor([one.extent() for one in paths], dtype=torch.float64)
    left, bottom = boxes[:, 0].min(), boxes[:, 2].min()
    right, top = boxes[:, 1].max(), boxes[:, 3].max()
    missing = (WIDE * (top - bottom) - (right - left)).clamp_min(0) / 2
    left, right = left - missing, right + missing
    return (
        torch.linspace(float(left), float(right), FIRST, dtype=torch.float64),
        torch.linspace(float(bottom), float(top), SECOND, dtype=torch.float64),
    )
