"""The outer gradient of wide networks: gradients per task are kept as factors, not as matrices.

The gradient of a layer on S points is hᵀ δ, a matrix [in + 1, out] of rank S at most. So the layer
of a task after k inner steps is θ and k such products, and so is the vector v_k that the adjoint
carries back, without θ:

    W_k = W − α Σ_j h_jᵀ δ_j            x W_k = x W − α Σ_j (x h_jᵀ) δ_j

A product costs K · S · (in + out) per point beside the shared one instead of in · out per task, and
no [task, in + 1, out] is made, which is most of the memory. The passes are those of
:mod:`maml_explorer.core.models.mlp` and the recursion is that of
:mod:`maml_explorer.core.meta_gradient`; only the algebra differs. Narrow layers stay matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from maml_explorer.core.meta_gradient import InnerLoop, MetaGradient
from maml_explorer.core.models import products
from maml_explorer.core.models.activations import ACTIVATIONS
from maml_explorer.core.models.mlp import Mlp
from maml_explorer.core.models.model import Model
from maml_explorer.core.models.trace import Layers, Trace, activated

NARROWEST = 256
"""Width from which on factors are faster than the compiled kernels: `benchmarks growth`."""


@dataclass(frozen=True, slots=True)
class Factors:
    """A matrix per task: base + leftᵀ right."""

    base: Tensor | None
    """[in + 1, out], shared by all tasks; None where it is 0."""
    left: Tensor
    """[task, rank, in + 1]."""
    right: Tensor
    """[task, rank, out]."""

    def product(self, h: Tensor) -> Tensor:
        """h W [task, point, out]."""
        inner = torch.bmm(h, self.left.mT)
        if self.base is None:
            return torch.bmm(inner, self.right)
        return products.product(h, self.base).baddbmm_(inner, self.right)

    def transposed(self) -> Factors:
        """Wᵀ without the bias row."""
        base = None if self.base is None else self.base[:-1].t()
        return Factors(base, self.right, self.left[..., :-1])

    def without_bias(self) -> Factors:
        """The first `in` rows."""
        base = None if self.base is None else self.base[:-1]
        return Factors(base, self.left[..., :-1], self.right)

    def plus(self, left: Tensor, right: Tensor) -> Factors:
        """W + leftᵀ right."""
        lefts, rights = torch.cat([self.left, left], 1), torch.cat([self.right, right], 1)
        return Factors(self.base, lefts, rights)


Matrix = Tensor | Factors
"""A layer: [in + 1, out] shared by all tasks, [task, in + 1, out], or factors."""


def pays(model: Model, steps: int, shots: int) -> list[bool]:
    """Per layer True where factors are less work than a matrix per task.

    All are False where the network is no perceptron, or has a norm or skip connections.
    """
    rank = steps * shots
    plain = isinstance(model, Mlp) and not model.links and model.norm == "none" and not model.skip
    return [
        plain
        and min(rows - 1, columns) >= NARROWEST
        and 0 < rank * (rows + columns) < rows * columns
        for rows, columns in model.matrices
    ]


def wide_gradient(
    model: Model,
    layers: Layers,
    x: Tensor,
    y: Tensor,
    shots: int,
    inner: InnerLoop,
    total_tasks: int | None = None,
) -> MetaGradient:
    """The same as :func:`maml_explorer.core.meta_gradient.meta_gradient`, but for rounding.

    Args:
        model: a perceptron without a norm and without skip connections.
        inner: with one α for all layers and inner steps, not clipped; all layers adapt.
    """
    assert isinstance(model, Mlp)
    return _Wide(model, y, shots, inner, total_tasks or x.shape[0]).run(layers, x)


class _Wide:
    """One evaluation: the path forward, and the adjoint back."""

    def __init__(self, model: Mlp, y: Tensor, shots: int, inner: InnerLoop, tasks: int) -> None:
        self.model, self.inner, self.tasks = model, inner, tasks
        self.sigma = ACTIVATIONS[model.activation]
        self.factored = pays(model, inner.steps, shots)
        self.alpha = inner.step_sizes.at(0)[0]
        self.shots = shots
        self.support_y, self.query_y = y[:, :shots], y[:, shots:]

    def run(self, layers: Layers, x: Tensor) -> MetaGradient:
        inner, loss = self.inner, self.model.loss
        support, query = x[:, : self.shots], x[:, self.shots :]
        # φ_0 … φ_K
        path: list[list[Matrix]] = [list(layers)]
        traces: list[Trace] = []
        for _ in range(inner.steps):
            trace = self._forward(path[-1], support)
            delta = loss.gradient(loss.residual(trace.output, self.support_y), 1.0)
            gradient = self._backward(path[-1], trace, delta)
            path.append([self._stepped(*pair) for pair in zip(path[-1], gradient, strict=True)])
            traces.append(trace)
        v: list[Matrix] = []
        after = x.new_zeros(())
        for k in range(inner.steps, -1, -1):
            last, moved = k == 0, bool(v)
            if moved and inner.second_order:
                curved = self._along(path[k], traces[k], v, summed=last)
                kept = [_over_tasks(w) for w in v] if last else v
                v = [self._stepped(*pair) for pair in zip(kept, curved, strict=True)]
            weight = inner.query_weights[k]
            if isinstance(weight, Tensor) or weight or k == inner.steps:
                trace = self._forward(path[k], query)
                residual = loss.residual(trace.output, self.query_y)
                if k == inner.steps:
                    after = loss.total(trace.output, self.query_y, residual)
                summed = last or not inner.second_order
                more = self._backward(
                    path[k], trace, loss.gradient(residual, weight / self.tasks), summed=summed
                )
                v = [_added(*pair) for pair in zip(v, more, strict=True)] if v else more
        output = traces[0].output if traces else self._forward(path[0], support).output
        before = loss.total(output, self.support_y, loss.residual(output, self.support_y))
        return MetaGradient(
            [w if isinstance(w, Tensor) else _over_tasks(w) for w in v], before, after
        )

    def _forward(self, layers: Sequence[Matrix], x: Tensor) -> Trace:
        trace, h = Trace(), x
        for index, layer in enumerate(layers):
            trace.inputs.append(h)
            z = _product(h, layer)
            h = z if index == len(layers) - 1 else activated(self.sigma, z, trace)
        trace.output = h
        return trace

    def _backward(
        self, layers: Sequence[Matrix], trace: Trace, delta: Tensor, summed: bool = False
    ) -> list[Matrix]:
        gradients: list[Matrix] = []
        trace.deltas = [delta] * len(layers)
        for index in range(len(layers) - 1, -1, -1):
            if index < len(trace.slopes):
                delta = _back(trace.deltas[index + 1], layers[index + 1]) * trace.slopes[index]
                trace.deltas[index] = delta
            gradients.insert(0, self._outer(index, trace.inputs[index], delta, summed))
        return gradients

    def _along(
        self, layers: Sequence[Matrix], trace: Trace, v: Sequence[Matrix], summed: bool
    ) -> list[Matrix]:
        """H v of the mean support loss per task."""
        forward: list[Tensor] = []  # per layer, how its z changes
        changes: list[Tensor | None] = [None]  # per layer, how its input changes
        for index, layer in enumerate(layers):
            h, rh = trace.inputs[index], changes[index]
            rz = _product(h, v[index])
            if rh is not None:
                rz = rz + _product(rh, _without_bias(layer))
            forward.append(rz)
            if index < len(trace.slopes):
                changes.append(rz * trace.slopes[index])
        products_: list[Matrix] = []
        r_delta = self.model.loss.curvature(trace.output, forward[-1])
        for index in range(len(layers) - 1, -1, -1):
            h, rh = trace.inputs[index], changes[index]
            delta = trace.deltas[index]
            found = self._outer(index, h, r_delta, summed)
            if rh is not None:
                found = _plus_outer(found, rh, delta, summed)
            products_.insert(0, found)
            if index == 0:
                break
            slope = trace.slopes[index - 1]
            mixed = _back(r_delta, layers[index]) + _back(delta, v[index])
            r_delta = mixed * slope
            if self.sigma.curvature is not None:
                pre, value = trace.pre[index - 1], trace.activated[index - 1]
                bend = self.sigma.curvature(pre, value, slope)
                r_delta = r_delta + _back(delta, layers[index]) * bend * forward[index - 1]
        return products_

    def _outer(self, index: int, h: Tensor, delta: Tensor, summed: bool) -> Matrix:
        if self.factored[index] and not summed:
            return Factors(None, h, delta)
        return products.outer(h, delta, summed)

    def _stepped(self, layer: Matrix, gradient: Matrix) -> Matrix:
        """layer − α · gradient."""
        if isinstance(gradient, Tensor):
            assert isinstance(layer, Tensor)
            return torch.addcmul(layer, gradient, self.alpha, value=-1)
        right = gradient.right * -self.alpha
        if isinstance(layer, Factors):
            return layer.plus(gradient.left, right)
        return Factors(layer, gradient.left, right)


def _product(h: Tensor, layer: Matrix) -> Tensor:
    return layer.product(h) if isinstance(layer, Factors) else products.product(h, layer)


def _back(delta: Tensor, layer: Matrix) -> Tensor:
    if isinstance(layer, Factors):
        return layer.transposed().product(delta)
    return products.back_product(delta, layer)


def _without_bias(layer: Matrix) -> Matrix:
    return layer.without_bias() if isinstance(layer, Factors) else products.weight_of(layer)


def _plus_outer(total: Matrix, rh: Tensor, delta: Tensor, summed: bool) -> Matrix:
    """total + [rh, 0]ᵀ δ."""
    if isinstance(total, Factors):
        return total.plus(torch.nn.functional.pad(rh, (0, 1)), delta)
    products.add_outer(total, rh, delta, summed)
    return total


def _added(total: Matrix, part: Matrix) -> Matrix:
    if isinstance(total, Factors) and isinstance(part, Factors):
        return total.plus(part.left, part.right)
    assert isinstance(total, Tensor) and isinstance(part, Tensor)
    return total.add_(part)


def _over_tasks(matrix: Matrix) -> Tensor:
    """The sum over tasks, [in + 1, out]."""
    if isinstance(matrix, Factors):
        return products.outer(matrix.left, matrix.right, sum_tasks=True)
    return matrix if matrix.dim() == 2 else matrix.sum(0)
