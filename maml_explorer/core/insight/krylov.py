"""Outer eigenvalues of many linear maps at once, known only by their products with vectors.

Arnoldi's iteration with every vector made orthogonal to all before, twice; for symmetric maps that
is Lanczos's. The eigenvalues of the projection onto the Krylov space find both ends of the spectrum
first; with as many iterations as dimensions they are all of it.

Source: Saad 2011, Numerical Methods for Large Eigenvalue Problems, chapter 6.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Ritz:
    """Approximate eigenvalues and what is known of their error."""

    values: Tensor
    """[map, value]: ascending where the maps are symmetric, else complex in no order."""
    residuals: Tensor
    """[map, value]: ‖B y − μ y‖ for unit y. For symmetric maps an eigenvalue is that near; for
    others it is no bound, only a sign of convergence."""


def ritz_values(
    product: Callable[[Tensor], Tensor],
    start: Tensor,
    iterations: int,
    symmetric: bool,
    generator: torch.Generator,
) -> Generator[int, None, Ritz]:
    """Ritz values of maps B after so many products; yields products done so far.

    Args:
        product: V [map, dimension] → B V of the same shape.
        start: first vectors [map, dimension], not zero.
        generator: of the vectors that go on where a Krylov space is exhausted, on the CPU.
    """
    maps, dimension = start.shape
    count = min(iterations, dimension)
    basis = start.new_zeros(maps, count + 1, dimension)
    basis[:, 0] = start / start.norm(dim=1, keepdim=True)
    projected = start.new_zeros(maps, count + 1, count)
    scale = start.new_zeros(maps)
    floor = torch.finfo(start.dtype).eps * 10
    for j in range(count):
        w = product(basis[:, j])
        scale = torch.maximum(scale, w.norm(dim=1))
        known = basis[:, : j + 1]
        for _ in range(2):
            parts = torch.einsum("mkd,md->mk", known, w)
            w = w - torch.einsum("mkd,mk->md", known, parts)
            projected[:, : j + 1, j] += parts
        length = w.norm(dim=1)
        exhausted = length <= floor * scale * dimension**0.5
        projected[:, j + 1, j] = torch.where(exhausted, 0.0, length)
        if bool(exhausted.any()) and j + 1 < count:
            fresh = torch.randn(maps, dimension, generator=generator, dtype=torch.float64).to(w)
            for _ in range(2):
                parts = torch.einsum("mkd,md->mk", known, fresh)
                fresh = fresh - torch.einsum("mkd,mk->md", known, parts)
            w = torch.where(exhausted[:, None], fresh, w)
            length = w.norm(dim=1)
        basis[:, j + 1] = (
            w / length.clamp_min(1e-300 if w.dtype == torch.float64 else 1e-30)[:, None]
        )
        yield j + 1
    small, last = projected[:, :count].double().cpu(), projected[:, count, -1].double().cpu()
    if symmetric:
        values, vectors = torch.linalg.eigh((small + small.mT) / 2)
    else:
        values, vectors = torch.linalg.eig(small)
    return Ritz(values, last[:, None] * vectors[:, -1].abs())
