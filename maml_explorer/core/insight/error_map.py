"""Map of what an initialization can learn: the error after adaptation, over tasks and data."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from maml_explorer.core.families.table import family_of
from maml_explorer.core.insight.empty_view import NO_TASKS, NOT_FINITE, NOTHING_ADAPTS, Nothing
from maml_explorer.core.insight.held_out_tasks import batch_at
from maml_explorer.core.insight.learner import Learner
from maml_explorer.core.insight.work_progress import counted_from
from maml_explorer.core.meta_test import TestRecord, held_out_figures, summarize
from maml_explorer.settings.groups import TaskSettings
from maml_explorer.settings.settings import Settings


@dataclass(frozen=True)
class ErrorMap:
    """Query errors over a plane of tasks; float64 on the CPU, not finite where diverged."""

    amplitudes: Tensor
    """[amplitude]"""
    phases: Tensor
    """[phase]"""
    errors: Tensor
    """[inner step 0 … K, amplitude, phase]: mean squared error against clean targets, averaged
    over support sets."""
    frequency: float
    """Of all these tasks: the middle of its range."""


@dataclass(frozen=True)
class DataMap:
    """Query errors over shots and inner steps."""

    shots: tuple[int, ...]
    records: tuple[TestRecord, ...]
    """Per number of shots the figures by inner step 0 … K."""


def error_map(
    learner: Learner,
    settings: TaskSettings,
    amplitudes: Tensor,
    phases: Tensor,
    shots: int,
    generator: torch.Generator,
    draws: int = 1,
) -> Generator[int, None, ErrorMap | Nothing]:
    """Errors over amplitude × phase, at the middle frequency; yields tasks done so far.

    All tasks see the same support x and noise, so that neighbours differ by the task alone. With
    no inner steps the map is of θ itself.

    Args:
        amplitudes, phases: [amplitude], [phase]; beyond the ranges trained on too.
        generator: of the support sets.
        draws: support sets averaged over.
    """
    if not bool(torch.isfinite(learner.theta).all()):
        return NOT_FINITE
    if learner.start >= learner.model.depth and learner.steps:
        return NOTHING_ADAPTS
    if not len(amplitudes) or not len(phases) or shots < 1:
        return NO_TASKS
    frequency = (settings.frequency_min + settings.frequency_max) / 2
    only = torch.tensor([frequency], dtype=torch.float64)
    grid = torch.cartesian_prod(amplitudes.double(), phases.double(), only).view(-1, 3)
    total = torch.zeros(learner.steps + 1, len(grid), dtype=torch.float64)
    done = 0
    for _ in range(draws):
        batch = batch_at(settings, grid, shots, generator, learner.theta)
        columns = []
        for piece in learner.pieces(batch):
            x = learner.features(piece.inputs[:, shots:])
            goal = piece.y[:, shots:]
            columns.append(
                torch.stack(
                    [
                        (learner.model.forward(phi, x, step=k).output - goal)
                        .double()
                        .square()
                        .mean((1, 2))
                        for k, phi in enumerate(learner.path(piece).parameters)
                    ]
                ).cpu()
            )
            done += len(piece.tasks)
            yield done
        total += torch.cat(columns, 1)
    errors = (total / draws).view(-1, len(amplitudes), len(phases))
    return ErrorMap(amplitudes.double(), phases.double(), errors, frequency)


def data_map(
    learner: Learner,
    settings: Settings,
    shots: Sequence[int],
    tasks: int,
) -> Generator[int, None, DataMap | Nothing]:
    """Errors over shots × inner steps, by the meta-test's protocol; yields tasks done so far.

    The same tasks for all shots, their support sets nested, so that rows are comparable. They come
    from the stream (seed, "error map").
    """
    if not bool(torch.isfinite(learner.theta).all()):
        return NOT_FINITE
    if learner.start >= learner.model.depth and learner.steps:
        return NOTHING_ADAPTS
    if not shots or min(shots) < 1 or tasks < 1:
        return NO_TASKS
    records: list[TestRecord] = []
    for index, count in enumerate(shots):
        held = family_of(settings).held_out(
            settings, tasks, count, "error map", learner.theta.dtype
        )
        work = held_out_figures(
            learner.model, learner.theta, learner.start, learner.step_sizes, held,
            steps=learner.steps, task_count=tasks,
        )  # fmt: skip
        errors = yield from counted_from(index * tasks, work)
        records.append(summarize(errors, settings))
    return DataMap(tuple(shots), tuple(records))
