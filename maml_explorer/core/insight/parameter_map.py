"""Map of the adapted parameters of many tasks, in their two principal components.

Displacements φ_K − θ are decomposed as they are, without taking their mean away: θ is the origin
of the map, and the variance explained is the share of their squared length.

Source: Tegnér et al. 2022 report that sine tasks lie near a plane, amplitude as radius and phase
as angle.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.insight.empty_view import ALL_DIVERGED, Nothing
from maml_explorer.core.insight.learner import Learner, flat

TOO_FEW = Nothing("A map needs at least three tasks whose adaptation is finite.")
NO_MOTION = Nothing("Adaptation does not move the parameters: there is nothing to map.")


@dataclass(frozen=True)
class ParameterMap:
    """The two principal components of adaptation. Float64, on the CPU."""

    coordinates: Tensor
    """[task, 2], in units of parameter distance; nan for tasks that diverged."""
    axes: Tensor
    """[2, tail parameter], orthonormal; the second is zero where displacements lie on a line."""
    explained: tuple[float, float]
    """Share of the squared displacement along each axis."""
    diverged: int
    """Tasks left out."""


@dataclass(frozen=True)
class PolarFit:
    """Fit of map coordinates by a linear image of (A cos φ, A sin φ).

    With R² near 1, amplitude is the radius and phase the angle, up to one linear map of the plane.
    """

    r_squared: float
    """Of both together: the share of their variance a linear map of the coordinates explains."""
    r_squared_each: tuple[float, float]
    """Of A cos φ and of A sin φ."""
    matrix: Tensor
    """[3, 2]: (first, second coordinate, 1) → (A cos φ, A sin φ)."""


def parameter_map(
    learner: Learner, batch: TaskBatch, previous: Tensor | None = None
) -> Generator[int, None, ParameterMap | Nothing]:
    """The map of the adapted parameters of some tasks; yields tasks done so far.

    Args:
        previous: axes [2, tail parameter] of the map before; an axis is turned to point the way
            the old one did, so that a map drawn again and again does not flip.
    """
    unable = learner.unable(batch)
    if unable is not None:
        return unable
    rows, done = [], 0
    for piece in learner.pieces(batch):
        count = len(piece.tasks)
        path = learner.path(piece)
        moved = flat(path.parameters[-1], count).double() - flat(path.parameters[0], 1).double()
        rows.append(moved.cpu())
        done += count
        yield done
    return map_of(torch.cat(rows), previous)


def map_of(displacements: Tensor, previous: Tensor | None = None) -> ParameterMap | Nothing:
    """The map of given displacements φ_K − θ [task, tail parameter], float64."""
    finite = torch.isfinite(displacements).all(1)
    kept = displacements[finite]
    if not len(kept):
        return ALL_DIVERGED
    if len(kept) < 3:
        return TOO_FEW
    scale = float(kept.abs().max())
    if scale == 0:
        return NO_MOTION
    kept = kept / scale
    if len(kept) < kept.shape[1]:
        # tasks are fewer than parameters: their Gram matrix is the small way to the same axes
        squares, left = torch.linalg.eigh(kept @ kept.T)
        order = squares.argsort(descending=True)[:2]
        axes = left[:, order].T @ kept
    else:
        squares, right = torch.linalg.eigh(kept.T @ kept)
        order = squares.argsort(descending=True)[:2]
        axes = right[:, order].T
    total = squares.clamp_min(0).sum()
    shares = squares[order].clamp_min(0) / total
    lengths = axes.norm(dim=1, keepdim=True)
    # a share of rounding size has no direction
    axes = torch.where(shares[:, None] > 1e-14, axes / lengths.clamp_min(1e-300), 0.0)
    if len(axes) < 2:  # one parameter adapts
        axes = torch.cat([axes, torch.zeros_like(axes)])
        shares = torch.cat([shares, torch.zeros_like(shares)])
    axes = _turned(axes, previous)
    coordinates = torch.full((len(displacements), 2), torch.nan, dtype=torch.float64)
    coordinates[finite] = scale * kept @ axes.T
    return ParameterMap(
        coordinates, axes, (float(shares[0]), float(shares[1])), int((~finite).sum())
    )


def _turned(axes: Tensor, previous: Tensor | None) -> Tensor:
    """Axes with a sign of their own: the previous one's, or their largest entry positive."""
    if previous is not None and previous.shape == axes.shape:
        along = (axes * previous.to(axes)).sum(1)
    else:
        along = axes.gather(1, axes.abs().argmax(1, keepdim=True))[:, 0]
    return torch.where(along[:, None] < 0, -axes, axes)


def projected_path(learner: Learner, batch: TaskBatch, axes: Tensor) -> Tensor | Nothing:
    """The paths of some tasks on a map: [inner step 0 … K, task, 2]; 0 is the origin.

    Args:
        axes: [2, tail parameter], those of a map of the same arm.
    """
    unable = learner.unable(batch)
    if unable is not None:
        return unable
    path, count = learner.path(batch), len(batch.tasks)
    theta = flat(path.parameters[0], 1)
    points = [(flat(phi, count) - theta).double().cpu() @ axes.T for phi in path.parameters]
    return torch.stack(points)


def polar_fit(coordinates: Tensor, tasks: Tensor) -> PolarFit | Nothing:
    """Least squares of (A cos φ, A sin φ) on the map's coordinates with an intercept.

    Args:
        coordinates: [task, 2]; rows with nan are left out.
        tasks: [task, 3], of which amplitude and phase are read.
    """
    finite = torch.isfinite(coordinates).all(1)
    at, drawn = coordinates[finite].double(), tasks.double().cpu()[finite]
    if len(at) < 4:
        return TOO_FEW
    goal = drawn[:, :1] * torch.stack([drawn[:, 1].cos(), drawn[:, 1].sin()], 1)
    # centred and scaled, so that neither far points nor a line of them spoil the least squares
    centre, scale = at.mean(0), at.std(0).clamp_min(1e-300)
    slope = torch.linalg.pinv((at - centre) / scale) @ (goal - goal.mean(0)) / scale[:, None]
    matrix = torch.cat([slope, (goal.mean(0) - centre @ slope)[None]])
    left = (goal - goal.mean(0) - (at - centre) @ slope).square().sum(0)
    total = (goal - goal.mean(0)).square().sum(0)
    if float(total.min()) <= 1e-20 * float(goal.square().sum().clamp_min(1e-300)):
        return Nothing("The tasks do not differ enough: give amplitude and phase a range.")
    each = 1 - left / total
    whole = 1 - left.sum() / total.sum()
    return PolarFit(float(whole), (float(each[0]), float(each[1])), matrix)
