"""Range of the losses while it follows the training."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set

import numpy as np

from maml_explorer.gui.panels.losses.view import LossView
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.session.drawn_losses import Drawn, loss_range
from maml_explorer.gui.session.loss_history import LossHistory
from maml_explorer.gui.session.moving_averages import Array

_DECADES, _TIMES = 2.0, 4.0
"""The most that an explosion is followed above the usual losses: on a log y axis, on a linear."""
_STRIDE = 0.06
"""The part by which the x axis grows at once while training."""
_AIR = 0.025
"""The part of the x axis beyond the steps, where half a mark has room."""


class FollowingRange:
    """Keeps everything that is drawn in view."""

    def __init__(self, plot: Plot) -> None:
        self._plot = plot
        self.end = 0.0
        """Last x of the axis; 0 starts over."""

    def x(
        self,
        view: LossView,
        history: LossHistory,
        others: Sequence[LossHistory],
        hidden: Set[str],
        *,
        running: bool,
    ) -> None:
        """Lets the x axis reach to the last step of the visible arms.

        Args:
            others: the histories of other runs, which count while this run has no losses yet.
            running: it trains, so that the axis grows in strides, not all the time.
        """
        first, last = _ends(view, history, hidden)
        if not last:
            ends = [_ends(view, other, hidden) for other in others]
            first, last = max(ends, key=lambda end: end[1], default=(first, last))
        last = last or 1.0
        if running:
            stays = last <= self.end <= last * (1 + 2 * _STRIDE)
            last = self.end if stays else last * (1 + _STRIDE)
        last = min(last, view.until or last)
        self.end = last
        if view.log_x:
            low = np.log10(max(min(first, last), 1e-6))
            high = max(np.log10(last), low + 0.5)
            air = _AIR * (high - low)
            span = (low - air, high + air)
        else:
            span = (-0.03 * last, last * (1 + _AIR))
        if span != tuple(self._plot.view().viewRange()[0]):
            self._plot.view().setXRange(*span, padding=0)

    def y(
        self,
        view: LossView,
        drawn: Mapping[str, Drawn],
        references: list[float],
        frozen: Collection[str] = (),
        others: Sequence[Array] = (),
    ) -> None:
        """Lets the y axis show what matters of the losses drawn and of the reference lines.

        Args:
            others: averages of other runs, which are seen whole too.
            frozen: arms that diverged: their losses are seen going up, however few they are.
        """
        values = [np.concatenate((each.raw_y, each.y)) for each in drawn.values()]
        low, high = loss_range(values, references, view.log_y)
        if sum(map(len, others)):
            least, most = loss_range([*others], references, view.log_y)
            low = min(low, least) if any(map(len, values)) else least
            high = max(high, most)
        tops = [float(np.max(drawn[a].raw_y)) for a in frozen if a in drawn and len(drawn[a].raw_y)]
        if tops:
            most = high + _DECADES if view.log_y else high * _TIMES
            high = max(high, min(max(tops), most))
        span = low, max(high, self._above(references, view.log_y, low, high))
        if span != tuple(self._plot.view().viewRange()[1]):
            self._plot.view().setYRange(*span, padding=0)

    def _above(self, references: list[float], log_y: bool, low: float, high: float) -> float:
        """The end of the axis with which the words on the upper reference line have room."""
        top = max((value for value in references if value > 0), default=0.0)
        if not top:
            return high
        if log_y:
            top = float(np.log10(top))
        line = self._plot.fontMetrics().height() + 4
        room = line / max(self._plot.area().height() - line, 4 * line) * (top - low)
        return top + room if low < top <= high else high


def _ends(view: LossView, history: LossHistory, hidden: Set[str]) -> tuple[float, float]:
    """(smallest, largest) x of the visible arms; (inf, 0) where there is none."""
    first, last = np.inf, 0.0
    for name, trace in history.of_loss(view.stream).items():
        if name not in hidden and len(trace):
            x = trace.x(view.axis)
            first, last = min(first, float(x[0])), max(last, float(x[-1]))
    return first, last
