"""A multilayer perceptron in closed form, batched over tasks.

Layer l holds one matrix [in + 1, out]: the weight in its first rows, the bias in the last one.
Activations carry a trailing column of ones, so a layer is one product and its gradient another:

    forward             z_l = [h_{l-1}, 1] W_l            h_l = σ(z_l)
    backward            G_l = [h_{l-1}, 1]ᵀ δ_l           δ_{l-1} = (δ_l W_lᵀ) ⊙ σ'(z_{l-1})
    R-forward           Rz_l = [h_{l-1}, 1] V_l + Rh_{l-1} W_l          Rh_l = σ'(z_l) ⊙ Rz_l
    R-backward          RG_l = [h_{l-1}, 1]ᵀ Rδ_l + [Rh_{l-1}, 0]ᵀ δ_l
                        Rδ_{l-1} = (Rδ_l W_lᵀ + δ_l V_lᵀ) ⊙ σ' + (δ_l W_lᵀ) ⊙ σ'' ⊙ Rz_{l-1}

R{·} is the derivative along V (Pearlmutter 1994), so RG = H V. A stack of layers is a list of
matrices that are either shared by all tasks, [in + 1, out], or per task, [task, in + 1, out];
shared ones take one large product instead of many small ones. The activation of the last layer is
left out where the stack ends in the network's output.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from maml_explorer.core.models.activations import ACTIVATIONS, Activation

Layers = Sequence[Tensor]
"""One matrix per layer: [in + 1, out] shared by all tasks, or [task, in + 1, out]."""


@dataclass(slots=True)
class Trace:
    """What a forward pass keeps for the passes after it."""

    inputs: list[Tensor] = field(default_factory=list)
    """Per layer: [task, point, in + 1], the last column ones."""
    pre: list[Tensor] = field(default_factory=list)
    """Per activated layer: z [task, point, out]."""
    slopes: list[Tensor] = field(default_factory=list)
    """Per activated layer: σ'(z) [task, point, out]."""
    deltas: list[Tensor] = field(default_factory=list)
    """Per layer, filled by :meth:`Mlp.backward`: ∂loss/∂z_l [task, point, out]."""
    output: Tensor = field(default_factory=lambda: torch.empty(0))
    """[task, point, out]; where the last layer is activated, with its column of ones."""


@dataclass(frozen=True)
class Mlp:
    """Shapes and activation of the network; it holds no parameters.

    `sizes` are the widths from input to output, such as (1, 40, 40, 1).
    """

    sizes: tuple[int, ...]
    activation: str = "relu"

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Per layer (in + 1, out)."""
        return [(a + 1, b) for a, b in zip(self.sizes, self.sizes[1:], strict=False)]

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.sizes) - 1

    @property
    def parameter_count(self) -> int:
        """Number of parameters, weights and biases."""
        return sum(rows * columns for rows, columns in self.shapes)

    def layers(self, flat: Tensor) -> list[Tensor]:
        """Views [in + 1, out] into a flat vector [parameter]."""
        views, start = [], 0
        for rows, columns in self.shapes:
            views.append(flat[start : start + rows * columns].view(rows, columns))
            start += rows * columns
        return views

    def initialize(self, how: str, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
        """A fresh initialization θ_0 [parameter], drawn on the CPU.

        He: He et al. 2015, equation 10. Xavier: Glorot and Bengio 2010, its normal form.
        Truncated normal: σ .01 cut at 2 σ, zero biases, as in the code of Finn et al. 2017.
        PyTorch: what `torch.nn.Linear` does, uniform in ±1/√fan-in, biases included.
        """
        parts = []
        for rows, columns in self.shapes:
            fan_in = rows - 1
            layer = torch.zeros(rows, columns, dtype=torch.float64)
            weight = layer[:-1]
            if how == "pytorch":
                bound = 1 / math.sqrt(fan_in)
                layer.uniform_(-bound, bound, generator=generator)
            elif how == "truncated-normal":
                torch.nn.init.trunc_normal_(weight, std=0.01, a=-0.02, b=0.02, generator=generator)
            else:
                variance = 2 / fan_in if how == "he" else 2 / (fan_in + columns)
                weight.normal_(0, math.sqrt(variance), generator=generator)
            parts.append(layer.flatten())
        return torch.cat(parts).to(dtype)

    def forward(self, layers: Layers, x: Tensor, activate_last: bool = False) -> Trace:
        """The forward pass through a stack of layers.

        Args:
            layers: consecutive layers of the network.
            x: [task, point, in + 1], the last column ones.
            activate_last: True where the stack ends in a hidden layer (a body without its head).
        """
        sigma = ACTIVATIONS[self.activation]
        trace, h = Trace(), x
        last = len(layers) - 1
        for index, layer in enumerate(layers):
            trace.inputs.append(h)
            z = product(h, layer)
            if index < last or activate_last:
                h = _activated(sigma, z, trace)
            else:
                h = z
        trace.output = h
        return trace

    def backward(
        self,
        layers: Layers,
        trace: Trace,
        delta: Tensor,
        *,
        sum_tasks: bool = False,
        to_input: bool = False,
    ) -> tuple[list[Tensor], Tensor | None]:
        """The gradient of a loss with respect to the layers of a stack.

        Args:
            delta: ∂loss/∂output [task, point, out] (without the column of ones).
            sum_tasks: sum over the tasks in the same product.
            to_input: also return ∂loss/∂(input of the stack) [task, point, in].

        Returns:
            Per layer [task, in + 1, out], or [in + 1, out] when summed; and the input's gradient.
        """
        gradients: list[Tensor] = [delta] * len(layers)
        deltas: list[Tensor] = [delta] * len(layers)
        if len(trace.slopes) == len(layers):  # the stack ends in an activation
            delta = delta * trace.slopes[-1]
        upward: Tensor | None = None
        for index in range(len(layers) - 1, -1, -1):
            deltas[index] = delta
            gradients[index] = outer(trace.inputs[index], delta, sum_tasks)
            if index > 0:
                delta = back_product(delta, layers[index]) * trace.slopes[index - 1]
            elif to_input:
                upward = back_product(delta, layers[0])
        trace.deltas = deltas
        return gradients, upward

    def hessian_vector_product(
        self,
        layers: Layers,
        trace: Trace,
        vector: Layers,
        *,
        sum_tasks: bool = False,
        to_input: bool = False,
    ) -> tuple[list[Tensor], Tensor | None]:
        """H V of the mean squared error per task, at the point where `trace` was taken.

        The stack must end in the network's output, and :meth:`backward` must have been called on
        the trace. With `to_input`, also the derivative of ⟨gradient, V⟩ by the stack's input.

        Args:
            vector: V per layer [task, in + 1, out].

        Returns:
            As :meth:`backward`.
        """
        sigma = ACTIVATIONS[self.activation]
        points = trace.output.shape[1] * trace.output.shape[2]
        r_inputs: list[Tensor | None] = [None] * len(layers)
        r_pre: list[Tensor] = []
        rz = product(trace.inputs[0], vector[0])
        for index in range(1, len(layers)):
            rh = rz * trace.slopes[index - 1]
            r_inputs[index] = rh
            r_pre.append(rz)
            rz = add_product(
                product(trace.inputs[index], vector[index]), rh, _weight(layers[index])
            )
        r_delta = rz * (2 / points)
        products: list[Tensor] = [r_delta] * len(layers)
        upward: Tensor | None = None
        for index in range(len(layers) - 1, -1, -1):
            delta = trace.deltas[index]
            product_here = outer(trace.inputs[index], r_delta, sum_tasks)
            rh_below = r_inputs[index]
            if rh_below is not None:
                add_outer(product_here, rh_below, delta, sum_tasks)
            products[index] = product_here
            if index == 0 and not to_input:
                break
            mixed = add_back_product(back_product(r_delta, layers[index]), delta, vector[index])
            if index == 0:
                upward = mixed
                break
            slope = trace.slopes[index - 1]
            if sigma.curvature is None:
                r_delta = mixed * slope
            else:
                bend = sigma.curvature(trace.pre[index - 1], trace.inputs[index][..., :-1], slope)
                plain = back_product(delta, layers[index])
                r_delta = torch.addcmul(mixed * slope, plain * bend, r_pre[index - 1])
        return products, upward


def with_ones(x: Tensor) -> Tensor:
    """[task, point, in] → [task, point, in + 1], the last column ones."""
    wide = x.new_ones(x.shape[0], x.shape[1], x.shape[2] + 1)
    wide[..., :-1] = x
    return wide


def _activated(sigma: Activation, z: Tensor, trace: Trace) -> Tensor:
    wide = z.new_empty(z.shape[0], z.shape[1], z.shape[2] + 1)
    wide[..., -1].fill_(1)
    h = wide[..., :-1]
    sigma.value(z, h)
    trace.pre.append(z)
    trace.slopes.append(sigma.slope(z, h))
    return wide


def _weight(layer: Tensor) -> Tensor:
    """The layer without its bias row: [in, out] or [task, in, out]."""
    return layer[:-1] if layer.dim() == 2 else layer[:, :-1]


def product(h: Tensor, layer: Tensor) -> Tensor:
    """h W: [task, point, in] with [in, out] or [task, in, out] → [task, point, out]."""
    if layer.dim() == 3:
        return torch.bmm(h, layer)
    return torch.mm(h.reshape(-1, h.shape[-1]), layer).view(h.shape[0], h.shape[1], -1)


def add_product(base: Tensor, h: Tensor, layer: Tensor) -> Tensor:
    """base + h W, in place."""
    if layer.dim() == 3:
        return base.baddbmm_(h, layer)
    base.view(-1, base.shape[-1]).addmm_(h.view(-1, h.shape[-1]), layer)
    return base


def back_product(delta: Tensor, layer: Tensor) -> Tensor:
    """δ Wᵀ without the bias row: [task, point, out] → [task, point, in]."""
    weight = _weight(layer)
    if delta.shape[-1] == 1:  # an outer product: a broadcast beats a matrix product
        return delta * weight.mT
    if weight.dim() == 3:
        return torch.bmm(delta, weight.mT)
    flat = torch.mm(delta.reshape(-1, delta.shape[-1]), weight.t())
    return flat.view(delta.shape[0], delta.shape[1], -1)


def add_back_product(base: Tensor, delta: Tensor, layer: Tensor) -> Tensor:
    """base + δ Wᵀ for a per-task layer, in place."""
    weight = _weight(layer)
    if delta.shape[-1] == 1:
        return base.addcmul_(delta, weight.mT)
    return base.baddbmm_(delta, weight.mT)


def outer(h: Tensor, delta: Tensor, sum_tasks: bool) -> Tensor:
    """hᵀ δ: [task, in, out], or [in, out] summed over tasks in one product."""
    if sum_tasks:
        return torch.mm(h.reshape(-1, h.shape[-1]).t(), delta.reshape(-1, delta.shape[-1]))
    return torch.bmm(h.mT, delta)


def add_outer(base: Tensor, h: Tensor, delta: Tensor, sum_tasks: bool) -> None:
    """Adds hᵀ δ to all rows of `base` but the bias row, in place."""
    if sum_tasks:
        base[:-1].addmm_(h.view(-1, h.shape[-1]).t(), delta.reshape(-1, delta.shape[-1]))
    else:
        # a product into a slice would be copied there and back; adding it is three times faster
        base[:, :-1].add_(torch.bmm(h.mT, delta))
