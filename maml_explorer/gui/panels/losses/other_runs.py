"""Other runs among the losses: their averages, faint, under those of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyqtgraph as pg

from maml_explorer.gui.plots.fast_curve import Curve
from maml_explorer.gui.plots.plot_text import label, recolor
from maml_explorer.gui.session.loss_traces import Array
from maml_explorer.gui.session.pinned_run import BEFORE, LossGhost
from maml_explorer.gui.style.arm_style import arm_style

if TYPE_CHECKING:
    from maml_explorer.gui.panels.losses.plot import LossPlot

_ALPHA = 0.45


class GhostLines:
    """A thin line per arm and run, and at its end the run's name."""

    def __init__(self, plot: LossPlot) -> None:
        self._plot = plot
        self.curves: dict[tuple[str, str], Curve] = {}
        """(run, arm) → its line."""
        self.names: dict[str, pg.TextItem] = {}
        """Pinned run → the word at the end of its lowest line."""

    def draw(self, ghosts: list[LossGhost], edges: Array) -> None:
        """Draws these, between pixel columns at `edges`."""
        plot = self._plot
        wanted = {(ghost.name, arm): ghost for ghost in ghosts for arm in self._arms(ghost)}
        for key in set(self.curves) - set(wanted):
            plot.getPlotItem().removeItem(self.curves.pop(key))
        ends: dict[str, tuple[float, float]] = {}
        for (run, arm), ghost in wanted.items():
            if (run, arm) not in self.curves:
                self.curves[run, arm] = curve = Curve(antialias=False)
                curve.setZValue(4)
                plot.getPlotItem().addItem(curve, ignoreBounds=True)
            curve, drawn = self.curves[run, arm], plot.reduced(ghost.history, arm, edges)
            style = arm_style(ghost.settings, arm, plot.theme)
            curve.ink(plot.arm_pen(style, 1.0, alpha=_ALPHA))
            curve.put(drawn.x, drawn.y)
            if run != BEFORE and len(drawn.x):
                here = float(drawn.x[-1]), float(drawn.y[-1])
                ends[run] = min(ends.get(run, here), here, key=lambda end: end[1])
        self._name(ends)

    def _arms(self, ghost: LossGhost) -> list[str]:
        known = self._plot.known(ghost.history)
        return [arm.name for arm in ghost.settings.arms if arm.name in known]

    def _name(self, ends: dict[str, tuple[float, float]]) -> None:
        plot = self._plot
        for run in set(self.names) - set(ends):
            plot.getPlotItem().removeItem(self.names.pop(run))
        (left, right), _ = plot.view().viewRange()
        for run, (x, y) in ends.items():
            if run not in self.names:
                self.names[run] = label(run, plot.theme.muted, plot.theme.card)
                self.names[run].setZValue(39)
                plot.getPlotItem().addItem(self.names[run], ignoreBounds=True)
            recolor(self.names[run], plot.theme.muted, plot.theme.card, veil=150)
            self.names[run].setText(run)
            self.names[run].setAnchor((1.0, 0.0) if x > (left + right) / 2 else (0.0, 0.0))
            self.names[run].setPos(min(x, right), y)
