"""The family of the user's own tasks, as the table has it.

Tasks are looked up when they are drawn: a run whose tasks are absent opens and is looked at, and
says in one sentence what it needs where it would draw.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from maml_explorer.core.families.batch import HeldOutPart, Points, TaskBatch, with_ones
from maml_explorer.core.families.own_tasks.opened import OwnTasks, opened_tasks
from maml_explorer.core.families.own_tasks.task import TaskDraw, sampled
from maml_explorer.core.families.record import Reference, TaskFamily
from maml_explorer.core.families.sine_family import DIVERGED_FACTOR, LEAST_ERROR
from maml_explorer.core.losses import SQUARED_ERROR
from maml_explorer.core.streams import stream
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.families import OWN_FAMILY
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.tasks import TaskSettings
from maml_explorer.settings.words import counted


@dataclass(frozen=True)
class OwnSampler:
    """Draws task batches from the user's own tasks."""

    settings: Settings
    dtype: torch.dtype
    device: torch.device

    def draw(self, generator: torch.Generator) -> TaskBatch:
        """The next batch."""
        return self.draw_block(generator, 1)[0]

    def draw_block(self, generator: torch.Generator, steps: int) -> list[TaskBatch]:
        """The batches of so many outer steps, by one call of `sample`.

        Raises:
            SettingsError: if the tasks are absent, or what they give is not allowed.
        """
        settings = self.settings
        tasks, count = opened_tasks(settings.tasks.own_tasks), settings.outer.meta_batch
        drawn = _drawn(tasks, steps * count, _on_cpu(generator))
        inner = settings.inner
        x, y = _joined(drawn, inner.shots, inner.query_points)
        x, y = x.to(self.device, self.dtype), y.to(self.device, self.dtype)
        inputs = with_ones(x)
        none = x.new_zeros(count, 0)
        parts = zip(torch.split(inputs, count), torch.split(y, count), strict=True)
        return [TaskBatch(none, *part, inner.shots) for part in parts]


@dataclass(frozen=True)
class HeldOutOwn:
    """Held-out tasks of the user's own; all their query points are asked for."""

    drawn: TaskDraw
    shots: int
    dtype: torch.dtype

    def part(self, begin: int, end: int) -> HeldOutPart:
        """The tasks begin … end − 1."""
        one, shots = self.drawn, self.shots
        return HeldOutPart(
            with_ones(one.support_x[begin:end, :shots].to(self.dtype)),
            one.support_y[begin:end, :shots].to(self.dtype),
            with_ones(one.query_x[begin:end].to(self.dtype)),
            one.query_y[begin:end].to(self.dtype),
        )

    def batch(self) -> TaskBatch:
        """All of them."""
        x, y = _joined(self.drawn, self.shots, self.drawn.query_x.shape[1])
        none = torch.zeros(len(x), 0, dtype=self.dtype)
        return TaskBatch(none, with_ones(x.to(self.dtype)), y.to(self.dtype), self.shots)


def _joined(drawn: TaskDraw, shots: int, queries: int) -> tuple[Tensor, Tensor]:
    """(x, y) [task, point, …]: the first support points, and behind them the first query points."""
    return (
        torch.cat([drawn.support_x[:, :shots], drawn.query_x[:, :queries]], 1),
        torch.cat([drawn.support_y[:, :shots], drawn.query_y[:, :queries]], 1),
    )


def _drawn(tasks: OwnTasks, count: int, generator: torch.Generator) -> TaskDraw:
    return sampled(tasks.key.name, tasks.task, count, generator, tasks.key)


def _on_cpu(generator: torch.Generator) -> torch.Generator:
    """The generator itself, or one of the CPU that it seeds."""
    if generator.device.type == "cpu":
        return generator
    seed = torch.randint(2**62, (1,), generator=generator, device=generator.device)
    return torch.Generator().manual_seed(int(seed))


def _held_out(
    settings: Settings, task_count: int, shots: int, name: str, dtype: torch.dtype
) -> HeldOutOwn:
    tasks = opened_tasks(settings.tasks.own_tasks)
    if shots > tasks.key.support:
        raise SettingsError(
            f"The tasks {tasks.key.words} cannot be tested with {counted(shots, 'shot')}: allowed "
            f"is from 1 to {tasks.key.support}."
        )
    drawn = _drawn(tasks, task_count, stream(settings.run.seed, name))
    return HeldOutOwn(drawn, shots, dtype)


def own_support(
    settings: TaskSettings,
    task_count: int,
    shots: int,
    generator: torch.Generator,
    dtype: torch.dtype,
) -> tuple[Tensor, Points]:
    """Own tasks [task, 0], which have no numbers, and their support sets, on the CPU."""
    drawn = _drawn(opened_tasks(settings.own_tasks), task_count, generator)
    x, y = drawn.support_x[:, :shots].to(dtype), drawn.support_y[:, :shots].to(dtype)
    return x.new_zeros(task_count, 0), Points(x, y)


def constant_errors(tasks: OwnTasks) -> tuple[float, float]:
    """Mean squared errors of predicting 0, and the mean of y, on the queries of its examples."""
    y = tasks.query_y
    return float(np.square(y).mean()), float(np.square(y - y.mean((0, 1))).mean())


def _failure_limit(settings: Settings) -> float:
    zero, _ = constant_errors(opened_tasks(settings.tasks.own_tasks))
    return DIVERGED_FACTOR * max(zero, LEAST_ERROR)


def _guess_loss(settings: Settings, outputs: Callable[[Tensor], Tensor]) -> float:
    tasks = opened_tasks(settings.tasks.own_tasks)
    x, y = (torch.from_numpy(part) for part in (tasks.query_x, tasks.query_y))
    guessed = outputs(with_ones(x.reshape(1, -1, x.shape[2]))).cpu().double()
    beginning = float((guessed.reshape(y.shape) - y).square().mean())
    return max(constant_errors(tasks)[0], beginning)


def _references(settings: Settings) -> tuple[Reference, ...]:
    zero, mean = constant_errors(opened_tasks(settings.tasks.own_tasks))
    return (
        Reference("predict 0", zero, zero),
        Reference("predict the mean", mean, mean),
    )


OWN = TaskFamily(
    about=OWN_FAMILY,
    loss=SQUARED_ERROR,
    sampler=OwnSampler,
    held_out=_held_out,
    watched="meta-test",
    seen="",
    failure_limit=_failure_limit,
    guess_loss=_guess_loss,
    references=_references,
)
