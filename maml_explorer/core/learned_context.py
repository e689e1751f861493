"""CAVIA: context parameters as a learned map of the gradient by one or two rows of a layer.

The first layer sees [x, c] with context parameters c [n], so V c is added to its bias, where the
weights V [n, out] take c in. c_0 = 0, and only c adapts:

    ∇_c L = ∇_b L Vᵀ      c_{k+1} = c_k − α ∇_c L      b + c_{k+1} V = (b + c_k V) − α ∇_b L Vᵀ V

So an inner step is one of the bias, its gradient g going through A: g ↦ g Vᵀ and B: c ↦ c V. That
is exact, and nothing else of the network need know of c. V lies behind θ and is trained with it.
Where a norm stands behind the first layer, which would take a bias away again, c V is added behind
the norm, to its shift β.

Where c enters features instead, V [n, 2 · out] moves scale γ and shift β of the norm of the last
hidden layer alike, γ + c V_γ and β + c V_β: FiLM (Perez et al. 2018), as in CAVIA's networks for
images. Without a norm there it moves the bias.

Source: Zintgraf, Shiarlis, Kurin, Hofmann, Whiteson 2019, section 3.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from maml_explorer.core.adaptation import StepSizes
from maml_explorer.core.gradient_map import GradientMap
from maml_explorer.core.learned_rates import Draw
from maml_explorer.core.models.model import Model


@dataclass(frozen=True)
class ContextMap:
    """Way between the gradient by the network and that by the context parameters.

    See :class:`maml_explorer.core.gradient_map.GradientMap`.
    """

    weights: Tensor
    """V [n, height · out]."""
    row: int
    """First row of the layer that c V is added to."""
    shapes: tuple[tuple[int, int], ...]
    """Per layer (rows, out)."""
    layer: int = 0
    """The layer that takes c in."""
    height: int = 1
    """Rows that c V is added to."""

    def into(self, gradient: Sequence[Tensor]) -> list[Tensor]:
        """∇_c [task, 1, n]."""
        return [self._back(gradient[self.layer])]

    def out(self, step: Sequence[Tensor]) -> list[Tensor | None]:
        """Rows of a layer that move; all other layers stay."""
        above = len(self.shapes) - self.layer - 1
        return [*[None] * self.layer, self._placed(step[0]), *[None] * above]

    def into_transposed(self, w: Sequence[Tensor]) -> list[Tensor]:
        """The same with zeros for the other layers."""
        return [
            self._placed(w[0]) if nth == self.layer else w[0].new_zeros(len(w[0]), rows, out)
            for nth, (rows, out) in enumerate(self.shapes)
        ]

    def out_transposed(self, v: Sequence[Tensor]) -> list[Tensor]:
        """v of those rows, through Vᵀ."""
        return [self._back(v[self.layer])]

    def by_learned(
        self,
        gradient: Sequence[Tensor],
        step: Sequence[Tensor],
        v: Sequence[Tensor],
        pulled: Sequence[Tensor] | None,
    ) -> list[Tensor]:
        """Parts by V of c V, and of ∇_c, which is a constant in first order."""
        found = torch.mm(_flat(step[0]).t(), _flat(self._rows_of(v[self.layer])))
        if pulled is not None:
            found = found + torch.mm(
                _flat(pulled[0]).t(), _flat(self._rows_of(gradient[self.layer]))
            )
        return [found.reshape(-1)]

    def above(self, layers: int) -> GradientMap:
        """Nothing adapts where the layer that takes c in is held."""
        if layers > self.layer:
            return HeldContext(self.shapes[layers:])
        return dataclasses.replace(self, shapes=self.shapes[layers:], layer=self.layer - layers)

    def double(self) -> ContextMap:
        """The same in float64."""
        return dataclasses.replace(self, weights=self.weights.double())

    def _rows_of(self, layer: Tensor) -> Tensor:
        return layer[:, self.row : self.row + self.height]

    def _back(self, layer: Tensor) -> Tensor:
        rows = _flat(self._rows_of(layer))
        return torch.mm(rows, self.weights.t()).view(len(layer), 1, -1)

    def _placed(self, step: Tensor) -> Tensor:
        rows = torch.mm(_flat(step), self.weights).view(len(step), self.height, -1)
        below = self.shapes[self.layer][0] - self.row - self.height
        return torch.nn.functional.pad(rows, (0, 0, self.row, below))


@dataclass(frozen=True)
class HeldContext:
    """Map of layers none of which adapts."""

    shapes: tuple[tuple[int, int], ...]

    def into(self, gradient: Sequence[Tensor]) -> list[Tensor]:
        """One 0 per task."""
        return [gradient[0].new_zeros(len(gradient[0]), 1, 1)]

    def out(self, step: Sequence[Tensor]) -> list[Tensor | None]:
        """No layer moves."""
        return [None] * len(self.shapes)

    def into_transposed(self, w: Sequence[Tensor]) -> list[Tensor]:
        """Zeros."""
        return [w[0].new_zeros(len(w[0]), *shape) for shape in self.shapes]

    def out_transposed(self, v: Sequence[Tensor]) -> list[Tensor]:
        """One 0 per task."""
        return self.into(v)

    def by_learned(
        self,
        gradient: Sequence[Tensor],
        step: Sequence[Tensor],
        v: Sequence[Tensor],
        pulled: Sequence[Tensor] | None,
    ) -> list[Tensor]:
        """No part."""
        return []

    def above(self, layers: int) -> HeldContext:
        """The same of fewer layers."""
        return HeldContext(self.shapes[layers:])

    def double(self) -> HeldContext:
        """The same."""
        return self


@dataclass(frozen=True)
class LearnedContext:
    """Weights of the context parameters, which an arm learns."""

    number: int
    """n: context parameters."""
    features: bool = False
    """True where they enter features, else the input."""
    start: int = 0
    kind: str = "context"

    def count(self, model: Model) -> int:
        """Number of those weights."""
        return self.number * self._height(model) * model.shapes[self._layer(model)][1]

    def beginning(self, model: Model, alpha: float, like: Tensor, draw: Draw) -> Tensor:
        """Weights as θ_0's, of an input that is wider by the context, or of the context alone."""
        if self.features:
            drawn = draw(self.number, self.count(model) // self.number)
            return drawn.reshape(-1).to(like)
        drawn = draw(model.fan_in[0] + self.number, model.shapes[0][1])
        return drawn[-self.number :].reshape(-1).to(like)

    def of(
        self, model: Model, learned: Tensor, alpha: Tensor, clip: Tensor | None = None
    ) -> StepSizes:
        """α, and the map with V as a view into what an arm has learned."""
        begin = model.parameter_count
        weights = learned[begin : begin + self.count(model)].view(self.number, -1)
        layer, height = self._layer(model), self._height(model)
        row = model.fan_in[layer] + (0 if model.norm == "none" else 3 - height)
        mapped = ContextMap(weights, row, tuple(model.shapes), layer, height)
        return StepSizes([[alpha] * model.depth], clip=clip, map=mapped)

    def gradient(self, model: Model, by_step: Sequence[Sequence[Tensor]]) -> list[Tensor]:
        """The gradient by V, flat.

        Args:
            by_step: per inner step what :meth:`ContextMap.by_learned` gave.
        """
        total = by_step[0][0]
        for parts in by_step[1:]:
            total = total + parts[0]
        return [total]

    def _layer(self, model: Model) -> int:
        """The layer that takes them in: the first, or the last hidden one."""
        return max(0, model.depth - 2) if self.features else 0

    def _height(self, model: Model) -> int:
        """Rows of it that they move: a bias or shift, or scale and shift."""
        return 2 if self.features and model.norm != "none" else 1


def _flat(rows: Tensor) -> Tensor:
    """[task, row, n] → [task, row · n]."""
    return rows.reshape(len(rows), -1)
