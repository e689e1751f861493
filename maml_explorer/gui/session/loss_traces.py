"""Streams of losses, kept small: a debiased moving average, and bins that merge when full.

NumPy only, no Qt: values in, values out. Blocks of any length are worked through without a Python
loop over steps.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CAPACITY = 20_000
"""Most bins a trace keeps."""
SMOOTHINGS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
"""The averages every trace carries, so that choosing another one later is exact too."""
_BLOCK = 64
_CHUNK = 1 << 15
"""Steps taken up at once: bounds the memory that a long block needs."""


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


class MovingAverages:
    """Debiased exponential moving averages of one stream that arrives in blocks.

    s_t = Σ_i (1 − β) β^(t−i) y_i / (1 − β^t), as in Adam (Kingma, Ba 2015), for several β at once.
    A value that stands for several outer steps decays and weighs as so many. Non-finite values are
    passed over: they neither count nor decay.
    """

    def __init__(self, smoothings: tuple[float, ...] = SMOOTHINGS) -> None:
        self.smoothings = smoothings
        self._keep = np.array(smoothings)
        self._sums = np.zeros(len(smoothings))
        self._count = 0

    def extend(self, values: Array, stride: int = 1) -> Array:
        """The averages after each value, [smoothing, value]; NaN before the first finite one.

        Each value stands for `stride` outer steps.
        """
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


class LossTrace:
    """One arm's loss over a whole run in at most `capacity` bins.

    A bin holds what ends within `width` successive outer steps: smallest, largest and mean value,
    every smoothed average and every x at its end. When all bins are in use, the width doubles and
    neighbours merge. In a run that was thinned a value stands for several outer steps, and counts
    as so many: it has a bin of its own until the width is larger.

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
        """Outer steps that all values stand for."""
        self._used = 0
        self._held = -np.inf
        """Bins that end up to here on the first axis do not merge."""
        self._interrupted = False
        self._averages = MovingAverages()
        # zeros that nothing has written to take no memory, and growing would hold up a drawing;
        # as many bins as are held come on top
        room = 2 * capacity
        self._end = np.zeros(room, dtype=np.int64)
        """`steps` at the end of each bin."""
        self._low, self._high = np.zeros(room), np.zeros(room)
        self._total = np.zeros(room)
        self._finite = np.zeros(room)
        """Outer steps with a finite value."""
        self._x = np.zeros((axes, room))
        self._smooth = np.zeros((len(SMOOTHINGS), room), dtype=np.float32)

    def __len__(self) -> int:
        """Bins in use."""
        return self._used

    def extend(self, x: Array, y: Array, stride: int = 1) -> None:
        """Append steps: `x` [axis, step], rising along steps; `y` [step], NaN where there is none.

        Infinite values count as missing. Each value stands for `stride` outer steps.
        """
        if len(self) and len(y):
            if self._interrupted and x[0, 0] - stride > self.x(0)[-1]:
                still = np.append(x[0, 0] - stride, self._x[1:, len(self) - 1])
                self._extend(still[:, None], np.full(1, np.nan), stride)
            self._interrupted = False
        for start in range(0, len(y), _CHUNK):
            self._extend(x[:, start : start + _CHUNK], y[start : start + _CHUNK], stride)

    def _extend(self, x: Array, y: Array, stride: int) -> None:
        y = np.where(np.isfinite(y), y, np.nan)
        smooth = self._averages.extend(y, stride)
        taken = self.steps + stride * np.arange(1, len(y) + 1)
        while True:
            used, bins = self._used, self._bin_of(taken)
            starts = np.flatnonzero(np.diff(bins, prepend=bins[0] - 1))
            joins = used > 0 and self._bin_of(self._end[used - 1]) == bins[0]
            first = used - joins
            if first + len(starts) - self._kept_fine() <= self.capacity:
                break
            self._merge()
        ends = np.append(starts[1:], len(y)) - 1
        self._used = first + len(starts)
        into = slice(first, self._used)
        low, high = np.fmin.reduceat(y, starts), np.fmax.reduceat(y, starts)
        total = stride * np.add.reduceat(np.nan_to_num(y), starts)
        finite = stride * np.add.reduceat(np.isfinite(y).astype(float), starts)
        if joins:
            low[0] = np.fmin(low[0], self._low[first])
            high[0] = np.fmax(high[0], self._high[first])
            total[0] += self._total[first]
            finite[0] += self._finite[first]
        self._low[into], self._high[into] = low, high
        self._total[into], self._finite[into] = total, finite
        self._x[:, into] = x[:, ends]
        self._smooth[:, into] = smooth[:, ends]
        self._end[into] = taken[ends]
        self.steps = int(taken[-1])

    def interrupt(self) -> None:
        """Notes that the arm stood still: what comes is not joined to what was."""
        self._interrupted = True

    def hold(self, x: float) -> None:
        """Keeps the bins up to `x` on the first axis as fine as they are: a rewind may go there.

        What comes after has as many bins of its own, however long it lasts.
        """
        self._held = -np.inf
        while self._used > self.capacity:
            self._merge()
        self._held = x

    def rewind(self, x: float) -> None:
        """Drops every bin that ends after `x` on the first axis, and goes on from there.

        A bin that lies across `x` is dropped whole. The width begins again at 1: that of what is
        dropped says nothing about what comes.
        """
        self._held, self.width = -np.inf, 1
        kept = int(np.searchsorted(self.x(0), x, side="right"))
        if kept == len(self):
            return
        self._used, self.steps = kept, int(self._end[kept - 1]) if kept else 0
        last = np.zeros(len(SMOOTHINGS)) if kept == 0 else self._smooth[:, kept - 1].astype(float)
        self._averages.resume(last, int(self._finite[:kept].sum()))

    def thinned(self, most: int) -> LossTrace:
        """A copy in at most `most` bins (an even number), to be looked at only.

        Half of them are equally wide, as a linear axis shows them, and half grow with the outer
        step, as a logarithmic one does. The copy holds no more memory than they need.
        """
        copy = LossTrace(len(self._x), most)
        copy.width, copy.steps = self.width, self.steps
        copy._used = used = len(self)
        copy._end = self._end[:used].copy()
        copy._low, copy._high = self.low().copy(), self.high().copy()
        copy._total, copy._finite = self._total[:used].copy(), self._finite[:used].copy()
        copy._x, copy._smooth = self._x[:, :used].copy(), self._smooth[:, :used].copy()
        if used > most:
            copy._join(_starts(copy._end, most // 2))
        kept = len(copy)
        for name in ("_end", "_low", "_high", "_total", "_finite", "_x", "_smooth"):
            setattr(copy, name, getattr(copy, name)[..., :kept].copy())
        return copy

    def rows(self) -> Array:
        """[row, bin]: x on each axis; smallest, mean and largest value; the averages."""
        n = len(self)
        smooth = self._smooth[:, :n].astype(np.float64)
        return np.concatenate((self._x[:, :n], [self.low(), self.mean(), self.high()], smooth))

    @staticmethod
    def of_rows(rows: Array) -> LossTrace:
        """The trace that `rows` describes, to be looked at only."""
        axes = len(rows) - 3 - len(SMOOTHINGS)
        trace = LossTrace(axes, max(2, rows.shape[1] + rows.shape[1] % 2))
        trace.steps = trace._used = rows.shape[1]
        trace._end = np.arange(1, trace.steps + 1)
        trace._x, trace._low, trace._high = rows[:axes], rows[axes], rows[axes + 2]
        trace._finite = np.isfinite(rows[axes + 1]).astype(float)
        trace._total = np.nan_to_num(rows[axes + 1])
        trace._smooth = rows[axes + 3 :].astype(np.float32)
        return trace

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

    def _bin_of(self, taken: NDArray[np.int64]) -> NDArray[np.int64]:
        """Number of the bin, of the present width, in which so many outer steps end."""
        return (taken - 1) // self.width

    def _kept_fine(self) -> int:
        """Count of the bins that do not merge."""
        return min(int(np.searchsorted(self.x(0), self._held, side="right")), self.capacity)

    def _merge(self) -> None:
        """Doubles the width, and joins the neighbouring bins that end within it."""
        self.width *= 2
        n, fine = len(self), self._kept_fine()
        bins = self._bin_of(self._end[fine:n])
        self._join(np.append(np.arange(fine), fine + np.flatnonzero(np.diff(bins, prepend=-1))))

    def _join(self, starts: NDArray[np.intp]) -> None:
        """Makes one bin of those from each of these indices to the next."""
        n = len(self)
        if not n:
            return
        ends = np.append(starts[1:], n) - 1
        self._used = len(starts)
        into = slice(0, self._used)
        self._low[into] = np.fmin.reduceat(self._low[:n], starts)
        self._high[into] = np.fmax.reduceat(self._high[:n], starts)
        self._total[into] = np.add.reduceat(self._total[:n], starts)
        self._finite[into] = np.add.reduceat(self._finite[:n], starts)
        self._end[into] = self._end[ends]
        self._x[:, into] = self._x[:, ends]
        self._smooth[:, into] = self._smooth[:, ends]


def _starts(end: NDArray[np.int64], half: int) -> NDArray[np.intp]:
    """Indices of the bins from which to join them: so many equally wide ones, so many that grow."""
    first, last = float(end[0]), float(end[-1])
    wanted = np.append(np.linspace(0.0, last, half + 1)[1:], np.geomspace(first, last, half))
    ends = np.unique(np.searchsorted(end, np.rint(wanted)))
    return np.append(0, ends[:-1] + 1)


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
