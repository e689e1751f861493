"""Losses on a plane through θ, and the inner paths of tasks projected onto it.

Every point of the plane is an initialization of its own: it is evaluated as it is, or after m inner
steps, which gives the meta-loss. Points take the place of tasks in the batched network.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from maml_explorer.core.adaptation import adapt, rows_of
from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.insight.empty_view import NO_TASKS, NOT_FINITE, PLANE_DIVERGED, Nothing
from maml_explorer.core.insight.held_out_tasks import part
from maml_explorer.core.insight.learner import CHUNK_FLOATS, CHUNK_TASKS, Learner, split

ONE_LINE = Nothing(
    "The two directions lie on a line, so they span no plane: pick two tasks that differ more."
)


@dataclass(frozen=True)
class Plane:
    """origin + s · axes[0] + t · axes[1], orthonormal axes: distances on it are true ones."""

    origin: Tensor
    """θ [parameter]"""
    axes: Tensor
    """[2, parameter]"""

    def at(self, coordinates: Tensor) -> Tensor:
        """Parameters [point, parameter] at coordinates [point, 2]."""
        return torch.addmm(self.origin, coordinates.to(self.origin), self.axes)


@dataclass(frozen=True)
class Surface:
    """Losses on a plane, float64 on the CPU; not finite where adaptation from there diverged."""

    support: Tensor
    """[point, task]: mean squared error on the support set after m inner steps."""
    query: Tensor
    """[point, task]: the same on the query set; its mean over tasks is the meta-loss."""


@dataclass(frozen=True)
class PlanePaths:
    """Inner paths of tasks seen from a plane."""

    coordinates: Tensor
    """[inner step 0 … K, task, 2]"""
    distance: Tensor
    """[inner step 0 … K, task]: how far from the plane φ_k is."""

    def extent(self, margin: float = 0.3) -> tuple[float, float, float, float]:
        """(left, right, bottom, top) of a box around origin and paths, never of zero size."""
        finite = torch.isfinite(self.coordinates).all(-1)
        points = torch.cat([torch.zeros(1, 2, dtype=torch.float64), self.coordinates[finite]])
        low, high = points.amin(0), points.amax(0)
        pad = margin * float((high - low).max().clamp_min(1e-6))
        return (
            float(low[0]) - pad, float(high[0]) + pad, float(low[1]) - pad, float(high[1]) + pad,
        )  # fmt: skip


def plane_through(learner: Learner, one: Tensor, two: Tensor) -> Plane | Nothing:
    """The plane through θ along two directions [tail parameter], such as a map's axes.

    The first axis is the first direction's.
    """
    if not bool(torch.isfinite(learner.theta).all()):
        return NOT_FINITE
    a, b = one.double(), two.double()
    if not bool(torch.isfinite(a).all() and torch.isfinite(b).all()):
        return PLANE_DIVERGED
    if float(a.norm()) == 0 or float(b.norm()) == 0:
        return ONE_LINE
    first = a / a.norm()
    rest = b - (first @ b) * first
    if float(rest.norm()) <= 1e-6 * float(b.norm()):
        return ONE_LINE
    second = rest / rest.norm()
    second = second - (first @ second) * first
    axes = learner.theta.new_zeros(2, learner.model.parameter_count)
    axes[:, -learner.tail_size :] = torch.stack([first, second / second.norm()]).to(learner.theta)
    return Plane(learner.theta, axes)


def task_plane(learner: Learner, batch: TaskBatch) -> Plane | Nothing:
    """The plane through θ and the adapted parameters of the first two tasks."""
    unable = learner.unable(batch)
    if unable is not None:
        return unable
    if len(batch.tasks) < 2:
        return Nothing("A plane needs two tasks.")
    pair = learner.path(part(batch, 0, 2)).parameters[-1]
    moved = (learner.embedded(pair, 2) - learner.theta)[:, -learner.tail_size :]
    return plane_through(learner, moved[0], moved[1])


def surface(
    learner: Learner, plane: Plane, coordinates: Tensor, batch: TaskBatch, steps: int = 0
) -> Generator[int, None, Surface | Nothing]:
    """Losses at points of a plane; yields points done so far.

    Args:
        coordinates: [point, 2].
        batch: a column per task.
        steps: inner steps m from every point; 0 is the loss of the point itself.
    """
    if not bool(torch.isfinite(learner.theta).all()):
        return NOT_FINITE
    if not len(batch.tasks) or not len(coordinates):
        return NO_TASKS
    points, tasks = batch.inputs.shape[1], len(batch.tasks)
    model = learner.model
    per_pair = model.parameter_count * (2 if steps else 1) + points * model.kept_per_point
    size = max(1, min(CHUNK_TASKS * 8, CHUNK_FLOATS // per_pair) // tasks)
    rows, done = [], 0
    for begin in range(0, len(coordinates), size):
        at = plane.at(coordinates[begin : begin + size])
        rows.append(_losses(learner, at, batch, steps).cpu())
        done += len(at)
        yield done
    both = torch.cat(rows, 1)
    return Surface(both[0], both[1])


def _losses(learner: Learner, theta: Tensor, batch: TaskBatch, steps: int) -> Tensor:
    """[2, point, task]: support and query loss after so many steps from θ [point, parameter]."""
    model, start, shots = learner.model, learner.start, batch.shots
    count, tasks = len(theta), len(batch.tasks)
    # every pair of a point and a task, the task varying fastest
    layers = split(model, theta.repeat_interleave(tasks, 0))
    x = batch.inputs.to(theta).repeat(count, 1, 1)
    y = batch.y.to(theta).repeat(count, 1, 1)
    if start:
        body = layers[:start]
        x = model.forward(body, x, activate_last=start < model.depth, shots=shots).output
    phi, cut = layers[start:], rows_of(shots, x, batch.inputs)
    adapts = bool(steps and start < model.depth and shots)
    if adapts:
        path = adapt(
            model, phi, x[:, :cut], y[:, :shots], learner.step_sizes, steps, keep_traces=False
        )
        phi = list(path.parameters[-1])
    step = steps if adapts else 0
    output = model.forward(phi, x, step=step, shots=shots).output if phi else x
    values = learner.model.loss.value(output, y)
    losses = [values[:, :shots].mean(1), values[:, shots:].mean(1)]
    return torch.stack(losses).view(2, count, tasks)


def plane_paths(learner: Learner, plane: Plane, batch: TaskBatch) -> PlanePaths | Nothing:
    """The inner paths of some tasks on a plane, and how far from it they run."""
    unable = learner.unable(batch)
    if unable is not None:
        return unable
    count = len(batch.tasks)
    coordinates, distances = [], []
    axes = plane.axes.double()
    for phi in learner.path(batch).parameters:
        moved = learner.embedded(phi, count).double() - plane.origin.double()
        on = moved @ axes.T
        coordinates.append(on.cpu())
        distances.append((moved - on @ axes).norm(dim=1).cpu())
    return PlanePaths(torch.stack(coordinates), torch.stack(distances))
