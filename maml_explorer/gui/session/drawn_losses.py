"""Losses as a plot draws them: a trace reduced to its pixels, and the range of the y axis.

NumPy only, no Qt.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from maml_explorer.gui.session.loss_history import OUTER_LOSS, LossHistory
from maml_explorer.gui.session.loss_traces import LossTrace, columns
from maml_explorer.gui.session.meta_test_losses import HeldOutPoint
from maml_explorer.gui.session.moving_averages import Array
from maml_explorer.late_dataclass import dataclass

_ABOVE = 3.0
"""So many times the highest reference line belong to what the y axis shows."""
_NONE = np.zeros(0)
Points = tuple[Array, Array]
"""(x, y) [point]."""


@dataclass(frozen=True)
class Drawn:
    """A trace reduced to what a plot of so many pixels can show; finite values only."""

    raw_x: Array
    raw_y: Array
    """[2 · column]: from the smallest to the largest value of each pixel column."""
    x: Array
    y: Array
    """[column]: the moving average at the end of each pixel column."""
    raw_gaps: tuple[int, ...] = ()
    gaps: tuple[int, ...] = ()
    """Indices of raw points, and of averages, before which the arm stood still."""

    def line(self) -> Points:
        """The averages, a NaN in each gap."""
        return _broken(self.x, self.y, self.gaps)

    def raw_line(self) -> Points:
        """The raw losses, a NaN in each gap."""
        return _broken(self.raw_x, self.raw_y, self.raw_gaps)

    def pieces(self) -> list[Points]:
        """The averages between gaps."""
        return _split(self.x, self.y, self.gaps)

    def raw_pieces(self) -> list[Points]:
        """The raw losses between gaps."""
        return _split(self.raw_x, self.raw_y, self.raw_gaps)


def _broken(x: Array, y: Array, gaps: tuple[int, ...]) -> Points:
    return np.insert(x, gaps, np.nan), np.insert(y, gaps, np.nan)


def _split(x: Array, y: Array, gaps: tuple[int, ...]) -> list[Points]:
    if not len(x):
        return []
    return list(zip(np.split(x, gaps), np.split(y, gaps), strict=True))


def held_out_drawn(
    history: LossHistory, arm: str, axis: int, log_x: bool, log_y: bool
) -> tuple[Drawn, list[HeldOutPoint]]:
    """(the meta-tests of an arm to draw, the same as points); log10 on logarithmic axes."""
    points, places = [], []
    for point in history.held_out.points.get(arm, []):
        place = history.at(point.outer_step, axis, arm, OUTER_LOSS)
        if place is None or point.outer_step == 0:
            place = 0.0
        if (place > 0 or not log_x) and (point.mse > 0 or not log_y):
            points.append(point)
            places.append(math.log10(place) if log_x else place)
    values = [math.log10(point.mse) if log_y else point.mse for point in points]
    return Drawn(_NONE, _NONE, np.array(places, dtype=float), np.array(values, dtype=float)), points


def reduced(
    trace: LossTrace, axis: int, smoothing: float, edges: Array, log_x: bool, log_y: bool
) -> Drawn:
    """Points to draw of a trace between pixel columns at `edges` [column + 1].

    Edges and results are log10 of the values on logarithmic axes. Bins without a loss interrupt the
    line: the arm stood still, however narrow that is on this axis.
    """
    x = trace.x(axis)
    if log_x:
        x = np.log10(np.maximum(x, 1e-12))
    first, last = columns(x, edges)
    if len(first) == 0:
        return Drawn(_NONE, _NONE, _NONE, _NONE)
    stop = last[-1] + 1
    known = np.isfinite(trace.low()[:stop])
    turns = np.flatnonzero(np.diff(known)) + 1
    first = np.union1d(first, turns[turns > first[0]])
    last = np.append(first[1:], stop) - 1
    low = np.fmin.reduceat(trace.low()[:stop], first)
    high = np.fmax.reduceat(trace.high()[:stop], first)
    piece = np.cumsum(~known[first])
    raw_x = np.repeat(x[last], 2)
    raw_y = np.stack((low, high), axis=1).ravel()
    smooth_x, smooth_y = x[last], trace.smoothed(smoothing)[last].astype(np.float64)
    if log_y:
        with np.errstate(divide="ignore", invalid="ignore"):
            raw_y, smooth_y = np.log10(raw_y), np.log10(smooth_y)
    raw, smooth = np.isfinite(raw_y), np.isfinite(smooth_y)
    raw_gaps, gaps = _turns(np.repeat(piece, 2)[raw]), _turns(piece[smooth])
    return Drawn(raw_x[raw], raw_y[raw], smooth_x[smooth], smooth_y[smooth], raw_gaps, gaps)


def _turns(piece: NDArray[np.intp]) -> tuple[int, ...]:
    """Indices at which another piece begins."""
    return tuple((np.flatnonzero(np.diff(piece)) + 1).tolist())


def loss_range(values: list[Array], references: list[float], log: bool) -> tuple[float, float]:
    """(low, high) of the y axis for raw values [value] (log10 where `log`) and reference lines.

    It moves in steps, so seldom; single spikes are cut off, and so is a beginning many times above
    the reference lines once most of the run is below them.
    """
    together = np.concatenate([*values, np.zeros(0)])
    lines = [np.log10(r) if log else r for r in references if np.isfinite(r) and (r > 0 or not log)]
    spread: list[float] = []
    if len(together):
        least, usual, most = np.quantile(together, (0.004, 0.85, 0.996)).tolist()
        if lines:
            of_interest = max(lines) + np.log10(_ABOVE) if log else _ABOVE * max(lines)
            most = min(most, max(usual, of_interest))
        spread = [least, most]
    every = [*lines, *spread]
    if not every:
        return (-1.0, 1.0) if log else (0.0, 1.0)
    low, high = min(every), max(every)
    if log and not len(together):
        low = high - 1.0
    if log:
        return _round(low - 0.02, np.floor), _round(high + 0.02, np.ceil)
    return 0.0, float(10 ** _round(np.log10(max(high, 1e-12) * 1.02), np.ceil))


def _round(exponent: float, way: np.ufunc) -> float:
    """`exponent` to the next log10 of 1, 1.5, 2, 3, 5 or 7 · 10ⁿ, down or up."""
    decade = np.floor(exponent)
    marks = decade + np.log10([1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0])
    inside = marks[marks <= exponent + 1e-9] if way is np.floor else marks[marks >= exponent - 1e-9]
    return float(inside[-1] if way is np.floor else inside[0])
