"""The error after adaptation, over tasks and over data."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping

import torch
from torch import Tensor

from maml_explorer.core.insight.empty_view import Nothing
from maml_explorer.core.insight.error_map import data_map, error_map
from maml_explorer.core.insight.held_out_tasks import batch_at
from maml_explorer.core.plan import Plan
from maml_explorer.core.streams import stream
from maml_explorer.core.training import RunState
from maml_explorer.protocol.insight import NothingToShow, Option
from maml_explorer.protocol.insight_records.error_map import DataMapSeen, ErrorMapSeen
from maml_explorer.settings.groups import TaskSettings
from maml_explorer.worker.answers import frozen_array
from maml_explorer.worker.insight.request_options import asked_learner
from maml_explorer.worker.insight.shared import numbers, said, shares

AMPLITUDES, PHASES = 21, 33
BEYOND = 1.5
"""The map goes so many times as far as the largest amplitude."""
SHOTS = (1, 2, 3, 5, 7, 10, 15, 20)
TASKS = 60


def see_error_map(
    plan: Plan, state: RunState, options: Mapping[str, Option]
) -> Generator[float, None, ErrorMapSeen | NothingToShow]:
    """Errors over amplitude × phase for every inner step of the meta-test. Option `arm`."""
    learner = asked_learner(plan, state, options)
    if isinstance(learner, NothingToShow):
        return learner
    tasks, shots = plan.settings.tasks, plan.settings.inner.shots
    amplitudes, phases = plane_of_tasks(tasks)

    def draw() -> torch.Generator:
        return stream(plan.settings.run.seed, "insight error map")

    work = error_map(learner, tasks, amplitudes, phases, shots, draw())
    found = yield from shares(work, AMPLITUDES * PHASES)
    if isinstance(found, Nothing):
        return said(found)
    nothing = batch_at(tasks, torch.zeros(1, 3), shots, draw(), learner.theta.double())
    return ErrorMapSeen(
        amplitudes=frozen_array(amplitudes),
        phases=frozen_array(phases),
        errors=frozen_array(found.errors),
        trained=(tasks.amplitude_min, tasks.amplitude_max, tasks.phase_min, tasks.phase_max),
        frequency=found.frequency,
        limit=plan.family.failure_limit(plan.settings),
        support_x=frozen_array(nothing.support.x[0, :, 0]),
        noise=frozen_array(nothing.support.y[0, :, 0]),  # the clean target of amplitude 0 is 0
    )


def plane_of_tasks(tasks: TaskSettings) -> tuple[Tensor, Tensor]:
    """(amplitudes, phases) of the map: the ranges trained on, and as much beyond as says more.

    Amplitudes begin at 0; phases reach all the way round once.
    """
    highest = BEYOND * tasks.amplitude_max or 1.0
    middle = (tasks.phase_min + tasks.phase_max) / 2
    half = max(math.pi, (tasks.phase_max - tasks.phase_min) / 2)
    return (
        torch.linspace(0.0, highest, AMPLITUDES, dtype=torch.float64),
        torch.linspace(middle - half, middle + half, PHASES, dtype=torch.float64),
    )


def see_data_map(
    plan: Plan, state: RunState, options: Mapping[str, Option]
) -> Generator[float, None, DataMapSeen | NothingToShow]:
    """Errors over shots × inner steps of the meta-test. Option `arm`."""
    learner = asked_learner(plan, state, options)
    if isinstance(learner, NothingToShow):
        return learner
    trained = plan.settings.inner.shots
    # of every class at least one drawing is left to ask for
    settings = plan.settings
    own = settings.tasks.own_key
    most = settings.images_of_class - 1 if settings.family.images else math.inf
    if settings.family.own_tasks and own is not None:
        most = own.support
    least = settings.tasks.batches if settings.family.stream else 1
    shots = tuple(sorted({*(count for count in SHOTS if least <= count <= most), trained}))
    work = data_map(learner, plan.settings, shots, TASKS)
    found = yield from shares(work, len(shots) * TASKS)
    if isinstance(found, Nothing):
        return said(found)
    return DataMapSeen(
        shots=shots,
        tasks=TASKS,
        errors=numbers([record.mean_kept for record in found.records]),
        median=numbers([record.median for record in found.records]),
        diverged=tuple(record.diverged for record in found.records),
        trained=trained,
    )
