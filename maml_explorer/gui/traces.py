"""Streams of losses, kept small: a debiased moving average, and bins that merge when full.

NumPy only, no Qt: values in, values out. Blocks of any length are worked through without a Python
loop over steps.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

CAPACITY = 20_000
"""Most bins a trace keeps."""
SMOOTHINGS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
"""The averages every trace carries, so that choosing another one later is exact too."""
_BLOCK = 64


@lru_cache(maxsize=64)
def _powers(decay: float) -> tuple[Array, Array]:
    """(lower triangle of decay^(row − column), decay^(1 … block)) for one block."""
    distance = np.subtract.outer(np.arange(_BLOCK), np.arange(_BLOCK))
    # Only powers of |decay| ≤ 1 with an exponent ≥ 0 appear: nothing can overflow or be divided by.
    triangle = np.where(distance >= 0, decay ** np.maximum(distance, 0).astype(float), 0.0)
    return triangle, decay ** np.arange(1.0, _BLOCK + 1)


def recurrence(values: Array, decay: float, start: float = 0.0) -> Array:
    """r_t = decay · r_{t−1} + values_t with r_{−1} = start, for 0 ≤ decay ≤ 1.

    Works in blocks of 64: inside a block it is a matrix product, and the blocks' ends are the same
    recurrence again with decay⁶⁴, so the depth is logarithmic.
    """
    n = len(values)
    triangle, powers = _powers(decay)
    if n <= _BLOCK:
        return triangle[:n, :n] @ values + start * powers[:n]
    blocks = -(-n // _BLOCK)
    padded = np.zeros(blocks * _BLOCK)
    padded[:n] = values
    inside = padded.reshape(blocks, _BLOCK) @ triangle.T
    ends = recurrence(inside[:, -1].copy(), decay**_BLOCK, start)
    carried = np.concatenate(([start], ends[:-1]))
    result: Array = (inside + carried[:, None] * powers).ravel()[:n]
    return result


class MovingAverage:
    """A debiased exponential moving average of a stream that arrives in blocks.

    s_t = Σ_i (1 − β) β^(t−i) y_i / (1 − β^t), as in Adam (Kingma, Ba 2015). Non-finite values
    are passed over: they neither count nor decay.
    """

    def __init__(self, smoothing: float) -> None:
        self.smoothing = smoothing
        self._sum = 0.0
        self._count = 0

    def extend(self, values: Array) -> Array:
        """The average after each value, [value]; NaN before the first finite one."""
        finite = np.isfinite(values)
        before = self._debiased(self._sum, self._count)
        seen = np.cumsum(finite)
        sums = recurrence((1 - self.smoothing) * values[finite], self.smoothing, self._sum)
        counts = self._count + np.arange(1, len(sums) + 1)
        averages = np.concatenate(([before], self._debiased(sums, counts)))
        if len(sums):
            self._sum, self._count = float(sums[-1]), int(counts[-1])
        return averages[seen]

    def _debiased(self, sums: ArrayLike, counts: ArrayLike) -> Array:
        if self.smoothing == 0:
            weight = np.sign(np.asarray(counts, dtype=float))
        else:
            weight = -np.expm1(np.asarray(counts, dtype=float) * np.log(self.smoothing))
        average: Array = np.asarray(sums, dtype=float) / np.where(weight > 0, weight, np.nan)
        return average


class Trace:
    """One arm's loss over a whole run in at most `capacity` bins.

    A bin holds `width` successive steps: smallest, largest and mean value, every smoothed average
    and every x at its end. When all bins are in use, pairs merge and the width doubles.

    Args:
        axes: how many x values a step has (outer step, seconds, gradient evaluations).
        capacity: most bins, even.
    """

    def __init__(self, axes: int = 1, capacity: int = CAPACITY) -> None:
        if capacity < 2 or capacity % 2:
            raise ValueError("capacity must be even and at least 2")
        self.capacity = capacity
        self.width = 1
        self.steps = 0
        self._averages = [MovingAverage(smoothing) for smoothing in SMOOTHINGS]
        size = min(capacity, 1024)
        self._low = np.full(size, np.nan)
        self._high = np.full(size, np.nan)
        self._total = np.zeros(size)
        self._finite = np.zeros(size)
        self._x = np.zeros((axes, size))
        self._smooth = np.full((len(SMOOTHINGS), size), np.nan, dtype=np.float32)

    def __len__(self) -> int:
        """Bins in use."""
        return -(-self.steps // self.width)

    def extend(self, x: Array, y: Array) -> None:
        """Append steps: `x` [axis, step], rising along steps; `y` [step], NaN where there is none.

        Infinite values count as missing.
        """
        y = np.where(np.isfinite(y), y, np.nan)
        if len(y) == 0:
            return
        smooth = np.stack([average.extend(y) for average in self._averages])
        while self.steps + len(y) > self.capacity * self.width:
            self._merge()
        bins = (self.steps + np.arange(len(y))) // self.width
        used, first = len(self), bins[0]
        starts = np.flatnonzero(np.diff(bins, prepend=first - 1))
        ends = np.append(starts[1:], len(y)) - 1
        into = slice(first, bins[-1] + 1)
        self._grow(int(bins[-1]) + 1)
        low, high = np.fmin.reduceat(y, starts), np.fmax.reduceat(y, starts)
        total = np.add.reduceat(np.nan_to_num(y), starts)
        finite = np.add.reduceat(np.isfinite(y).astype(float), starts)
        if first < used:
            low[0] = np.fmin(low[0], self._low[first])
            high[0] = np.fmax(high[0], self._high[first])
            total[0] += self._total[first]
            finite[0] += self._finite[first]
        self._low[into], self._high[into] = low, high
        self._total[into], self._finite[into] = total, finite
        self._x[:, into] = x[:, ends]
        self._smooth[:, into] = smooth[:, ends]
        self.steps += len(y)

    def x(self, axis: int = 0) -> Array:
        """[bin]: where each bin ends."""
        return self._x[axis, : len(self)]

    def low(self) -> Array:
        """[bin]: the smallest value; NaN where a bin has no finite one."""
        return self._low[: len(self)]

    def high(self) -> Array:
        """[bin]: the largest value; NaN where a bin has no finite one."""
        return self._high[: len(self)]

    def mean(self) -> Array:
        """[bin]: the mean of the finite values; NaN where there is none."""
        n = len(self)
        with np.errstate(invalid="ignore"):
            mean: Array = self._total[:n] / np.where(self._finite[:n] > 0, self._finite[:n], np.nan)
        return mean

    def smoothed(self, smoothing: float) -> Array:
        """[bin]: the moving average at the end of each bin; `smoothing` is one of SMOOTHINGS."""
        row = SMOOTHINGS.index(smoothing)
        return np.where(self._finite[: len(self)] > 0, self._smooth[row, : len(self)], np.nan)

    def _grow(self, bins: int) -> None:
        size = len(self._low)
        if bins <= size:
            return
        more = min(self.capacity, max(bins, 2 * size)) - size
        self._low = np.pad(self._low, (0, more), constant_values=np.nan)
        self._high = np.pad(self._high, (0, more), constant_values=np.nan)
        self._total = np.pad(self._total, (0, more))
        self._finite = np.pad(self._finite, (0, more))
        self._x = np.pad(self._x, ((0, 0), (0, more)))
        self._smooth = np.pad(self._smooth, ((0, 0), (0, more)), constant_values=np.nan)

    def _merge(self) -> None:
        """Join neighbouring bins; a last odd one stays alone and fills up."""
        n = len(self)
        starts = np.arange(0, n, 2)
        ends = np.minimum(starts + 1, n - 1)
        half = slice(0, len(starts))
        if n:
            self._low[half] = np.fmin.reduceat(self._low[:n], starts)
            self._high[half] = np.fmax.reduceat(self._high[:n], starts)
            self._total[half] = np.add.reduceat(self._total[:n], starts)
            self._finite[half] = np.add.reduceat(self._finite[:n], starts)
            self._x[:, half] = self._x[:, ends]
            self._smooth[:, half] = self._smooth[:, ends]
        self.width *= 2


def columns(x: Array, edges: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """(first, last) index of the bins that fall into each pixel column, empty columns left out.

    `x` [bin] rises; `edges` [column + 1] rise. One bin on either side of the range is kept, so that
    a line reaches the borders.
    """
    if len(x) == 0:
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    bounds = np.searchsorted(x, edges)
    starts = bounds[:-1][np.diff(bounds) > 0]
    if bounds[0] > 0:
        starts = np.concatenate(([bounds[0] - 1], starts))
    if bounds[-1] < len(x):
        starts = np.concatenate((starts, [bounds[-1]]))
    if len(starts) == 0:
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    return starts, np.append(starts[1:] - 1, min(bounds[-1], len(x) - 1))
