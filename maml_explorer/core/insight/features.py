"""Changes that adaptation makes inside the network: feature reuse or rapid learning.

Linear CKA compares the activations of a layer before and after adaptation; the freeze test adapts
with the lower layers held at θ.

Source: Raghu, Raghu, Bengio, Vinyals 2020, section 3; Kornblith, Norouzi, Lee, Hinton 2019,
section 3, for CKA.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from maml_explorer.core.families.batch import TaskBatch, with_ones
from maml_explorer.core.insight.empty_view import ALL_DIVERGED, NOT_FINITE, ONE_LAYER, Nothing
from maml_explorer.core.insight.held_out_tasks import part
from maml_explorer.core.insight.learner import Learner
from maml_explorer.core.models.model import Model
from maml_explorer.core.models.trace import Layers, Trace

GRID_POINTS = 200


@dataclass(frozen=True)
class FeatureChange:
    """Distance that adaptation moves every layer, per task; a diverged task is nan throughout.

    The axis [layer] runs from the first hidden layer to the output.
    """

    similarity: Tensor
    """[layer, task]: linear CKA of the layer's activations before and after; nan also where they
    are constant over x (a dead layer), for which CKA is not defined."""
    parameter_change: Tensor
    """[layer, task]: ‖φ_K − θ‖ / ‖θ‖ of the layer's weights and biases; nan for a layer of zeros"""

    @property
    def diverged(self) -> int:
        """Tasks left out of means and spreads because their adaptation is not finite."""
        return int(torch.isnan(self.parameter_change).all(0).sum())

    def mean_and_spread(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """(mean, standard deviation) [layer] of one of the tables, over tasks with a value."""
        there = ~torch.isnan(values)
        count = there.sum(1)
        mean = values.nanmean(1)
        squares = torch.where(there, values - mean[:, None], 0.0).square().sum(1)
        return mean, (squares / (count - 1)).where(count > 1, torch.nan).sqrt()


@dataclass(frozen=True)
class LayerView:
    """One layer before and after adaptation to one task."""

    before: Tensor
    """[x, out]: activations at θ; of the last layer, the prediction."""
    after: Tensor
    """[x, out]: the same at φ_K."""
    weights_before: Tensor
    """[in + 1, out], the biases last."""
    weights_after: Tensor
    """[in + 1, out]"""


def linear_cka(one: Tensor, two: Tensor) -> Tensor:
    """‖YᵀX‖² / (‖XᵀX‖ ‖YᵀY‖), Frobenius norms of features centred over the points.

    Args:
        one, two: [batch, point, feature], the numbers of features may differ.

    Returns:
        [batch], 0 … 1; nan where features are constant.
    """
    x = one - one.mean(-2, keepdim=True)
    y = two - two.mean(-2, keepdim=True)
    # rounding leaves constant features a little off zero
    floor = 1e-12 if one.dtype == torch.float64 else 1e-6
    constant = (_largest(x) <= floor * _largest(one)) | (_largest(y) <= floor * _largest(two))
    x, y = _scaled(x), _scaled(y)
    if x.shape[-2] < max(x.shape[-1], y.shape[-1]):
        # ‖YᵀX‖² = ⟨XXᵀ, YYᵀ⟩: of pictures there are far fewer than features of each
        x, y = x @ x.mT, y @ y.mT
        shared = (x * y).sum((-2, -1))
        own = x.norm(dim=(-2, -1)) * y.norm(dim=(-2, -1))
        return torch.where(constant, torch.nan, shared / own)
    shared = (y.mT @ x).square().sum((-2, -1))
    own = (x.mT @ x).norm(dim=(-2, -1)) * (y.mT @ y).norm(dim=(-2, -1))
    return torch.where(constant, torch.nan, shared / own)


def _largest(values: Tensor) -> Tensor:
    return values.abs().amax((-2, -1))


def _scaled(values: Tensor) -> Tensor:
    """CKA does not change with scale; without this, fourth powers of large features overflow."""
    return values / _largest(values).clamp_min(1e-30)[..., None, None]


def activations(model: Model, layers: Layers, x: Tensor, step: int = 0) -> list[Tensor]:
    """Per layer what it hands on [task, point, out]: h of hidden ones, the prediction last.

    Args:
        layers: the whole network, [in + 1, out] or [task, in + 1, out].
        x: [task, point, 2], with its column of ones. Batch norm takes their statistics.
        step: the inner step of these layers.
    """
    trace = model.forward(layers, x, step=step)
    return [*_handed_on(model, trace, x.shape[1]), trace.output]


def _handed_on(model: Model, trace: Trace, points: int) -> list[Tensor]:
    """h of every hidden layer; of a picture all its places, [task, point, place · channel]."""
    if max(model.rows) == 1:
        return [h[..., :-1] for h in trace.inputs[1:]]
    return [h.reshape(h.shape[0], points, -1) for h in trace.activated]


def feature_change(
    learner: Learner, batch: TaskBatch, x: Tensor
) -> Generator[int, None, FeatureChange | Nothing]:
    """CKA and relative parameter change of every layer; yields tasks done so far.

    Args:
        batch: adapted to on their support sets.
        x: where activations are compared: [point], such as :data:`GRID_POINTS` equally spaced, or
            [point, in + 1] with the column of ones.
    """
    unable = learner.unable(batch)
    if unable is not None:
        return unable
    if learner.model.depth < 2:
        return ONE_LAYER
    x = x.to(learner.theta)
    wide = with_ones(x[None, :, None]) if x.dim() == 1 else x[None]
    before = activations(learner.model, learner.layers, wide)
    if not all(bool(torch.isfinite(h).all()) for h in before):
        return NOT_FINITE
    similarity, change = [], []
    done = 0
    for piece in learner.pieces(batch):
        count = len(piece.tasks)
        phi = [*learner.layers[: learner.start], *learner.path(piece).parameters[-1]]
        after = activations(learner.model, phi, wide.expand(count, -1, -1), learner.steps)
        # in float64: a CKA near 1 is a small difference of large numbers
        cka = [
            linear_cka(a.double(), b.double().expand(count, -1, -1))
            for a, b in zip(after, before, strict=True)
        ]
        moved = [
            _norms(p.double() - theta.double()) / _norms(theta.double())
            for p, theta in zip(
                _weights(learner.model, phi), _weights(learner.model, learner.layers), strict=True
            )
        ]
        finite = torch.stack([torch.isfinite(h).all(-1).all(-1) for h in after]).all(0)
        similarity.append(torch.where(finite, torch.stack(cka), torch.nan).cpu())
        change.append(
            torch.where(finite, torch.stack([m.expand(count) for m in moved]), torch.nan).cpu()
        )
        done += count
        yield done
    found = FeatureChange(torch.cat(similarity, 1), torch.cat(change, 1))
    return ALL_DIVERGED if found.diverged == len(batch.tasks) else found


def _weights(model: Model, layers: Layers) -> list[Tensor]:
    """Weights and biases of the whole network, [in + 1, out] or [task, in + 1, out]."""
    return [p[..., : width + 1, :] for p, width in zip(layers, model.fan_in, strict=True)]


def _norms(layer: Tensor) -> Tensor:
    rows = layer.reshape(-1, layer.shape[-2] * layer.shape[-1])
    norms: Tensor = torch.linalg.vector_norm(rows, dim=1)
    return norms


def freeze_test(learner: Learner, batch: TaskBatch) -> Generator[int, None, Tensor | Nothing]:
    """Query errors [frozen layers, task] with the lowest 0, 1, … all layers held at θ.

    Row l adapts layers l and above; the last row is θ itself. Layers that do not adapt anyway
    change nothing by being frozen. Yields tasks done so far. Not finite where a task diverged.
    """
    unable = learner.unable(batch)
    if unable is not None:
        return unable
    if learner.model.depth < 2:
        return ONE_LAYER
    columns, done = [], 0
    for piece in learner.pieces(batch):
        columns.append(_frozen_errors(learner, piece))
        done += len(piece.tasks)
        yield done
    return torch.cat(columns, 1)


def _frozen_errors(learner: Learner, batch: TaskBatch) -> Tensor:
    """[frozen layers, task] of one piece."""
    model = learner.model
    x = batch.inputs[:, batch.shots :].to(learner.theta)
    y = batch.y[:, batch.shots :].to(learner.theta)
    rows: list[Tensor] = []
    for frozen in range(model.depth + 1):
        if frozen == model.depth:
            output = model.forward(learner.layers, x).output
        elif rows and frozen <= learner.start:
            rows.append(rows[-1])
            continue
        else:
            at = _frozen(learner, frozen)
            phi = at.path(batch).parameters[-1]
            output = model.forward(phi, at.features(x), step=at.steps).output
        rows.append(model.loss.figure(output, y).mean(1).cpu())
    return torch.stack(rows)


def _frozen(learner: Learner, layers: int) -> Learner:
    """The learner with its lowest layers held."""
    start = max(layers, learner.start)
    sizes = tuple(tuple(step[start - learner.start :]) for step in learner.step_sizes.steps)
    own = learner.step_sizes.map
    mapped = None if own is None else own.above(start - learner.start)
    kept = dataclasses.replace(learner.step_sizes, steps=sizes, map=mapped)
    return dataclasses.replace(learner, start=start, step_sizes=kept)


def layer_view(learner: Learner, batch: TaskBatch, layer: int, x: Tensor) -> LayerView | Nothing:
    """Activations and weights of one layer before and after adaptation to the first task.

    Args:
        layer: from 0, the first hidden layer, to depth − 1, the output.
        x: [point].

    Raises:
        IndexError: where there is no such layer.
    """
    if not 0 <= layer < learner.model.depth:
        raise IndexError(f"There is no layer {layer}: there are 0 to {learner.model.depth - 1}.")
    unable = learner.unable(batch)
    if unable is not None:
        return unable
    wide = with_ones(x.to(learner.theta)[None, :, None])
    tail = learner.path(part(batch, 0, 1)).parameters[-1]
    phi = [*learner.layers[: learner.start], *(p if p.dim() == 2 else p[0] for p in tail)]
    found = LayerView(
        before=activations(learner.model, learner.layers, wide)[layer][0],
        after=activations(learner.model, phi, wide, learner.steps)[layer][0],
        weights_before=_weights(learner.model, learner.layers)[layer],
        weights_after=_weights(learner.model, phi)[layer],
    )
    if not bool(torch.isfinite(found.before).all() and torch.isfinite(found.after).all()):
        return ALL_DIVERGED
    return found
