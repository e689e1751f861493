"""Traces of a forward pass, and of the R-forward pass along a vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from maml_explorer.core.models.activations import Activation
from maml_explorer.core.models.links import Link
from maml_explorer.core.models.normalization import Normalized
from maml_explorer.core.models.products import add_product, affine, product, scale_of, weight_of

Layers = Sequence[Tensor]
"""One matrix per layer: [in + 1, out] shared by all tasks, or [task, in + 1, out]."""


@dataclass(slots=True)
class Trace:
    """Values that a forward pass keeps for the passes after it."""

    first: int = 0
    """The layer of the network that the stack begins with."""
    inputs: list[Tensor] = field(default_factory=list)
    """Per layer: [task, point, in + 1], the last column ones."""
    pre: list[Tensor] = field(default_factory=list)
    """Per activated layer: what σ is applied to, z or γ ⊙ n + β [task, point, out]."""
    activated: list[Tensor] = field(default_factory=list)
    """Per activated layer: σ of it [task, point, out]."""
    slopes: list[Tensor] = field(default_factory=list)
    """Per activated layer: σ' there [task, point, out]."""
    norms: list[Normalized] = field(default_factory=list)
    """Per activated layer of a normed network."""
    deltas: list[Tensor] = field(default_factory=list)
    """Per layer, filled by :meth:`Mlp.backward`: ∂loss/∂z_l [task, point, out]."""
    shots: int | None = None
    """Points of the support set, where support and query set passed apart; of any module."""
    output: Tensor = field(default_factory=lambda: torch.empty(0))
    """[task, point, out]; where the last layer is activated, with its column of ones."""


@dataclass(slots=True)
class Along:
    """The derivatives of a trace along V."""

    inputs: list[Tensor | None] = field(default_factory=list)
    """Per layer Rh of its input; None where it is 0."""
    z: list[Tensor] = field(default_factory=list)
    """Per normed layer Rz."""
    n: list[Tensor] = field(default_factory=list)
    """Per normed layer Rn."""
    pre: list[Tensor] = field(default_factory=list)
    """Per activated layer, of what σ is applied to."""
    output: Tensor = field(default_factory=lambda: torch.empty(0))


def along_vector(
    layers: Layers,
    trace: Trace,
    vector: Layers,
    skips: Callable[[Tensor, Tensor], bool],
    links: Sequence[Link] = (),
) -> Along:
    """The R-forward pass: how everything in the trace changes along V.

    Args:
        layers: those the trace was taken of.
        vector: V per layer.
        skips: True where a connection skips this layer with this input.
        links: of the whole network, where it has any.
    """
    found = Along()
    rh: Tensor | None = None
    for index, layer in enumerate(layers):
        h = trace.inputs[index]
        found.inputs.append(rh)
        rz = product(h, affine(vector[index], h))
        if rh is not None:
            rz = add_product(rz, rh, weight_of(affine(layer, h)))
        found.output = rz
        if index == len(layers) - 1:
            break
        if trace.norms:
            norm, scales = trace.norms[index], vector[index][..., h.shape[-1] :, :]
            rn = norm.change(rz)
            found.z.append(rz)
            found.n.append(rn)
            rz = rn * scale_of(layer, h) + norm.n * scales[..., :1, :] + scales[..., 1:2, :]
        found.pre.append(rz)
        below, rh = rh, rz * trace.slopes[index]
        if below is not None and skips(layer, h):
            rh = rh + below
        if links:
            rh = links[trace.first + index + 1].spread(rh, False)
    return found


def activated(sigma: Activation, z: Tensor, trace: Trace, link: Link | None = None) -> Tensor:
    """[σ(z), 1] as it enters the next layer, kept in the trace with what its derivatives need."""
    if link is not None:
        h = z.new_empty(z.shape)
        sigma.value(z, h)
        trace.pre.append(z)
        trace.activated.append(h)
        trace.slopes.append(sigma.slope(z, h))
        return link.spread(h, True)
    wide = z.new_empty(z.shape[0], z.shape[1], z.shape[2] + 1)
    wide[..., -1].fill_(1)
    h = wide[..., :-1]
    sigma.value(z, h)
    trace.pre.append(z)
    trace.activated.append(h)
    trace.slopes.append(sigma.slope(z, h))
    return wide


def plus_skip(h: Tensor, below: Tensor) -> Tensor:
    """h + the layer below, and a column of ones again; σ(z) itself is kept for its derivatives."""
    wide = h + below
    wide[..., -1].fill_(1)
    return wide
