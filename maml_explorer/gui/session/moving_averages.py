"""Debiased moving averages of losses that arrive in blocks, without a Python loop over steps.

NumPy only, no Qt.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SMOOTHINGS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
"""The averages every trace carries, so that choosing another one later is exact too."""
_BLOCK = 64


@lru_cache(maxsize=16)
def _powers(decays: tuple[float, ...]) -> tuple[Array, Array]:
    """(triangles [decay, row, column] of decay^(row − column), decay^(1 … block)) of one block."""
    decay = np.array(decays)[:, None]
    distance = np.subtract.outer(np.arange(_BLOCK), np.arange(_BLOCK))
    # Only powers of |decay| ≤ 1 with an exponent ≥ 0 appear: nothing can overflow or be divided by.
    triangles = decay[:, :, None] ** np.maximum(distance, 0).astype(float)
    return np.where(distance >= 0, triangles, 0.0), decay ** np.arange(1.0, _BLOCK + 1)


def recurrence(values: Array, decays: tuple[float, ...], start: Array) -> Array:
    """r_t = decay · r_{t−1} + values_t with r_{−1} = start, [decay, step], for 0 ≤ decay ≤ 1.

    `values` is [decay, step], `start` [decay]. Works in blocks of 64: inside a block it is a matrix
    product, and the blocks' ends are the same recurrence again with decay⁶⁴, so the depth is
    logarithmic and no Python loop runs over steps.
    """
    n = values.shape[1]
    triangles, powers = _powers(decays)
    if n <= _BLOCK:
        inside = np.matmul(triangles[:, :n, :n], values[:, :, None])[:, :, 0]
        return np.asarray(inside + start[:, None] * powers[:, :n])
    blocks = -(-n // _BLOCK)
    padded = np.zeros((len(decays), blocks * _BLOCK))
    padded[:, :n] = values
    within = np.matmul(padded.reshape(-1, blocks, _BLOCK), triangles.transpose(0, 2, 1))
    ends = recurrence(within[:, :, -1].copy(), tuple(d**_BLOCK for d in decays), start)
    carried = np.concatenate((start[:, None], ends[:, :-1]), axis=1)
    whole = within + carried[:, :, None] * powers[:, None, :]
    return np.asarray(whole.reshape(len(decays), -1)[:, :n])


STILL = 10
"""Steps in a row without a loss from which on an arm stood still; one alone may be infinite."""


class MovingAverages:
    """Debiased exponential moving averages of one stream that arrives in blocks.

    s_t = Σ_i (1 − β) β^(t−i) y_i / (1 − β^t), as in Adam (Kingma, Ba 2015), for several β at once.
    A value that stands for several outer steps decays and weighs as so many. Non-finite values are
    passed over: they neither count nor decay. After `STILL` of them in a row the arm stood still,
    and the averages begin anew.
    """

    def __init__(self, smoothings: tuple[float, ...] = SMOOTHINGS) -> None:
        self.smoothings = smoothings
        self._keep = np.array(smoothings)
        self._sums = np.zeros(len(smoothings))
        self._count = self._missing = 0

    def extend(self, values: Array, stride: int = 1) -> Array:
        """The averages after each value, [smoothing, value]; NaN before the first finite one.

        Each value stands for `stride` outer steps.
        """
        averages, begin = [], 0
        for end in self._begun_anew(values):
            averages.append(self._extend(values[begin:end], stride))
            self._sums, self._count, begin = np.zeros(len(self.smoothings)), 0, end
        averages.append(self._extend(values[begin:], stride))
        return np.concatenate(averages, axis=1) if begin else averages[-1]

    def _begun_anew(self, values: Array) -> list[int]:
        """Indices of the first values after a standstill."""
        finite = np.flatnonzero(np.isfinite(values))
        if not len(finite):
            self._missing += len(values)
            return []
        missing = np.diff(finite, prepend=-1 - self._missing) - 1
        self._missing = len(values) - 1 - int(finite[-1])
        return [int(at) for at in finite[missing >= STILL]]

    def _extend(self, values: Array, stride: int) -> Array:
        finite = np.isfinite(values)
        new = values[finite]
        decays = tuple(smoothing**stride for smoothing in self.smoothings)
        fresh = (1 - np.array(decays))[:, None] * new
        sums = recurrence(fresh, decays, self._sums)
        sums = np.concatenate((self._sums[:, None], sums), axis=1)
        weights = self._weights(self._count + stride * np.arange(len(new) + 1))
        empty = np.full(sums.shape, np.nan)
        averages = np.divide(sums, weights, out=empty, where=weights > 0)
        self._sums, self._count = sums[:, -1].copy(), self._count + stride * len(new)
        return np.asarray(averages[:, np.cumsum(finite)])

    def resume(self, averages: Array, count: int) -> None:
        """Goes on as after `count` outer steps whose averages [smoothing] were these."""
        self._count = count
        weights = self._weights(np.array([count]))[:, 0]
        self._sums = np.where(weights > 0, weights * averages, 0.0) if count else 0.0 * weights

    def _weights(self, counts: NDArray[np.int64]) -> Array:
        """1 − β^count, [smoothing, count], exact for small counts too."""
        with np.errstate(divide="ignore", invalid="ignore"):
            weights = -np.expm1(counts * np.log(self._keep)[:, None])
        # 0 · log 0 is no number; without smoothing a single value weighs all.
        return np.where(np.isnan(weights), 0.0, weights)
