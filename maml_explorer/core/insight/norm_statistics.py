"""Statistics that a norm sees along the adaptation, of every hidden layer at φ_0 … φ_K.

Per hidden layer, unit and inner step the mean and the variance of z = W h + b over the points of a
set, for support and query sets apart, averaged over tasks; beside them the running averages that a
stored norm uses there. Batch norm takes the first; `batch-running` does so in training and takes
the second at meta-test; `batch-per-step` takes the second in both. Without a norm they are what
batch norm would take.

The query errors tell what the difference costs: adapting and predicting by the statistics of the
points given, and by the stored ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.insight.empty_view import ALL_DIVERGED, ONE_LAYER, Nothing
from maml_explorer.core.insight.learner import Learner
from maml_explorer.core.models.products import affine, product
from maml_explorer.core.models.trace import Layers, Trace
from maml_explorer.settings.norms import NORMS


@dataclass(frozen=True)
class LayerStatistics:
    """One hidden layer. Float64 on the CPU; the axis [set] is support, query."""

    mean: Tensor
    """[set, inner step 0 … K, unit]: of z over the points, averaged over tasks."""
    variance: Tensor
    """[set, inner step, unit]: the same, not corrected for its degrees of freedom."""
    spread: Tensor
    """[set, inner step, unit]: standard deviation over tasks of the means; 0 for one task."""
    stored_mean: Tensor | None
    """[inner step, unit]: the running average used at φ_k; None where none is stored."""
    stored_variance: Tensor | None
    """[inner step, unit]"""

    @property
    def gap(self) -> Tensor | None:
        """[set, inner step]: how far the stored mean is from the current one.

        In current standard deviations, a mean over units that are not constant; None where nothing
        is stored.
        """
        if self.stored_mean is None:
            return None
        off = (self.stored_mean - self.mean).abs() / self.variance.sqrt()
        return torch.where(self.variance > 0, off, torch.nan).nanmean(-1)


@dataclass(frozen=True)
class NormStatistics:
    """Statistics of all hidden layers along the adaptation, over tasks that stayed finite."""

    norm: str
    """The setting."""
    words: str
    """Words for the screen: the statistics that normalize this network at meta-test."""
    layers: tuple[LayerStatistics, ...]
    """From the first hidden layer to the last."""
    current_error: Tensor
    """[inner step]: mean query error when every set is normalized by its own statistics."""
    stored_error: Tensor | None
    """[inner step]: the same by stored statistics; None where none are stored."""
    diverged: int
    """Tasks left out."""


_WORDS = {
    "none": "The network has no norm: these are the statistics that batch norm would take.",
    "batch": "Every set of points is normalized by its own mean and variance, support and query "
    "apart: a prediction depends on the points it is made together with.",
    "batch-running": "It is trained with the statistics of every set of points, and tested with "
    "one running average per unit over all tasks and inner steps, as after model.eval().",
    "batch-per-step": "A running average per unit and inner step normalizes in training and at "
    "meta-test alike; inner steps beyond those trained use the last one.",
    "layer": "Every point is normalized over the units of the layer, by itself: statistics over "
    "points, shown here, are not used.",
}
_ONE_POINT = (
    " With one support point its variance is 0: the layer then hands on its shift alone, "
    "and the layers below learn nothing from that point."
)


def norm_statistics(
    learner: Learner, batch: TaskBatch
) -> Generator[int, None, NormStatistics | Nothing]:
    """The statistics of some tasks; yields tasks done so far.

    Args:
        learner: of the meta-test (:func:`~maml_explorer.core.insight.learner.meta_test_learner`),
            so that stored statistics are used where there are any.
        batch: tasks adapted to on their support sets and looked at on both sets.
    """
    unable = learner.unable(batch)
    if unable is not None:
        return unable
    if learner.model.depth < 2:
        return ONE_LAYER
    norm, stored = learner.model.norm, NORMS[learner.model.norm].stored
    current = dataclasses.replace(learner, model=learner.model.current)
    parts: list[list[Tensor]] = []
    errors: list[Tensor] = []
    done = 0
    for piece in learner.pieces(batch):
        found, used = _looked_at(learner, piece)
        parts.append(found)
        both = [used, _looked_at(current, piece)[1] if stored else used]
        errors.append(torch.stack(both))
        done += len(piece.tasks)
        yield done
    layers = [torch.cat(pieces, 3) for pieces in zip(*parts, strict=True)]
    error = torch.cat(errors, 2)
    finite = torch.isfinite(error).all(0).all(0)
    if not bool(finite.any()):
        return ALL_DIVERGED
    mean_error = error[:, :, finite].mean(2)
    one_point = batch.shots == 1 and NORMS[norm].over == "points" and learner.model.by_points
    return NormStatistics(
        norm=norm,
        words=_WORDS[norm] + (_ONE_POINT if one_point else ""),
        layers=tuple(
            _summary(learner, index, values[:, :, :, finite]) for index, values in enumerate(layers)
        ),
        current_error=mean_error[1],
        stored_error=mean_error[0] if stored else None,
        diverged=int((~finite).sum()),
    )


def _looked_at(learner: Learner, batch: TaskBatch) -> tuple[list[Tensor], Tensor]:
    """(per hidden layer [mean and variance, set, inner step, task, unit], errors [step, task])."""
    model, start, shots = learner.model, learner.start, batch.shots
    x, y = batch.inputs.to(learner.theta), batch.y.to(learner.theta)
    below = learner.layers[:start]
    body = model.forward(below, x, activate_last=True, shots=shots) if start else None
    features = x if body is None else body.output
    rows: list[list[Tensor]] = [[] for _ in range(model.depth - 1)]
    errors = []
    for k, phi in enumerate(learner.path(batch).parameters):
        trace = model.forward(phi, features, step=k, shots=shots)
        values = ([] if body is None else _products(below, body)) + _products(phi, trace)[:-1]
        for row, z, places in zip(rows, values, model.rows[:-1], strict=True):
            row.append(_of_sets(z.expand(len(x), -1, -1), shots * places))
        errors.append(model.loss.value(trace.output[:, shots:], y[:, shots:]).mean(1).cpu())
    return [torch.stack(row, 2) for row in rows], torch.stack(errors)


def _products(layers: Layers, trace: Trace) -> list[Tensor]:
    """z per layer [task, point, out]."""
    pairs = zip(layers, trace.inputs, strict=True)
    return [product(h, affine(layer, h)) for layer, h in pairs]


def _of_sets(z: Tensor, shots: int) -> Tensor:
    """Tables [mean and variance, set, task, unit]."""
    sets = (z[:, :shots].double(), z[:, shots:].double())
    means = torch.stack([one.mean(1) for one in sets])
    variances = torch.stack([one.var(1, correction=0) for one in sets])
    return torch.stack([means, variances]).cpu()


def _summary(learner: Learner, index: int, values: Tensor) -> LayerStatistics:
    """Of one layer's [mean and variance, set, inner step, task, unit]."""
    stored = NORMS[learner.model.norm].stored
    means, variances = None, None
    if stored:
        rows = learner.layers[index][learner.model.fan_in[index] + 3 :].double().cpu()
        # layers that do not adapt are normalized as at step 0
        steps = [0 if index < learner.start else min(k, stored - 1) for k in range(values.shape[2])]
        means, variances = rows[:stored][steps], rows[stored:][steps]
    tasks = values.shape[3]
    return LayerStatistics(
        mean=values[0].mean(2),
        variance=values[1].mean(2),
        spread=values[0].std(2) if tasks > 1 else torch.zeros_like(values[0, :, :, 0]),
        stored_mean=means,
        stored_variance=variances,
    )
