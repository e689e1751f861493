"""Normalization of a hidden layer, between its product z and its activation σ.

    n = (z − μ) / s      s = √(variance + ε)      h = σ(γ ⊙ n + β)

Where μ and the variance come from is the setting `norm`:

    batch            of the points given, per task and feature; differentiated like all else
    layer            of the features of each point; differentiated in the same way
    batch-running    trained as batch; at meta-test one running average per feature
    batch-per-step   one running average per feature and inner step, in training and at meta-test

Current statistics move with z. With ⟨·⟩ the mean over what was normalized, the derivative of n and
the derivative of that along z's own change (Pearlmutter's R, as in :mod:`.mlp`) are

    P v    = (v − ⟨v⟩ − n ⟨n ⊙ v⟩) / s           symmetric: it serves Rn = P Rz and backward alike
    R{P} v = −(P v) ⟨n ⊙ Rz⟩ / s − (Rn ⟨n ⊙ v⟩ + n ⟨Rn ⊙ v⟩) / s

Stored statistics are constants: P v = v / s, R{P} = 0. One point alone has variance 0: then n = 0
and P = 0, so the layer hands on σ(β) and nothing below it learns from that set.

Source: Ioffe and Szegedy 2015 (batch); Ba, Kiros and Hinton 2016 (layer); Antoniou, Edwards and
Storkey 2019, section 4 (statistics per step).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

EPSILON = 1e-5
"""Added to variances, as PyTorch does."""


@dataclass(frozen=True, slots=True)
class Normalized:
    """Values that normalizing one layer keeps for the passes after it."""

    n: Tensor
    """[task, point, out]"""
    inverse: Tensor
    """1/s, broadcast against n."""
    mean: Tensor
    """μ, broadcast against n."""
    variance: Tensor
    """Without ε, not corrected for its degrees of freedom; broadcast against n."""
    average: Callable[[Tensor], Tensor] | None
    """⟨·⟩; None where the statistics are constants."""

    @property
    def z(self) -> Tensor:
        """Values before normalizing, [task, point, out], up to rounding."""
        return self.n / self.inverse + self.mean

    def change(self, v: Tensor) -> Tensor:
        """P v: the change of n along a change of z, or ∂loss/∂z from ∂loss/∂n."""
        if self.average is None:
            return v * self.inverse
        across = self.average(v) + self.n * self.average(self.n * v)
        return (v - across) * self.inverse

    def bend(self, v: Tensor, rn: Tensor, rz: Tensor) -> Tensor | None:
        """R{P} v for the changes Rz and Rn = P Rz; None where it is 0."""
        if self.average is None:
            return None
        stretch = self.change(v) * self.average(self.n * rz)
        turn = rn * self.average(self.n * v) + self.n * self.average(rn * v)
        return (stretch + turn) * -self.inverse


def by_current(z: Tensor, over: str, shots: int | None, rows: int = 1) -> Normalized:
    """z [task, row, out] normalized by its own statistics.

    Args:
        over: "points" or "features".
        shots: where the points are a support set of that size followed by a query set, each is
            normalized by itself; None for one set.
        rows: of every point; the features of a point are those of all its rows.
    """

    def average(v: Tensor) -> Tensor:
        if over == "features":
            if rows == 1:
                return v.mean(-1, keepdim=True)
            mean = v.reshape(v.shape[0], -1, rows * v.shape[2]).mean(-1, keepdim=True)
            return mean.expand(-1, -1, rows).contiguous().view(v.shape[0], -1, 1)
        if shots is None:
            return v.mean(1, keepdim=True)
        sets = (v[:, : shots * rows], v[:, shots * rows :])
        return torch.cat([one.mean(1, keepdim=True).expand_as(one) for one in sets], 1)

    mean = average(z)
    centred = z - mean
    variance = average(centred * centred)
    inverse = (variance + EPSILON).rsqrt()
    return Normalized(centred * inverse, inverse, mean, variance, average)


def by_stored(z: Tensor, mean: Tensor, variance: Tensor) -> Normalized:
    """z [task, point, out] normalized by constants that broadcast against it."""
    inverse = (variance + EPSILON).rsqrt()
    return Normalized((z - mean) * inverse, inverse, mean, variance, None)


def by_kept(z: Tensor, rows: Tensor, kept: int, step: int) -> Normalized:
    """z normalized by the averages that belong to an inner step; later steps share the last.

    Args:
        rows: of a norm in a layer's matrix: γ, β, the stored means, the stored variances.
        kept: means that are stored, and as many variances.
    """
    k = 2 + min(step, kept - 1)
    return by_stored(z, rows[..., k : k + 1, :], rows[..., k + kept : k + kept + 1, :])
