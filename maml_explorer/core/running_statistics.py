"""Running averages of a batch norm: what an outer step sees of them, and how they follow.

An outer step records mean and variance of z over all points of the meta-batch: of the support sets
at φ_0 … φ_{K−1}, of the query sets at φ_K. A running average moves a tenth of the way towards them,
as PyTorch's does on these points at once; its variance is not corrected for degrees of freedom.

"batch-running" keeps one average, of the mean over inner steps. It is batch norm as it is used
elsewhere: trained with the statistics of every set, tested with the averages, as after
`model.eval()`. "batch-per-step" keeps one per inner step; the steps beyond K share that of K: our
rule. Its averages normalize training as well, as constants. This is where we differ from Antoniou,
Edwards and Storkey 2019, whose code records averages per step and never uses them: it normalizes by
the current points in training and at meta-test.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from maml_explorer.core.models.model import Model
from maml_explorer.core.models.trace import Trace
from maml_explorer.settings.norms import MOMENTUM, NORMS


def stored(model: Model) -> int:
    """Running averages per layer: 0 where nothing is stored."""
    return NORMS[model.norm].stored


def followed(model: Model, theta: Tensor, moments: Tensor) -> Tensor:
    """θ [parameter] with its running averages moved towards what was :func:`seen`."""
    layers = []
    pairs = zip(model.layers(theta), model.layers(moments), model.fan_in, strict=True)
    for layer, of, width in pairs:
        first, second = of[width + 3 :].chunk(2)
        now = torch.cat([first, second - first * first])
        layers += [layer[: width + 3], torch.lerp(layer[width + 3 :], now, MOMENTUM)]
    return torch.cat([rows.reshape(-1) for rows in layers])


def seen(
    model: Model, body: Trace | None, traces: Sequence[Trace], total_tasks: int, shots: int
) -> Tensor | None:
    """First and second moments of z by the places of their averages in θ, [parameter]; else 0.

    Chunks of tasks add up. None where nothing is stored.

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
    parts = []
    for index, (rows, columns) in enumerate(model.shapes):
        width = model.fan_in[index]
        if rows == width + 1:  # the output is not normed
            parts.append(traces[0].output.new_zeros(rows, columns))
            continue
        first, second = [], []
        for k, trace in enumerate(traces):
            if body is not None and index < below:
                z = body.norms[index].z
                seen_first = shots * model.rows[index]
                z = z[:, seen_first:] if k == len(traces) - 1 else z[:, :seen_first]
            else:
                z = trace.norms[index - below].z
            first.append(z.mean(1).sum(0) / total_tasks)
            second.append((z * z).mean(1).sum(0) / total_tasks)
        parts.append(first[0].new_zeros(width + 3, columns))
        parts += [_shared(torch.stack(first), count), _shared(torch.stack(second), count)]
    return torch.cat([part.reshape(-1) for part in parts])


def _shared(by_step: Tensor, count: int) -> Tensor:
    """[inner step, out] → [average, out]: later steps share the last average."""
    own = by_step[: count - 1]
    rest = by_step[count - 1 :]
    if not len(rest):
        return torch.cat([own, own[-1:].expand(count - len(own), -1)])
    return torch.cat([own, rest.mean(0, keepdim=True)])
