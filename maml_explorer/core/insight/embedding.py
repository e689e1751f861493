"""Embedding of the points of one task: the last hidden layer along the inner loop, in a plane.

The plane is spanned by the first two principal axes of all points at all inner steps together, so
the axes stay while the points move.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.insight.empty_view import ALL_DIVERGED, ONE_LAYER, Nothing
from maml_explorer.core.insight.features import activations
from maml_explorer.core.insight.learner import Learner


@dataclass(frozen=True)
class Embedding:
    """Points of a task as the last hidden layer has them, inner step by inner step."""

    points: Tensor
    """[inner step 0 … K, point, 2]: the support set, then the query set."""
    output: Tensor
    """[inner step, point, class]"""
    part: float
    """Part of the variance that the plane holds, 0 … 1."""
    apart: Tensor
    """[inner step]: part of the variance of query points, in all dimensions, that lies between the
    means of their classes; 0 where the classes lie on one another, 1 where each is one point."""


def embedding(learner: Learner, batch: TaskBatch) -> Embedding | Nothing:
    """The points of the first task of a batch, at every inner step; y is one-hot.

    Support and query sets pass apart, as in the inner loop and after it.
    """
    unable = learner.unable(batch)
    if unable is not None:
        return unable
    model = learner.model
    if model.depth < 2:
        return ONE_LAYER
    shots = batch.shots
    inputs = batch.inputs[:1].to(learner.theta)
    hidden, outputs = [], []
    for step, tail in enumerate(learner.path(batch).parameters):
        phi = [*learner.layers[: learner.start], *tail]
        sets = [
            activations(model, phi, x, step) for x in (inputs[:, :shots], inputs[:, shots:])
            if x.shape[1]
        ]  # fmt: skip
        hidden.append(torch.cat([found[-2][0] for found in sets]).double())
        outputs.append(torch.cat([found[-1][0] for found in sets]).double())
    found = torch.stack(hidden)
    if not bool(torch.isfinite(found).all()):
        return ALL_DIVERGED
    every = found.reshape(-1, found.shape[-1])
    centred = every - every.mean(0)
    axes = _axes(centred)
    points = centred @ axes
    whole = float(centred.square().sum())
    part = float(points.square().sum()) / whole if whole > 0 else 1.0
    apart = torch.stack([_between(step[shots:], batch.y[0, shots:].to(step)) for step in found])
    return Embedding(points.view(*found.shape[:2], 2), torch.stack(outputs), part, apart)


def _axes(centred: Tensor) -> Tensor:
    """The first two principal axes [feature, 2], each with its largest entry positive."""
    vectors = torch.linalg.eigh(centred.T @ centred).eigenvectors.flip(1)[:, :2]
    if vectors.shape[1] < 2:  # a hidden layer of one unit
        vectors = torch.cat([vectors, torch.zeros_like(vectors)], 1)
    largest = vectors.gather(0, vectors.abs().argmax(0, keepdim=True))
    turned: Tensor = vectors * torch.where(largest < 0, -1.0, 1.0)
    return turned


def _between(points: Tensor, y: Tensor) -> Tensor:
    """Part of the variance of points [point, feature] between the means of classes y one-hot."""
    if not len(points):
        return torch.tensor(torch.nan, dtype=torch.float64)
    counts = y.sum(0).clamp_min(1)
    means = (y.T @ points) / counts[:, None]
    whole = (points - points.mean(0)).square().sum()
    within = (points - y @ means).square().sum()
    return torch.where(whole > 0, 1 - within / whole, 0.0)
