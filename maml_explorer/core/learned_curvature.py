"""Meta-Curvature: learned matrices that an inner gradient is multiplied by, and their gradient.

Per layer that adapts, for the gradient g of its weight [in, out] and b of its bias [out]:

    g ← (M_f ⊗ M_in) g M_out          b ← d ⊙ b

M_in is over the inputs, M_out over the outputs, and in a convolution M_f over the 9 places of a
filter and M_in over its channels; d has a factor per output, as in the authors' code. All begin at
the identity, so training begins as MAML's, and serve every inner step.

Source: Park, Oliva 2019, section 3; github.com/silverbottlep/maml.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from maml_explorer.core.adaptation import StepSizes
from maml_explorer.core.gradient_map import padded, per_task
from maml_explorer.core.learned_rates import Draw
from maml_explorer.core.models.model import Model


@dataclass(frozen=True)
class LayerCurvature:
    """The matrices of one layer."""

    places: Tensor | None
    """M_f [place, place]; None where a layer is no filter."""
    inputs: Tensor
    """M_in [in, in], or over the channels."""
    outputs: Tensor
    """M_out [out, out]."""
    bias: Tensor
    """d [1, out]."""
    height: int
    """Rows of the layer, those of a norm included, which do not adapt."""

    @property
    def width(self) -> int:
        """Rows of the weight."""
        return len(self.inputs) * (1 if self.places is None else len(self.places))

    def through_inputs(self, g: Tensor, transposed: bool = False) -> Tensor:
        """M_in g [task, in, out], place by place."""
        matrix = self.inputs.mT if transposed else self.inputs
        split = g.reshape(-1, len(matrix), g.shape[-1])
        return torch.bmm(per_task(matrix, len(split)), split).view(g.shape)

    def through_places(self, g: Tensor, transposed: bool = False) -> Tensor:
        """M_f g [task, in, out]; g where a layer is no filter."""
        if self.places is None:
            return g
        matrix = self.places.mT if transposed else self.places
        split = g.reshape(len(g), len(matrix), -1)
        return torch.bmm(per_task(matrix, len(g)), split).view(g.shape)

    def through_outputs(self, g: Tensor, transposed: bool = False) -> Tensor:
        """g M_out [task, in, out]."""
        matrix = self.outputs.mT if transposed else self.outputs
        return torch.mm(g.reshape(-1, g.shape[-1]), matrix).view(g.shape)

    def double(self) -> LayerCurvature:
        """The same in float64."""
        places = None if self.places is None else self.places.double()
        return LayerCurvature(
            places, self.inputs.double(), self.outputs.double(), self.bias.double(), self.height
        )

    def applied(self, g: Tensor, transposed: bool = False) -> Tensor:
        """Weight and bias [task, in + 1, out] through all matrices, or through their transposes."""
        weight = self.through_places(g[:, : self.width], transposed)
        weight = self.through_outputs(self.through_inputs(weight, transposed), transposed)
        return torch.cat([weight, g[:, self.width :] * self.bias], 1)

    def by_learned(self, g: Tensor, v: Tensor) -> list[Tensor]:
        """The derivative of ⟨v, applied(g)⟩, flat: M_f, M_in, M_out, d."""
        bias = (g[:, self.width :] * v[:, self.width :]).sum(0)
        g, v = g[:, : self.width], v[:, : self.width]
        placed, back = self.through_places(g), self.through_outputs(v, transposed=True)
        parts = []
        if self.places is not None:
            fed = self.through_inputs(g)
            rows = len(g), len(self.places), -1
            parts.append(torch.bmm(back.reshape(rows), fed.reshape(rows).mT).sum(0))
        split = -1, len(self.inputs), g.shape[-1]
        parts.append(torch.bmm(back.reshape(split), placed.reshape(split).mT).sum(0))
        whole = self.through_inputs(placed)
        out = -1, g.shape[-1]
        parts.append(torch.mm(whole.reshape(out).t(), v.reshape(out)))
        return [part.reshape(-1) for part in (*parts, bias)]


@dataclass(frozen=True)
class Curvature:
    """The matrices of all layers that adapt, as a map of the gradient: B, while A leaves norms out.

    See :class:`maml_explorer.core.gradient_map.GradientMap`.
    """

    layers: tuple[LayerCurvature, ...]

    def into(self, gradient: Sequence[Tensor]) -> list[Tensor]:
        """The gradient of weights and biases."""
        return [g[:, : m.width + 1] for m, g in zip(self.layers, gradient, strict=True)]

    def out(self, step: Sequence[Tensor]) -> list[Tensor | None]:
        """The step, multiplied by the matrices."""
        return [padded(m.applied(s), m.height) for m, s in zip(self.layers, step, strict=True)]

    def into_transposed(self, w: Sequence[Tensor]) -> list[Tensor]:
        """The same with rows of zeros for a norm."""
        return [padded(part, m.height) for m, part in zip(self.layers, w, strict=True)]

    def out_transposed(self, v: Sequence[Tensor]) -> list[Tensor]:
        """A vector, multiplied by the transposes."""
        return [m.applied(w, True) for m, w in zip(self.layers, self.into(v), strict=True)]

    def by_learned(
        self,
        gradient: Sequence[Tensor],
        step: Sequence[Tensor],
        v: Sequence[Tensor],
        pulled: Sequence[Tensor] | None,
    ) -> list[Tensor]:
        """Per layer by M_f, M_in, M_out and d."""
        pairs = zip(self.layers, step, self.into(v), strict=True)
        return [part for m, s, w in pairs for part in m.by_learned(s, w)]

    def above(self, layers: int) -> Curvature:
        """The matrices of the layers above."""
        return Curvature(self.layers[layers:])

    def double(self) -> Curvature:
        """The same in float64."""
        return Curvature(tuple(m.double() for m in self.layers))


@dataclass(frozen=True)
class LearnedCurvature:
    """Matrices that an arm learns; they lie behind θ in one vector."""

    start: int
    """First layer that adapts."""
    kind: str = "matrices"

    def sizes(self, model: Model) -> list[tuple[int, int, int]]:
        """Per layer that adapts the sizes of (M_f, M_in, M_out); 0 for an M_f that is not there."""
        found = []
        pairs = zip(model.matrices[self.start :], model.filter_places[self.start :], strict=True)
        for (rows, columns), places in pairs:
            found.append((places if places > 1 else 0, (rows - 1) // places, columns))
        return found

    def count(self, model: Model) -> int:
        """Number of learned entries."""
        return sum(f * f + i * i + o * o + o for f, i, o in self.sizes(model))

    def beginning(self, model: Model, alpha: float, like: Tensor, draw: Draw) -> Tensor:
        """Identities: what training begins with is MAML's inner step."""
        parts = []
        for sizes in self.sizes(model):
            parts += [torch.eye(size).reshape(-1) for size in sizes]
            parts.append(torch.ones(sizes[-1]))
        return torch.cat(parts).to(like)

    def of(
        self, model: Model, learned: Tensor, alpha: Tensor, clip: Tensor | None = None
    ) -> StepSizes:
        """α everywhere, and the matrices as views into what an arm has learned."""
        flat, layers, begin = learned[model.parameter_count :], [], 0

        def taken(rows: int, columns: int) -> Tensor:
            nonlocal begin
            begin += rows * columns
            return flat[begin - rows * columns : begin].view(rows, columns)

        for (f, i, o), (height, _) in zip(
            self.sizes(model), model.shapes[self.start :], strict=True
        ):
            places = taken(f, f) if f else None
            layers.append(LayerCurvature(places, taken(i, i), taken(o, o), taken(1, o), height))
        sizes = [alpha] * len(layers)
        return StepSizes([sizes], clip=clip, map=Curvature(tuple(layers)))

    def gradient(self, model: Model, by_step: Sequence[Sequence[Tensor]]) -> list[Tensor]:
        """The gradient by all entries, flat and in their order, in parts.

        Args:
            by_step: per inner step what :meth:`Curvature.by_learned` gave.
        """
        totals = list(by_step[0])
        for parts in by_step[1:]:
            totals = [a + b for a, b in zip(totals, parts, strict=True)]
        return totals
