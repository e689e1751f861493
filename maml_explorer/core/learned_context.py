"""CAVIA: context parameters as a learned map of the gradient by one row of the first layer.

The first layer sees [x, c] with context parameters c [n], so V c is added to its bias, where the
weights V [n, out] take c in. c_0 = 0, and only c adapts:

    ∇_c L = ∇_b L Vᵀ      c_{k+1} = c_k − α ∇_c L      b + c_{k+1} V = (b + c_k V) − α ∇_b L Vᵀ V

So an inner step is one of the bias, its gradient g going through A: g ↦ g Vᵀ and B: c ↦ c V. That
is exact, and nothing else of the network need know of c. V lies behind θ and is trained with it.
Where a norm stands behind the first layer, which would take a bias away again, c V is added behind
the norm, to its shift β.

Source: Zintgraf, Shiarlis, Kurin, Hofmann, Whiteson 2019, section 3.
"""

from __future__ import annotations

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
    """V [n, out]."""
    row: int
    """Row of the first layer that c V is added to."""
    shapes: tuple[tuple[int, int], ...]
    """Per layer (rows, out)."""

    def into(self, gradient: Sequence[Tensor]) -> list[Tensor]:
        """∇_c [task, 1, n]."""
        return [self._back(gradient[0])]

    def out(self, step: Sequence[Tensor]) -> list[Tensor | None]:
        """Row of the first layer that moves; all other layers stay."""
        return [self._placed(step[0]), *[None] * (len(self.shapes) - 1)]

    def into_transposed(self, w: Sequence[Tensor]) -> list[Tensor]:
        """The same with zeros for the other layers."""
        others = [w[0].new_zeros(len(w[0]), rows, out) for rows, out in self.shapes[1:]]
        return [self._placed(w[0]), *others]

    def out_transposed(self, v: Sequence[Tensor]) -> list[Tensor]:
        """v of that row, through Vᵀ."""
        return [self._back(v[0])]

    def by_learned(
        self,
        gradient: Sequence[Tensor],
        step: Sequence[Tensor],
        v: Sequence[Tensor],
        pulled: Sequence[Tensor] | None,
    ) -> list[Tensor]:
        """Parts by V of c V, and of ∇_c, which is a constant in first order."""
        found = torch.mm(_flat(step[0]).t(), _flat(self._row_of(v[0])))
        if pulled is not None:
            found = found + torch.mm(_flat(pulled[0]).t(), _flat(self._row_of(gradient[0])))
        return [found.reshape(-1)]

    def above(self, layers: int) -> GradientMap:
        """Nothing adapts where the layer that takes c in is held."""
        return HeldContext(self.shapes[layers:]) if layers else self

    def double(self) -> ContextMap:
        """The same in float64."""
        return ContextMap(self.weights.double(), self.row, self.shapes)

    def _row_of(self, layer: Tensor) -> Tensor:
        return layer[:, self.row : self.row + 1]

    def _back(self, layer: Tensor) -> Tensor:
        row = _flat(self._row_of(layer))
        return torch.mm(row, self.weights.t()).view(len(layer), 1, -1)

    def _placed(self, step: Tensor) -> Tensor:
        row = torch.mm(_flat(step), self.weights).view(len(step), 1, -1)
        below = self.shapes[0][0] - self.row - 1
        return torch.nn.functional.pad(row, (0, 0, self.row, below))


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
    start: int = 0
    kind: str = "context"

    def count(self, model: Model) -> int:
        """Number of those weights."""
        return self.number * model.shapes[0][1]

    def beginning(self, model: Model, alpha: float, like: Tensor, draw: Draw) -> Tensor:
        """Weights as θ_0's, of an input that is wider by the context."""
        drawn = draw(model.fan_in[0] + self.number, model.shapes[0][1])
        return drawn[-self.number :].reshape(-1).to(like)

    def of(
        self, model: Model, learned: Tensor, alpha: Tensor, clip: Tensor | None = None
    ) -> StepSizes:
        """α, and the map with V as a view into what an arm has learned."""
        begin = model.parameter_count
        weights = learned[begin : begin + self.count(model)].view(self.number, -1)
        row = model.fan_in[0] + (0 if model.norm == "none" else 2)
        mapped = ContextMap(weights, row, tuple(model.shapes))
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


def _flat(rows: Tensor) -> Tensor:
    """[task, 1, n] → [task, n]."""
    return rows.reshape(len(rows), -1)
