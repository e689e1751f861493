"""The data of tasks: what every task family hands out."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Points:
    """Inputs and targets, each [task, point, 1]."""

    x: Tensor
    y: Tensor


@dataclass(frozen=True)
class TaskBatch:
    """Tasks with their points: the first `shots` are the support set, the rest the query set."""

    tasks: Tensor
    """[task, parameter]; for sines amplitude, phase and frequency."""
    inputs: Tensor
    """[task, point, 2]: x with a column of ones, as networks take it."""
    y: Tensor
    """[task, point, 1]"""
    shots: int

    @property
    def points(self) -> Points:
        """All points, views [task, point, 1]."""
        return Points(self.inputs[..., :1], self.y)

    @property
    def support(self) -> Points:
        """The support set, views [task, shot, 1]."""
        return Points(self.points.x[:, : self.shots], self.points.y[:, : self.shots])

    @property
    def query(self) -> Points:
        """The query set, views [task, query point, 1]."""
        return Points(self.points.x[:, self.shots :], self.points.y[:, self.shots :])
