"""Running averages of a batch norm: what an outer step sees of them, and how they follow.

Training normalizes every set of points by its own statistics, as PyTorch does in train mode, and
records them: those of the support set at φ_0 … φ_{K−1}, those of the query set at φ_K, averaged
over tasks. A running average moves a tenth of the way towards them at every outer step. One average
per layer ("batch-running") takes the mean over all inner steps; one per inner step
("batch-per-step") keeps them apart, and the steps beyond K share that of K: our rule.

They are used where nothing is trained any more: at meta-test, in the window, after export. This is
where we differ from Antoniou, Edwards and Storkey 2019, whose code keeps averages per step and
normalizes by the current points even at meta-test.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from maml_explorer.core.models.mlp import Mlp, Trace
from maml_explorer.core.models.normalization import Normalized
from maml_explorer.core.models.norms import MOMENTUM, NORMS


def stored(model: Mlp) -> int:
    """Running averages per layer: 0 where nothing is stored."""
    return NORMS[model.norm].stored


def following_rates(model: Mlp, like: Tensor) -> Tensor | None:
    """How far each entry of θ moves towards what was seen, [parameter]: 0 but for the averages."""
    if not stored(model):
        return None
    layers = []
    for (rows, columns), width in zip(model.shapes, model.sizes, strict=False):
        rate = like.new_zeros(rows, columns)
        rate[width + 3 :] = MOMENTUM
        layers.append(rate.flatten())
    return torch.cat(layers)


def seen(
    model: Mlp, body: Trace | None, traces: Sequence[Trace], total_tasks: int, shots: int
) -> Tensor | None:
    """Statistics by the place of their running average in θ, [parameter]; 0 elsewhere.

    Args:
        body: of the layers that do not adapt, on support and query sets together.
        traces: of the other layers at φ_0 … φ_K, the last one on the query set.
        total_tasks: the divisor of the mean over tasks.
        shots: support points in the body's trace.
    """
    count = stored(model)
    if not count:
        return None
    below = len(body.norms) if body is not None else 0
    layers = []
    for index, (rows, columns) in enumerate(model.shapes):
        width = model.sizes[index]
        if rows == width + 1:  # the output is not normed
            layers.append(traces[0].output.new_zeros(rows * columns))
            continue
        means, variances = [], []
        for k, trace in enumerate(traces):
            at_query = k == len(traces) - 1
            if body is not None and index < below:
                norm, points = body.norms[index], body.output.shape[1] - shots
                points = points if at_query else shots
            else:
                norm, points = trace.norms[index - below], trace.output.shape[1]
            mean, variance = _of_set(norm, -1 if at_query else 0, points)
            means.append(mean / total_tasks)
            variances.append(variance / total_tasks)
        blank = means[0].new_zeros(width + 3, columns)
        averages = [_shared(torch.stack(means), count), _shared(torch.stack(variances), count)]
        layers.append(torch.cat([blank, *averages]).flatten())
    return torch.cat(layers)


def _of_set(norm: Normalized, point: int, points: int) -> tuple[Tensor, Tensor]:
    """(mean, unbiased variance) [out], summed over tasks; one point alone has variance 0."""
    factor = points / max(1, points - 1)
    return norm.mean[:, point].sum(0), norm.variance[:, point].sum(0) * factor


def _shared(by_step: Tensor, count: int) -> Tensor:
    """[inner step, out] → [average, out]: later steps share the last average."""
    own = by_step[: count - 1]
    rest = by_step[count - 1 :]
    if not len(rest):
        return torch.cat([own, own[-1:].expand(count - len(own), -1)])
    return torch.cat([own, rest.mean(0, keepdim=True)])
