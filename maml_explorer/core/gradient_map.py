"""Linear maps of the inner gradient that are learned with θ: what an inner loop asks of one.

An inner step with a map is φ_{k+1} = φ_k − α B c(A g_k), with A and B linear and c the clipping,
which measures A g_k. Its adjoint needs the transposes: H_k Aᵀ J_k Bᵀ (α v_{k+1}), with J_k the
derivative of c.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor


class GradientMap(Protocol):
    """B and A, with the values that an arm has learned; layers are those that adapt."""

    def into(self, gradient: Sequence[Tensor]) -> list[Tensor]:
        """A g, from a gradient [task, rows, out] per layer: tensors of any shape [task, …, …]."""

    def out(self, step: Sequence[Tensor]) -> list[Tensor | None]:
        """B s per layer [task, rows, out]; None for a layer that stays as it is."""

    def into_transposed(self, w: Sequence[Tensor]) -> list[Tensor]:
        """Aᵀ w per layer [task, rows, out]."""

    def out_transposed(self, v: Sequence[Tensor]) -> list[Tensor]:
        """Bᵀ v, from a vector [task, rows, out] per layer."""

    def by_learned(
        self,
        gradient: Sequence[Tensor],
        step: Sequence[Tensor],
        v: Sequence[Tensor],
        pulled: Sequence[Tensor] | None,
    ) -> list[Tensor]:
        """The derivative of ⟨v, B c(A g)⟩ by what is learned, summed over tasks, flat, in parts.

        Args:
            gradient: g per layer.
            step: c(A g).
            v: per layer [task, rows, out].
            pulled: J Bᵀ v; None in first order, where A g is a constant.
        """

    def above(self, layers: int) -> GradientMap:
        """The map of the layers that are left where the lowest ones are held."""

    def double(self) -> GradientMap:
        """The same in float64."""


def per_task(matrix: Tensor, tasks: int) -> Tensor:
    """A matrix [row, column] for every task, as a view [task, row, column]."""
    return matrix.expand(tasks, -1, -1)


def padded(rows: Tensor, height: int) -> Tensor:
    """[task, row, out] with rows of zeros below, up to a height."""
    missing = height - rows.shape[-2]
    return torch.nn.functional.pad(rows, (0, 0, 0, missing)) if missing else rows
