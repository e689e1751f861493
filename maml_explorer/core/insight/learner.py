"""An initialization together with how it adapts: what every view of the insight looks at."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from maml_explorer.core.adaptation import Path, StepSizes, adapt
from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.insight.empty_view import (
    NO_INNER_STEP,
    NO_TASKS,
    NOT_FINITE,
    NOTHING_ADAPTS,
    Nothing,
)
from maml_explorer.core.insight.held_out_tasks import part
from maml_explorer.core.models.model import Model
from maml_explorer.core.models.trace import Layers
from maml_explorer.core.plan import Plan
from maml_explorer.core.tested_steps import test_step_sizes

CHUNK_TASKS = 50
CHUNK_FLOATS = 2_000_000
"""Adapted parameters and activations per piece of work, about: a few to some tens of ms."""


@dataclass(frozen=True)
class Learner:
    """θ and the inner loop that starts from it."""

    model: Model
    theta: Tensor
    """θ [parameter]; its dtype and device are those of everything computed from it."""
    start: int
    """First layer that adapts."""
    step_sizes: StepSizes
    steps: int
    """K."""

    @property
    def layers(self) -> list[Tensor]:
        """θ per layer [in + 1, out]."""
        return self.model.layers(self.theta)

    @property
    def tail_size(self) -> int:
        """Number of parameters that adapt."""
        return sum(rows * columns for rows, columns in self.model.shapes[self.start :])

    def double(self) -> Learner:
        """The same in float64."""
        sizes = tuple(tuple(a.double() for a in step) for step in self.step_sizes.steps)
        clip = None if self.step_sizes.clip is None else self.step_sizes.clip.double()
        mapped = None if self.step_sizes.map is None else self.step_sizes.map.double()
        pull = self.step_sizes.pull
        if pull is not None:
            pull = dataclasses.replace(pull, strength=pull.strength.double())
        return dataclasses.replace(
            self,
            theta=self.theta.double(),
            step_sizes=dataclasses.replace(
                self.step_sizes, steps=sizes, clip=clip, map=mapped, pull=pull
            ),
        )

    def features(self, x: Tensor) -> Tensor:
        """Input of the first adapting layer: [task, point, in + 1] from x [task, point, 2]."""
        if not self.start:
            return x
        return self.model.forward(self.layers[: self.start], x, activate_last=True).output

    def path(self, batch: TaskBatch, keep_traces: bool = False) -> Path:
        """The adaptation path of the tail on the support sets of some tasks."""
        shots = batch.shots
        x = self.features(batch.inputs[:, :shots].to(self.theta))
        y = batch.y[:, :shots].to(self.theta)
        return adapt(
            self.model, self.layers[self.start :], x, y, self.step_sizes, self.steps, keep_traces
        )

    def embedded(self, phi: Layers, tasks: int) -> Tensor:
        """All parameters [task, parameter], the tail's from φ, the others from θ."""
        below = [layer.flatten().expand(tasks, -1) for layer in self.layers[: self.start]]
        return torch.cat([*below, flat(phi, tasks)], 1)

    def chunk(self, points: int) -> int:
        """Tasks per piece of work, for tasks of so many points: a fixed function of sizes."""
        model = self.model
        per_task = (model.parameter_count + points * model.kept_per_point) * (self.steps + 1)
        return max(1, min(CHUNK_TASKS, CHUNK_FLOATS // per_task))

    def pieces(self, batch: TaskBatch) -> Iterator[TaskBatch]:
        """The tasks of a batch in pieces of bounded work, as views."""
        size = self.chunk(batch.inputs.shape[1])
        for begin in range(0, len(batch.tasks), size):
            yield part(batch, begin, begin + size)

    def unable(self, batch: TaskBatch | None = None) -> Nothing | None:
        """Reason why there is no adaptation to look at; None where there is one."""
        if not bool(torch.isfinite(self.theta).all()):
            return NOT_FINITE
        if self.start >= self.model.depth:
            return NOTHING_ADAPTS
        if self.steps < 1:
            return NO_INNER_STEP
        if batch is not None and (not len(batch.tasks) or not batch.shots):
            return NO_TASKS
        return None


def training_learner(plan: Plan, arm_name: str, theta: Tensor) -> Learner:
    """θ with the inner loop the arm trains with; θ as in its state, with learned step sizes.

    Reptile's has its number of inner steps, on the whole support set; joint training has none.
    """
    arm, model = plan.arms[arm_name], plan.model.training
    sizes = arm.step_sizes(model, theta)
    return Learner(model, theta[: model.parameter_count], arm.inner.start, sizes, arm.inner.steps)


def meta_test_learner(
    plan: Plan, arm_name: str, theta: Tensor, steps: int | None = None
) -> Learner:
    """θ with the inner loop of the meta-test and the window; K as in the settings unless given."""
    start, sizes = test_step_sizes(plan, arm_name, theta)
    steps = plan.settings.run.test_steps if steps is None else steps
    return Learner(plan.model, theta[: plan.model.parameter_count], start, sizes, steps)


def flat(layers: Layers, tasks: int) -> Tensor:
    """[task, parameter] from layers [in + 1, out] shared by the tasks or [task, in + 1, out]."""
    return torch.cat(
        [
            layer.reshape(1, -1).expand(tasks, -1) if layer.dim() == 2 else layer.reshape(tasks, -1)
            for layer in layers
        ],
        1,
    )


def split(model: Model, vectors: Tensor, start: int = 0) -> list[Tensor]:
    """Layers [task, in + 1, out] from `start` on, views into vectors [task, parameter]."""
    views, begin = [], 0
    for rows, columns in model.shapes[start:]:
        views.append(vectors[:, begin : begin + rows * columns].view(-1, rows, columns))
        begin += rows * columns
    return views
