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

With `skip`, h_l = σ(z_l) + h_{l-1} where layer l is as wide as the one before it; what reaches h_l
from above then reaches h_{l-1} as well. With `norm`, z_l is normalized before σ (see
:mod:`maml_explorer.core.models.normalization`): the matrix of a hidden layer goes on below the bias
with a row of scales γ, one of shifts β and the stored statistics. None of these adapt in the inner
loop.

With `links` (:mod:`maml_explorer.core.models.links`) a point has several rows, the places of its
picture, and a layer sees patches of them: a convolution. [task, point, …] is [task, row, …] there.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor

from maml_explorer.core.families.batch import with_ones as with_ones
from maml_explorer.core.losses import SQUARED_ERROR, Loss
from maml_explorer.core.models.activations import ACTIVATIONS
from maml_explorer.core.models.initializations import drawn
from maml_explorer.core.models.links import Link
from maml_explorer.core.models.normalization import by_current, by_kept
from maml_explorer.core.models.products import (
    add_back_product,
    add_outer,
    affine,
    back_product,
    outer,
    product,
    scale_of,
    summed,
    with_rows,
)
from maml_explorer.core.models.sizes import floats_per_point
from maml_explorer.core.models.trace import Layers, Trace, activated, along_vector, plus_skip
from maml_explorer.settings.norms import NORMS


@dataclass(frozen=True)
class Mlp:
    """Shapes and functions of the network; it holds no parameters.

    `sizes` are the widths from input to output, such as (1, 40, 40, 1).
    """

    sizes: tuple[int, ...]
    activation: str = "relu"
    skip: bool = False
    norm: str = "none"
    """A name of :data:`maml_explorer.settings.norms.NORMS`."""
    use_stored: bool = True
    """False where statistics are those of the points given, even if others are stored."""
    loss: Loss = SQUARED_ERROR
    """The loss that its outputs are trained with."""
    links: tuple[Link, ...] = ()
    """Per layer how what lies below enters it; none where every point has one row everywhere."""
    replays: bool = True

    @property
    def training(self) -> Mlp:
        """The network as it is trained."""
        return dataclasses.replace(self, use_stored=NORMS[self.norm].constant)

    @property
    def kept_per_point(self) -> int:
        """Numbers that a pass keeps of a point, about."""
        return floats_per_point(self)

    @property
    def current(self) -> Mlp:
        """The network with the statistics of the points given, whatever is stored."""
        return dataclasses.replace(self, use_stored=False)

    @property
    def smooth(self) -> bool:
        """True where its second derivatives are not 0 almost everywhere along an activation."""
        return ACTIVATIONS[self.activation].curvature is not None

    @property
    def by_points(self) -> bool:
        """True where a prediction depends on the points it is made together with."""
        norm = NORMS[self.norm]
        return norm.over == "points" and not (norm.stored and self.use_stored)

    @property
    def by_step(self) -> bool:
        """True where the same parameters mean another function at another inner step."""
        return self.use_stored and NORMS[self.norm].stored > 1

    @property
    def inputs(self) -> int:
        """Numbers of an input, without the column of ones."""
        return self.sizes[0]

    @property
    def outputs(self) -> int:
        """Numbers of an output."""
        return self.sizes[-1]

    @property
    def fan_in(self) -> tuple[int, ...]:
        """Per layer the width of what enters it, without the column of ones."""
        return tuple(link.width for link in self.links) if self.links else self.sizes[:-1]

    @property
    def rows(self) -> tuple[int, ...]:
        """Per layer the rows of a point: 1, or the places of its picture."""
        return tuple(link.rows for link in self.links) if self.links else (1,) * self.depth

    @property
    def matrices(self) -> list[tuple[int, int]]:
        """Per layer (in + 1, out): weights and biases alone."""
        return [(a + 1, b) for a, b in zip(self.fan_in, self.sizes[1:], strict=True)]

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Per layer (rows, out): those of its matrix, and in a hidden layer those of the norm."""
        more = [NORMS[self.norm].rows] * (self.depth - 1) + [0]
        return [(a + rows, b) for (a, b), rows in zip(self.matrices, more, strict=True)]

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.sizes) - 1

    @property
    def parameter_count(self) -> int:
        """Length of θ: weights, biases and the rows of the norm, stored statistics included."""
        return sum(rows * columns for rows, columns in self.shapes)

    def layers(self, flat: Tensor) -> list[Tensor]:
        """Views [in + 1, out] into a flat vector [parameter], longer by the rows of a norm."""
        views, start = [], 0
        for rows, columns in self.shapes:
            views.append(flat[start : start + rows * columns].view(rows, columns))
            start += rows * columns
        return views

    def initialize(self, how: str, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
        """A fresh initialization θ_0 [parameter], drawn on the CPU.

        The ways are those of :mod:`maml_explorer.core.models.initializations`.
        """
        return drawn(self.fan_in, self.shapes, list(self.filter_places), how, generator).to(dtype)

    @property
    def filter_places(self) -> tuple[int, ...]:
        """Per layer how many places of a picture a filter sees; 1 where it is no filter."""
        return tuple(link.places_seen for link in self.links) or (1,) * self.depth

    def adapting(self, layers: list[Tensor]) -> list[Tensor]:
        """The same with 0 where the inner loop changes nothing: in the rows of a norm."""
        return layers if self.norm == "none" else self._kept(layers, 1)

    def trained(self, layers: list[Tensor]) -> list[Tensor]:
        """The same with 0 where no gradient leads: in stored statistics."""
        return self._kept(layers, 3) if NORMS[self.norm].stored else layers

    def _kept(self, layers: list[Tensor], below_weights: int) -> list[Tensor]:
        """The weights of layers at the end of the network and so many rows below them, else 0."""
        kept = []
        for width, layer in zip(self.fan_in[-len(layers) :], layers, strict=True):
            rows = layer[..., : width + below_weights, :]
            missing = layer.shape[-2] - rows.shape[-2]
            kept.append(torch.nn.functional.pad(rows, (0, 0, 0, missing)))
        return kept

    def forward(
        self,
        layers: Layers,
        x: Tensor,
        activate_last: bool = False,
        *,
        step: int = 0,
        shots: int | None = None,
    ) -> Trace:
        """The forward pass through a stack of layers.

        Args:
            layers: consecutive layers of the network.
            x: [task, point, in + 1], the last column ones.
            activate_last: True where the stack ends in a hidden layer (a body without its head).
            step: the inner step k of φ_k, which chooses stored statistics kept per step.
            shots: where x is a support set of that size and a query set after it, which batch norm
                tells apart; None where x is one set.
        """
        sigma = ACTIVATIONS[self.activation]
        first = 0 if activate_last else self.depth - len(layers)
        trace, h = Trace(first=first), x
        if self.links and first == 0 and layers:
            h = self.links[0].spread(x[..., :-1], True)
        last = len(layers) - 1
        for index, layer in enumerate(layers):
            trace.inputs.append(h)
            z = product(h, affine(layer, h))
            if index < last or activate_last:
                if self.norm != "none":
                    z = self._normalized(z, layer, trace, step, shots)
                below = h
                above = first + index + 1
                h = activated(sigma, z, trace, self.links[above] if self.links else None)
                if self._skips(layer, below):
                    h = plus_skip(h, below)
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
        trace.deltas = [delta] * len(layers)
        above = delta  # ∂loss/∂h of this layer
        for index in range(len(layers) - 1, -1, -1):
            layer, h = layers[index], trace.inputs[index]
            delta, rows = above, None
            if index < len(trace.slopes):
                above = self._gathered(above, trace.first + index)
                delta = above * trace.slopes[index]
                if trace.norms:
                    norm = trace.norms[index]
                    rows = summed((delta * norm.n, delta), sum_tasks)
                    delta = norm.change(delta * scale_of(layer, h))
            trace.deltas[index] = delta
            gradients[index] = with_rows(outer(h, delta, sum_tasks), rows, layer)
            if index == 0 and not to_input:
                return gradients, None
            below = back_product(delta, affine(layer, h))
            if index < len(trace.slopes) and self._skips(layer, h):
                below = below + above
            above = below
        return gradients, above

    def hessian_vector_product(
        self,
        layers: Layers,
        trace: Trace,
        vector: Layers,
        *,
        sum_tasks: bool = False,
        to_input: bool = False,
    ) -> tuple[list[Tensor], Tensor | None]:
        """H V of the mean loss per task, at the point where `trace` was taken.

        The stack must end in the network's output, and :meth:`backward` must have been called on
        the trace. With `to_input`, also the derivative of ⟨gradient, V⟩ by the stack's input.

        Args:
            vector: V per layer [task, in + 1, out].

        Returns:
            As :meth:`backward`.
        """
        sigma = ACTIVATIONS[self.activation]
        along = along_vector(layers, trace, vector, self._skips, self.links)
        bends = sigma.curvature is not None
        products: list[Tensor] = [along.output] * len(layers)
        above = trace.deltas[-1]
        r_above = self.loss.curvature(trace.output, along.output)
        for index in range(len(layers) - 1, -1, -1):
            layer, h, direction = layers[index], trace.inputs[index], vector[index]
            r_delta, rows = r_above, None
            if index < len(trace.slopes):
                slope = trace.slopes[index]
                r_above = self._gathered(r_above, trace.first + index)
                r_delta = r_above * slope
                if bends or trace.norms:
                    above = self._gathered(above, trace.first + index)
                if sigma.curvature is not None:
                    bend = sigma.curvature(trace.pre[index], trace.activated[index], slope)
                    r_delta = torch.addcmul(r_delta, above * bend, along.pre[index])
                if trace.norms:
                    norm, rn = trace.norms[index], along.n[index]
                    delta, scale = above * slope, scale_of(layer, h)
                    rows = summed((r_delta * norm.n + delta * rn, r_delta), sum_tasks)
                    r_delta = norm.change(r_delta * scale + delta * scale_of(direction, h))
                    turn = norm.bend(delta * scale, rn, along.z[index])
                    r_delta = r_delta if turn is None else r_delta + turn
            product_here = outer(h, r_delta, sum_tasks)
            rh_below = along.inputs[index]
            if rh_below is not None:
                add_outer(product_here, rh_below, trace.deltas[index], sum_tasks)
            products[index] = with_rows(product_here, rows, layer)
            if index == 0 and not to_input:
                return products, None
            mixed = add_back_product(
                back_product(r_delta, affine(layer, h)),
                trace.deltas[index],
                affine(direction, h),
            )
            skips = index < len(trace.slopes) and self._skips(layer, h)
            r_above = mixed + r_above if skips else mixed
            if index and (bends or trace.norms):
                below = back_product(trace.deltas[index], affine(layer, h))
                above = below + above if skips else below
        return products, r_above

    def _normalized(
        self, z: Tensor, layer: Tensor, trace: Trace, step: int, shots: int | None
    ) -> Tensor:
        norm = NORMS[self.norm]
        rows = layer[..., trace.inputs[-1].shape[-1] :, :]
        if norm.stored and self.use_stored:
            found = by_kept(z, rows, norm.stored, step)
        else:
            found = by_current(z, norm.over, shots, self.rows[trace.first + len(trace.norms)])
        trace.norms.append(found)
        return found.n * rows[..., :1, :] + rows[..., 1:2, :]

    def _gathered(self, above: Tensor, layer: int) -> Tensor:
        """∂loss/∂h [task, point, out] of a layer, from that by what enters the layer above it."""
        return self.links[layer + 1].gather(above) if self.links else above

    def _skips(self, layer: Tensor, h: Tensor) -> bool:
        return self.skip and layer.shape[-1] == h.shape[-1] - 1
