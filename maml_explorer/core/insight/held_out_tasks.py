"""Tasks to look at: their support sets as at meta-test, their queries clean and equally spaced."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from maml_explorer.core.families.batch import Points, TaskBatch, with_ones
from maml_explorer.core.families.curve_tasks import clean_targets, held_out_tasks
from maml_explorer.core.families.sine import query_grid
from maml_explorer.settings.groups import TaskSettings

QUERY_POINTS = 100


def held_out_batch(
    settings: TaskSettings, tasks: int, shots: int, generator: torch.Generator, like: Tensor
) -> TaskBatch:
    """So many held-out tasks, of the dtype and on the device of `like`.

    The supports are those of the meta-test's protocol, nested over shots.
    """
    drawn, support = held_out_tasks(settings, tasks, shots, generator, torch.float64)
    return with_query(settings, drawn, support, like)


def batch_at(
    settings: TaskSettings, tasks: Tensor, shots: int, generator: torch.Generator, like: Tensor
) -> TaskBatch:
    """Given tasks [task, 3], all with the same support x and the same noise.

    What then differs between two tasks is the task alone, so an error map is smooth.
    """
    # a task range of zero width around anything: only its x and its noise are used
    one = dataclasses.replace(settings, amplitude_min=0.0, amplitude_max=0.0)
    _, support = held_out_tasks(one, 1, shots, generator, torch.float64)
    x = support.x.expand(len(tasks), -1, -1)
    noise = support.y  # the clean target of amplitude 0 is 0
    drawn = tasks.double().cpu()
    return with_query(settings, drawn, Points(x, clean_targets(settings, drawn, x) + noise), like)


def part(batch: TaskBatch, begin: int, end: int) -> TaskBatch:
    """The tasks begin … end − 1 of a batch, as views."""
    piece = slice(begin, end)
    return TaskBatch(batch.tasks[piece], batch.inputs[piece], batch.y[piece], batch.shots)


def with_query(settings: TaskSettings, tasks: Tensor, support: Points, like: Tensor) -> TaskBatch:
    """Tasks [task, 3] with these support sets and clean, equally spaced queries.

    A task without a truth (amplitude and phase nan) has nan as its query targets.
    """
    x = query_grid(settings, QUERY_POINTS)[None, :, None].expand(len(tasks), -1, -1)
    inputs = with_ones(torch.cat([support.x, x], 1))
    y = torch.cat([support.y, clean_targets(settings, tasks, x)], 1)
    return TaskBatch(tasks.to(like), inputs.to(like), y.to(like), support.x.shape[1])
