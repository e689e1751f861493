"""The judge: slow, obvious, per task, as a textbook would write it with torch.func.

Nothing here is shared with the package but the layout of a flat parameter vector, which is spelled
out again on purpose.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.func import grad

NONLINEARITIES = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": torch.nn.functional.softplus,
    "sine": torch.sin,
}


class Kind(NamedTuple):
    """The kind of network."""

    skip: bool = False
    norm: str = "none"
    start: int = 0
    """First layer that adapts; those below are normalized as at inner step 0."""


PLAIN = Kind()
NORM_ROWS = {"none": 0, "batch": 2, "layer": 2, "batch-running": 4, "batch-per-step": 24}
"""Rows of a hidden layer below its bias: scale, shift, means, variances."""


def block_shapes(sizes: tuple[int, ...], kind: Kind = PLAIN) -> list[tuple[int, int]]:
    """Per layer (rows, out) of its block in the flat vector."""
    pairs = list(itertools.pairwise(sizes))
    more = [NORM_ROWS[kind[1]]] * (len(pairs) - 1) + [0]
    return [(a + 1 + extra, b) for (a, b), extra in zip(pairs, more, strict=True)]


def blocks(flat: Tensor, sizes: tuple[int, ...], kind: Kind) -> list[Tensor]:
    """Per layer its block [row, out] of the flat vector."""
    found, start = [], 0
    for rows, outputs in block_shapes(sizes, kind):
        found.append(flat[start : start + rows * outputs].reshape(rows, outputs))
        start += rows * outputs
    return found


def unflatten(
    flat: Tensor, sizes: tuple[int, ...], kind: Kind = PLAIN
) -> list[tuple[Tensor, Tensor]]:
    """(weight [in, out], bias [out]) per layer from a flat vector."""
    pairs = zip(blocks(flat, sizes, kind), sizes, strict=False)
    return [(block[:inputs], block[inputs]) for block, inputs in pairs]


def norm_rows(flat: Tensor, sizes: tuple[int, ...], kind: Kind) -> list[Tensor]:
    """Per layer [row, out]: scale, shift, stored means, stored variances; empty at the output."""
    pairs = zip(blocks(flat, sizes, kind), sizes, strict=False)
    return [block[inputs + 1 :] for block, inputs in pairs]


def predict(
    flat: Tensor,
    x: Tensor,
    sizes: tuple[int, ...],
    activation: str,
    kind: Kind = PLAIN,
    k: int = 0,
) -> Tensor:
    """Network output for x [point, 1] as it is trained, at inner step k."""
    h = x
    layers = unflatten(flat, sizes, kind)
    skip, norm, start = kind
    for index, ((weight, bias), rows) in enumerate(
        zip(layers, norm_rows(flat, sizes, kind), strict=True)
    ):
        z = h @ weight + bias
        if index < len(layers) - 1:
            if norm == "layer":
                z = torch.nn.functional.layer_norm(z, z.shape[-1:], rows[0], rows[1])
            elif norm == "batch-per-step":
                at = min(k, 10) if index >= start else 0
                z = rows[0] * (z - rows[2 + at]) / (rows[13 + at] + 1e-5).sqrt() + rows[1]
            elif norm != "none":
                z = torch.nn.functional.batch_norm(z, None, None, rows[0], rows[1], training=True)
            below, h = h, NONLINEARITIES[activation](z)
            if skip and below.shape == h.shape:
                h = h + below
        else:
            h = z
    return h


def loss(
    flat: Tensor,
    x: Tensor,
    y: Tensor,
    sizes: tuple[int, ...],
    activation: str,
    kind: Kind = PLAIN,
    k: int = 0,
) -> Tensor:
    """Mean squared error over the points."""
    return ((predict(flat, x, sizes, activation, kind, k) - y) ** 2).mean()


def head_mask(sizes: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """1 on the last layer's parameters, 0 elsewhere."""
    count = sum((a + 1) * b for a, b in itertools.pairwise(sizes))
    mask = torch.zeros(count, dtype=dtype)
    mask[count - (sizes[-2] + 1) * sizes[-1] :] = 1
    return mask


def trained_mask(sizes: tuple[int, ...], kind: Kind, dtype: torch.dtype) -> Tensor:
    """0 on stored statistics, which no gradient trains, 1 elsewhere."""
    parts = []
    for index, (rows, outputs) in enumerate(block_shapes(sizes, kind)):
        block = torch.ones(rows, outputs, dtype=dtype)
        block[sizes[index] + 3 :] = 0
        parts.append(block.flatten())
    return torch.cat(parts)


def part_mask(adapts: str, sizes: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """1 on what adapts, "all", "head" or "body", of a network without a norm."""
    head = head_mask(sizes, dtype)
    return {"all": torch.ones_like(head), "head": head, "body": 1 - head}[adapts]


def adapting_mask(
    sizes: tuple[int, ...], kind: Kind, dtype: torch.dtype, start: int = 0, still: int = 0
) -> Tensor:
    """1 on weights and biases of the layers from `start` on, 0 elsewhere: norms do not adapt.

    So many `still` layers at the end do not either.
    """
    parts = []
    for index, (rows, outputs) in enumerate(block_shapes(sizes, kind)):
        block = torch.zeros(rows, outputs, dtype=dtype)
        if start <= index < len(sizes) - 1 - still:
            block[: sizes[index] + 1] = 1
        parts.append(block.flatten())
    return torch.cat(parts)


def implicit_gradient(
    theta: Tensor,
    inner_lr: float,
    strength: float,
    steps: int,
    supports: Sequence[tuple[Tensor, Tensor]],
    queries: Sequence[tuple[Tensor, Tensor]],
    sizes: tuple[int, ...],
    activation: str,
    kind: Kind = PLAIN,
    clip: float = 0.0,
) -> Tensor:
    """Mean over tasks of the implicit gradient at φ_K, by a dense Hessian and a dense solve.

    With a norm, θ_f does not adapt: dL/dθ_f = ∇_f L_query − H_fa (H_aa + λ)⁻¹ ∇_a L_query.
    """
    mask = adapting_mask(sizes, kind, theta.dtype)
    moving, total = mask.bool(), torch.zeros_like(theta)
    for support, query in zip(supports, queries, strict=True):

        def inner_loss(at: Tensor, k: int, points: tuple[Tensor, Tensor] = support) -> Tensor:
            return loss(at, *points, sizes, activation, kind, k)

        phi = theta
        for k in range(steps):
            step = mask * (grad(inner_loss)(phi, k) + strength * (phi - theta))
            if clip:
                step = step * (clip / step.norm()).clamp(max=1)
            phi = phi - inner_lr * step
        b = grad(lambda at, q=query: loss(at, *q, sizes, activation, kind, steps))(phi)
        hessian = torch.func.jacrev(grad(inner_loss))(phi, steps)
        count = int(moving.sum())
        eye = torch.eye(count, dtype=theta.dtype)
        inside = hessian[moving][:, moving]
        found = b.clone()
        solved = torch.linalg.solve(inside + strength * eye, b[moving])
        found[moving] = strength * solved
        found[~moving] -= hessian[~moving][:, moving] @ solved
        total += found / len(supports)
    return total


def task_loss(
    theta: Tensor,
    step_sizes: Tensor,
    support: tuple[Tensor, Tensor],
    query: tuple[Tensor, Tensor],
    sizes: tuple[int, ...],
    activation: str,
    second_order: bool,
    query_weights: tuple[float, ...],
    kind: Kind = PLAIN,
    clip: tuple[float, Tensor] | None = None,
) -> Tensor:
    """The weighted query loss after adaptation; step_sizes [inner step, parameter].

    `clip` is (largest norm of an inner gradient, 1 where a parameter adapts and 0 elsewhere).
    """

    def query_loss(phi: Tensor, k: int) -> Tensor:
        return loss(phi, *query, sizes, activation, kind, k)

    phi = theta
    total = query_weights[0] * query_loss(phi, 0)
    for k in range(len(step_sizes)):
        g = grad(lambda p, k=k: loss(p, *support, sizes, activation, kind, k))(phi)
        if clip is not None:
            limit, adapting = clip
            norm = (g * adapting).norm()
            g = torch.where(norm > limit, g * limit / norm, g)
        if not second_order:
            g = g.detach()
        phi = phi - step_sizes[k] * g
        total = total + query_weights[k + 1] * query_loss(phi, k + 1)
    return total


def meta_gradient(
    theta: Tensor,
    step_sizes: Tensor,
    supports: list[tuple[Tensor, Tensor]],
    queries: list[tuple[Tensor, Tensor]],
    sizes: tuple[int, ...],
    activation: str,
    second_order: bool = True,
    query_weights: tuple[float, ...] | None = None,
    kind: Kind = PLAIN,
    clip: tuple[float, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """(∂L/∂θ [parameter], ∂L/∂a [inner step, parameter]), averaged over the tasks."""
    weights = query_weights or (0.0,) * len(step_sizes) + (1.0,)
    by_theta, by_steps = torch.zeros_like(theta), torch.zeros_like(step_sizes)
    for support, query in zip(supports, queries, strict=True):
        one, two = grad(task_loss, argnums=(0, 1))(
            theta, step_sizes, support, query, sizes, activation, second_order, weights, kind, clip
        )
        by_theta += one
        by_steps += two
    return by_theta / len(supports), by_steps / len(supports)


def adapt(
    theta: Tensor,
    mask: Tensor,
    x: Tensor,
    y: Tensor,
    inner_lr: float,
    steps: int,
    sizes: tuple[int, ...],
    activation: str,
    kind: Kind = PLAIN,
    first: int = 0,
) -> Tensor:
    """φ after plain gradient descent on one support set, masked, from inner step `first` on."""
    phi = theta
    for k in range(first, first + steps):
        g = grad(lambda p, k=k: loss(p, x, y, sizes, activation, kind, k))(phi)
        phi = phi - inner_lr * mask * g
    return phi


def predict_pictures(
    flat: Tensor, x: Tensor, shapes: Sequence[tuple[int, int]], side: int, norm: str
) -> Tensor:
    """Outputs [point, out] of a convolutional network with tanh, by PyTorch's own convolution.

    Args:
        flat: θ, layer after layer; a filter's rows are its lines, columns, then channels.
        x: [point, pixel].
        shapes: per layer (rows, out).
        side: pixels on a side.
        norm: "none", "batch" or "layer".
    """
    h, start = x.view(-1, 1, side, side), 0
    for nth, (rows, columns) in enumerate(shapes):
        layer = flat[start : start + rows * columns].view(rows, columns)
        start += rows * columns
        if nth == len(shapes) - 1:
            return h.permute(0, 2, 3, 1).flatten(1) @ layer[:-1] + layer[-1]
        width = 9 * h.shape[1]
        filters = layer[:width].view(3, 3, -1, columns).permute(3, 2, 0, 1)
        z = torch.nn.functional.conv2d(h, filters, layer[width], stride=2, padding=1)
        if norm == "batch":
            z = torch.nn.functional.batch_norm(z, None, None, *layer[width + 1 :], training=True)
        elif norm == "layer":
            z = torch.nn.functional.group_norm(z, 1, *layer[width + 1 :])
        h = torch.tanh(z)
    return h
