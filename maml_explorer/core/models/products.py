"""Products with layers that are shared by all tasks or per task, and the parts of a layer's matrix.

A layer is [in + 1, out] or [task, in + 1, out], the bias last; a normed one then has its scale,
its shift and its stored statistics. Activations are [task, point, in + 1], the last column ones.

Where a layer has one output, a product with a matrix per task is one with a vector. Written as a
row times a matrix it takes a third of the time of a matrix times a column, and the result lies in
memory alike.
"""

from __future__ import annotations

import torch
from torch import Tensor


def affine(layer: Tensor, h: Tensor) -> Tensor:
    """The rows of a layer that its input [task, point, in + 1] is multiplied by."""
    width = h.shape[-1]
    return layer if layer.shape[-2] == width else layer[..., :width, :]


def scale_of(layer: Tensor, h: Tensor) -> Tensor:
    """γ [1, out] or [task, 1, out]."""
    width = h.shape[-1]
    return layer[..., width : width + 1, :]


def weight_of(layer: Tensor) -> Tensor:
    """The layer without its bias row: [in, out] or [task, in, out]."""
    return layer[:-1] if layer.dim() == 2 else layer[:, :-1]


def product(h: Tensor, layer: Tensor) -> Tensor:
    """h W: [task, point, in] with [in, out] or [task, in, out] → [task, point, out]."""
    if layer.dim() == 3:
        if layer.shape[-1] == 1:
            return torch.bmm(layer.mT, h.mT).mT
        return torch.bmm(h, layer)
    return torch.mm(h.reshape(-1, h.shape[-1]), layer).view(h.shape[0], h.shape[1], -1)


def add_product(base: Tensor, h: Tensor, layer: Tensor) -> Tensor:
    """base + h W, in place."""
    if layer.dim() == 3:
        if layer.shape[-1] == 1:
            base.mT.baddbmm_(layer.mT, h.mT)
            return base
        return base.baddbmm_(h, layer)
    base.view(-1, base.shape[-1]).addmm_(h.view(-1, h.shape[-1]), layer)
    return base


def back_product(delta: Tensor, layer: Tensor) -> Tensor:
    """δ Wᵀ without the bias row: [task, point, out] → [task, point, in]."""
    weight = weight_of(layer)
    if delta.shape[-1] == 1:  # an outer product: a broadcast beats a matrix product
        return delta * weight.mT
    if weight.dim() == 3:
        return torch.bmm(delta, weight.mT)
    flat = torch.mm(delta.reshape(-1, delta.shape[-1]), weight.t())
    return flat.view(delta.shape[0], delta.shape[1], -1)


def add_back_product(base: Tensor, delta: Tensor, layer: Tensor) -> Tensor:
    """base + δ Wᵀ for a per-task layer, in place."""
    weight = weight_of(layer)
    if delta.shape[-1] == 1:
        return base.addcmul_(delta, weight.mT)
    return base.baddbmm_(delta, weight.mT)


def outer(h: Tensor, delta: Tensor, sum_tasks: bool) -> Tensor:
    """hᵀ δ: [task, in, out], or [in, out] summed over tasks in one product."""
    if sum_tasks:
        return torch.mm(h.reshape(-1, h.shape[-1]).t(), delta.reshape(-1, delta.shape[-1]))
    return _outer_per_task(h, delta)


def _outer_per_task(h: Tensor, delta: Tensor) -> Tensor:
    if delta.shape[-1] == 1:
        return torch.bmm(delta.mT, h).mT
    return torch.bmm(h.mT, delta)


def add_outer(base: Tensor, h: Tensor, delta: Tensor, sum_tasks: bool) -> None:
    """Adds hᵀ δ to all rows of `base` but the bias row, in place."""
    if sum_tasks:
        base[:-1].addmm_(h.view(-1, h.shape[-1]).t(), delta.reshape(-1, delta.shape[-1]))
    else:
        # a product into a slice would be copied there and back; adding it is three times faster
        base[:, :-1].add_(_outer_per_task(h, delta))


def summed(parts: tuple[Tensor, ...], sum_tasks: bool) -> list[Tensor]:
    """Sums over points, [task, 1, out] each, or over points and tasks, [1, out]."""
    return [p.sum((0, 1))[None] if sum_tasks else p.sum(1, keepdim=True) for p in parts]


def with_rows(product: Tensor, rows: list[Tensor] | None, layer: Tensor) -> Tensor:
    """The gradient of a whole matrix: stored statistics have none."""
    if rows is None:
        return product
    whole = torch.cat([product, *rows], -2)
    missing = layer.shape[-2] - whole.shape[-2]
    return torch.nn.functional.pad(whole, (0, 0, 0, missing)) if missing else whole
