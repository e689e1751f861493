"""Learned step sizes: how they lie behind θ in one vector, and what becomes of their gradients.

An arm that learns step sizes trains one vector: θ [parameter], then they. So the outer optimizer,
its moments, checkpoints and the look-out for divergence need to know nothing of them, and
everything that reads layers reads θ. Two kinds, for the layers that adapt (matrices that the
gradient goes through lie there alike, :mod:`maml_explorer.core.learned_curvature`):

    "parameter"   one per weight and bias, shared by all inner steps (Meta-SGD, Li et al. 2017)
    "layer"       one per layer, its bias included, and inner step (LSLR, Antoniou et al. 2019)

Beyond the last trained inner step its step sizes are used again: our rule, not the paper's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from maml_explorer.core.adaptation import StepSizes
from maml_explorer.core.models.model import Model

Draw = Callable[[int, int], Tensor]
"""(inputs, outputs) → a weight [in, out], drawn on the CPU as those of θ_0 are."""


class Learned(Protocol):
    """Part of an arm that it learns beside θ for its inner loop; it lies behind θ in one vector."""

    @property
    def kind(self) -> str:
        """Unit that it is learned for."""

    @property
    def start(self) -> int:
        """First layer that adapts."""

    def count(self, model: Model) -> int:
        """Length of what is learned."""

    def beginning(self, model: Model, alpha: float, like: Tensor, draw: Draw) -> Tensor:
        """Its values at outer step 0, of the type and on the device of `like`."""

    def of(
        self, model: Model, learned: Tensor, alpha: Tensor, clip: Tensor | None = None
    ) -> StepSizes:
        """The inner loop's step sizes and map, as views into what an arm has learned.

        Args:
            learned: θ and, behind it, what is learned.
            alpha: α, a scalar tensor.
            clip: largest norm of an inner gradient.
        """

    def gradient(self, model: Model, by_step: Sequence[Sequence[Tensor]]) -> list[Tensor]:
        """The gradient of what is learned, flat and in its order, in parts; see `by_step` there."""


@dataclass(frozen=True)
class LearnedRates:
    """Step sizes that an arm learns."""

    kind: str
    """"parameter" or "layer"."""
    start: int
    """First layer that adapts."""
    steps: int
    """K while training."""
    still: int = 0
    """Layers at the end that do not adapt: they have no step sizes."""

    def end(self, model: Model) -> int:
        """The layer behind the last that adapts."""
        return model.depth - self.still

    def count(self, model: Model) -> int:
        """Number of learned step sizes."""
        if self.kind == "layer":
            return self.steps * (self.end(model) - self.start)
        layers = model.matrices[self.start : self.end(model)]
        return sum(rows * columns for rows, columns in layers)

    def beginning(self, model: Model, alpha: float, like: Tensor, draw: Draw) -> Tensor:
        """α everywhere: the step sizes at outer step 0."""
        return torch.full((self.count(model),), alpha, dtype=like.dtype, device=like.device)

    def of(
        self, model: Model, learned: Tensor, alpha: Tensor, clip: Tensor | None = None
    ) -> StepSizes:
        """The step sizes of inner step 0, 1, …; α is not read: they began with it."""
        rates = learned[model.parameter_count :]
        end, none = self.end(model), [rates.new_zeros(()) for _ in range(self.still)]
        if self.kind == "layer":
            grid, layers = rates.view(self.steps, -1), range(end - self.start)
            # one by one: a recording knows views, not lists of them
            by_step = [[*(grid[k, n] for n in layers), *none] for k in range(self.steps)]
            return StepSizes(by_step, False, clip, self.still)
        parts, begin = [], 0
        for (rows, columns), (whole, _) in zip(
            model.matrices[self.start : end], model.shapes[self.start : end], strict=True
        ):
            layer = rates[begin : begin + rows * columns].view(rows, columns)
            begin += rows * columns
            if whole > rows:  # the rows of a norm do not adapt
                layer = torch.nn.functional.pad(layer, (0, 0, 0, whole - rows))
            parts.append(layer)
        return StepSizes([[*parts, *none]], False, clip, self.still)

    def gradient(self, model: Model, by_step: Sequence[Sequence[Tensor]]) -> list[Tensor]:
        """The gradient by the step sizes, flat and in their order, in parts.

        Args:
            by_step: per inner step and adapting layer ∂L/∂a_k [in + 1, out].
        """
        if self.kind == "layer":
            count = self.end(model) - self.start
            return [layer.sum().reshape(1) for layers in by_step for layer in layers[:count]]
        parts = []
        for index, (rows, _) in enumerate(model.matrices[self.start : self.end(model)]):
            total = by_step[0][index]
            for layers in by_step[1:]:
                total = total + layers[index]
            parts.append(total[:rows].reshape(-1))
        return parts


def with_steps(
    vector: Tensor, model: Model, old: Learned | None, new: Learned | None, first: Tensor
) -> Tensor:
    """A vector of an arm (what it has learned, or a moment) for another number of inner steps.

    A new inner step begins as the one before it; what is over is dropped.

    Args:
        first: values where there were none before.
    """
    if old == new:
        return vector
    theta, rates = vector[: model.parameter_count], vector[model.parameter_count :]
    if new is None:
        return theta.clone()
    if old is None:
        return torch.cat([theta, first])
    if not (isinstance(old, LearnedRates) and isinstance(new, LearnedRates)):
        return vector
    if new.kind == "parameter":
        return vector
    rows = rates.view(old.steps, -1)
    more = rows[-1:].expand(max(0, new.steps - old.steps), -1)
    return torch.cat([theta, rows[: new.steps].reshape(-1), more.reshape(-1)])
