"""The range of the losses while it follows the training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maml_explorer.gui.session.loss_history import LossHistory, loss_range

if TYPE_CHECKING:
    from maml_explorer.gui.panels.losses.plot import LossPlot

_STRIDE = 0.06
"""The part by which the x axis grows at once while training."""


class LossFollow:
    """Keeps everything that is drawn in view."""

    def __init__(self, plot: LossPlot) -> None:
        self._plot = plot
        self.end = 0.0
        """Where the x axis ends."""

    def x(self) -> None:
        """Lets the x axis reach to the last step of the visible arms."""
        plot = self._plot
        first, last = self._ends(plot.history)
        if not last:
            ends = [self._ends(ghost.history) for ghost in plot.record.ghosts]
            first, last = max(ends, key=lambda end: end[1], default=(first, last))
        last = self.end = self._strided(last or 1.0)
        if plot.log_x:
            low = np.log10(max(min(first, last), 1e-6))
            span = (low, max(np.log10(last), low + 0.5))
        else:
            span = (-0.03 * last, last * 1.005)
        if span != tuple(plot.view().viewRange()[0]):
            plot.view().setXRange(*span, padding=0)

    def y(self) -> None:
        """Lets the y axis show what matters of the values that are drawn."""
        plot = self._plot
        references = [value for value, _ in plot.reference_words]
        values = [np.concatenate((drawn.raw_y, drawn.y)) for drawn in plot.drawn.values()]
        span = loss_range(values, references, plot.log_y)
        if span != tuple(plot.view().viewRange()[1]):
            plot.view().setYRange(*span, padding=0)

    def _strided(self, last: float) -> float:
        """Where the x axis ends. While training it grows in strides, not all the time."""
        if not self._plot.session.running:
            return last
        return self.end if last <= self.end <= last * (1 + 2 * _STRIDE) else last * (1 + _STRIDE)

    def _ends(self, history: LossHistory) -> tuple[float, float]:
        """(smallest, largest) x of the visible arms; (inf, 0) where there is none."""
        plot = self._plot
        first, last = np.inf, 0.0
        for name, trace in history.of_loss(plot.stream).items():
            if name not in plot.session.hidden and len(trace):
                x = trace.x(plot.axis)
                first, last = min(first, float(x[0])), max(last, float(x[-1]))
        return first, last
