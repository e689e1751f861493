"""The data of tasks: what every task family hands out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


def with_ones(x: Tensor) -> Tensor:
    """[task, point, in] → [task, point, in + 1], the last column ones."""
    wide = x.new_ones(x.shape[0], x.shape[1], x.shape[2] + 1)
    wide[..., :-1] = x
    return wide


@dataclass(frozen=True)
class Points:
    """Inputs [task, point, in] and targets [task, point, out]."""

    x: Tensor
    y: Tensor


@dataclass(frozen=True)
class TaskBatch:
    """Tasks with their points: the first `shots` are the support set, the rest the query set."""

    tasks: Tensor
    """[task, parameter]; for sines amplitude, phase and frequency, for images the classes."""
    inputs: Tensor
    """[task, point, in + 1]: x with a column of ones, as networks take it."""
    y: Tensor
    """[task, point, out]; for classes one-hot."""
    shots: int
    """Points of the support set, of all classes together."""

    @property
    def points(self) -> Points:
        """All points, views [task, point, in] and [task, point, out]."""
        return Points(self.inputs[..., :-1], self.y)

    @property
    def support(self) -> Points:
        """The support set, views [task, shot, …]."""
        return Points(self.points.x[:, : self.shots], self.points.y[:, : self.shots])

    @property
    def query(self) -> Points:
        """The query set, views [task, query point, …]."""
        return Points(self.points.x[:, self.shots :], self.points.y[:, self.shots :])


def stacked(batches: Sequence[TaskBatch]) -> TaskBatch:
    """The batches one behind the other: [step, task, …]."""
    return TaskBatch(
        torch.stack([batch.tasks for batch in batches]),
        torch.stack([batch.inputs for batch in batches]),
        torch.stack([batch.y for batch in batches]),
        batches[0].shots,
    )


@dataclass(frozen=True)
class HeldOutPart:
    """Some held-out tasks as the meta-test takes them; inputs with their column of ones."""

    support_x: Tensor
    """[task, shot, in + 1]"""
    support_y: Tensor
    """[task, shot, out]"""
    query_x: Tensor
    """[task, query point, in + 1]; one task long where all tasks share the inputs."""
    query_y: Tensor
    """[task, query point, out]: clean targets."""


@dataclass(frozen=True)
class HeldOutCurves:
    """Held-out curves: noisy support points, and clean queries on a grid that all tasks share."""

    tasks: Tensor
    """[task, parameter]"""
    support: Points
    """[task, shot, …]; of streams function by function."""
    grid: Tensor
    """[1, query point, in]"""
    truth: Tensor
    """[task, query point, 1]"""

    def part(self, begin: int, end: int) -> HeldOutPart:
        """The tasks begin … end − 1."""
        here = slice(begin, end)
        return HeldOutPart(
            with_ones(self.support.x[here]),
            self.support.y[here],
            with_ones(self.grid),
            self.truth[here],
        )

    def batch(self) -> TaskBatch:
        """All of them."""
        x = torch.cat([self.support.x, self.grid.expand(len(self.tasks), -1, -1)], 1)
        y = torch.cat([self.support.y, self.truth], 1)
        return TaskBatch(self.tasks, with_ones(x), y, self.support.x.shape[1])
