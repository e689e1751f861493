"""Incremental sine waves: a task is a stream of n sine functions, one after another.

The support set is the stream in the order in which it arrives, function by function, and the query
set asks for all functions. An input is x, then the one-hot number of the function. Functions are
drawn as sine tasks are: :mod:`maml_explorer.core.families.sine`.

Source: Javed, White 2019, section 4.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from maml_explorer.core.families.batch import HeldOutCurves, Points, TaskBatch, with_ones
from maml_explorer.core.families.record import TaskFamily
from maml_explorer.core.families.sine import SineSampler, held_out, query_grid, sampler, targets
from maml_explorer.core.families.sine_family import SINE
from maml_explorer.core.losses import SQUARED_ERROR
from maml_explorer.core.streams import stream
from maml_explorer.settings.families import INCREMENTAL_FAMILY
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.stream import stream_length

GRID = 25
"""Equally spaced x at which each function is asked for at meta-test."""


def numbered(x: Tensor) -> Tensor:
    """Inputs [task, function · point, 1 + function] from x [task, function, point]."""
    tasks, functions, points = x.shape
    inputs = x.new_zeros(tasks, functions, points, 1 + functions)
    inputs[..., 0] = x
    for nth in range(functions):
        inputs[:, nth, :, 1 + nth] = 1
    return inputs.view(tasks, functions * points, 1 + functions)


@dataclass(frozen=True)
class StreamSampler:
    """Draws batches of streams; made once per change of the settings."""

    sines: SineSampler
    """Of the functions of all tasks."""
    functions: int

    def draw(self, generator: torch.Generator) -> TaskBatch:
        """The next batch."""
        return self.draw_block(generator, 1)[0]

    def draw_block(self, generator: torch.Generator, steps: int) -> list[TaskBatch]:
        """The batches of so many outer steps in one go."""
        return [self._joined(one) for one in self.sines.draw_block(generator, steps)]

    def _joined(self, drawn: TaskBatch) -> TaskBatch:
        """Streams of functions that were drawn as tasks of their own."""
        n, shots = self.functions, drawn.shots
        tasks = len(drawn.tasks) // n
        x, y = (part.view(tasks, n, -1) for part in (drawn.inputs[..., 0], drawn.y))
        inputs = torch.cat([numbered(x[..., :shots]), numbered(x[..., shots:])], 1)
        goal = torch.cat([y[..., :shots].flatten(1), y[..., shots:].flatten(1)], 1)
        return TaskBatch(
            drawn.tasks.reshape(tasks, -1), with_ones(inputs), goal[..., None], n * shots
        )


def _sampler(settings: Settings, dtype: torch.dtype, device: torch.device) -> StreamSampler:
    tasks, inner = settings.tasks, settings.inner
    functions = settings.outer.meta_batch * tasks.functions
    sines = sampler(tasks, functions, inner.shots, inner.query_points, dtype, device)
    return StreamSampler(sines, tasks.functions)


def _held_out(
    settings: Settings, task_count: int, shots: int, name: str, dtype: torch.dtype
) -> HeldOutCurves:
    tasks, n = settings.tasks, settings.tasks.functions
    stream_length(n, tasks.batches, shots)  # refuses shots that are too few
    drawn, support = held_out(
        tasks, task_count * n, shots, stream(settings.run.seed, name), torch.float64
    )
    grid = query_grid(tasks, GRID)
    truth = targets(drawn, grid[None, :, None].expand(task_count * n, -1, -1))
    x = numbered(support.x.view(task_count, n, shots))
    points = Points(x.to(dtype), support.y.view(task_count, n * shots, 1).to(dtype))
    return HeldOutCurves(
        drawn.view(task_count, -1).to(dtype),
        points,
        numbered(grid.expand(1, n, -1)).to(dtype),
        truth.view(task_count, n * GRID, 1).to(dtype),
    )


def _guess_loss(settings: Settings, outputs: Callable[[Tensor], Tensor]) -> float:
    def of_function(nth: int) -> Callable[[Tensor], Tensor]:
        def answers(wide: Tensor) -> Tensor:
            inputs = wide.new_zeros(1, wide.shape[1], 2 + settings.tasks.functions)
            inputs[..., 0], inputs[..., 1 + nth], inputs[..., -1] = wide[..., 0], 1, 1
            return outputs(inputs)

        return answers

    n = settings.tasks.functions
    return sum(SINE.guess_loss(settings, of_function(nth)) for nth in range(n)) / n


INCREMENTAL = TaskFamily(
    about=INCREMENTAL_FAMILY,
    loss=SQUARED_ERROR,
    sampler=_sampler,
    held_out=_held_out,
    watched="meta-test",
    seen="",
    failure_limit=SINE.failure_limit,
    guess_loss=_guess_loss,
    references=SINE.references,
)
