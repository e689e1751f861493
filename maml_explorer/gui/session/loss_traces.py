"""Streams of losses, kept small: moving averages, and bins that merge when full.

NumPy only, no Qt: values in, values out. Blocks of any length are worked through without a Python
loop over steps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maml_explorer.gui.session.moving_averages import SMOOTHINGS, Array, MovingAverages

CAPACITY = 20_000
"""Most bins a trace keeps."""
_CHUNK = 1 << 15
"""Steps taken up at once: bounds the memory that a long block needs."""
_LARGEST = float(np.finfo(np.float32).max)
"""Averages are kept in single precision, also those of a run in double precision."""


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

        Values that are infinite in single precision count as missing. Each value stands for
        `stride` outer steps.
        """
        if len(self) and len(y):
            if self._interrupted and x[0, 0] - stride > self.x(0)[-1]:
                still = np.append(x[0, 0] - stride, self._x[1:, len(self) - 1])
                self._extend(still[:, None], np.full(1, np.nan), stride)
            self._interrupted = False
        for start in range(0, len(y), _CHUNK):
            self._extend(x[:, start : start + _CHUNK], y[start : start + _CHUNK], stride)

    def _extend(self, x: Array, y: Array, stride: int) -> None:
        y = np.where(np.abs(y) <= _LARGEST, y, np.nan)
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
