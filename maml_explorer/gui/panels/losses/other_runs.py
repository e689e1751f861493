"""Other runs among the losses: their averages, faint, under those of the run."""

from __future__ import annotations

from collections.abc import Sequence, Set

from maml_explorer.gui.panels.losses.view import LossView
from maml_explorer.gui.plots.fast_curve import Curve
from maml_explorer.gui.plots.line_ends import LineEnd
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.session.loss_traces import Array
from maml_explorer.gui.session.pinned_run import LossGhost
from maml_explorer.gui.style.arm_style import arm_style

_ALPHA = 0.45


class GhostLines:
    """A thin line per arm and run, and beside the plot the run's name."""

    def __init__(self, plot: Plot) -> None:
        self._plot = plot
        self.curves: dict[tuple[str, str], Curve] = {}
        """(run, arm) → its line."""
        self.ends: dict[str, LineEnd] = {}
        """Run → its name beside the plot, at the height of its lowest line's end."""

    def draw(
        self, ghosts: Sequence[LossGhost], view: LossView, hidden: Set[str], edges: Array
    ) -> None:
        """Draws the visible arms of these, between pixel columns at `edges` [column + 1]."""
        plot = self._plot
        wanted = {
            (ghost.name, arm.name): ghost
            for ghost in ghosts
            for arm in ghost.settings.arms
            if arm.name in view.arms(ghost.history, hidden)
        }
        for key in set(self.curves) - set(wanted):
            plot.getPlotItem().removeItem(self.curves.pop(key))
        ends: dict[str, tuple[float, float]] = {}
        for (run, arm), ghost in wanted.items():
            if (run, arm) not in self.curves:
                self.curves[run, arm] = curve = Curve(antialias=False)
                curve.setZValue(4)
                plot.getPlotItem().addItem(curve, ignoreBounds=True)
            curve, drawn = self.curves[run, arm], view.drawn(ghost.history, arm, edges)
            style = arm_style(ghost.settings, arm, plot.theme)
            curve.ink(plot.arm_pen(style, 1.0, alpha=_ALPHA))
            curve.put(drawn.x, drawn.y)
            if len(drawn.x):
                here = float(drawn.x[-1]), float(drawn.y[-1])
                ends[run] = min(ends.get(run, here), here, key=lambda end: end[1])
        self._name(ends)

    def _name(self, ends: dict[str, tuple[float, float]]) -> None:
        """Names the runs beside the plot, wherever they end: in it names would cover lines."""
        color = self._plot.theme.muted
        self.ends = {run: LineEnd(run, color, y) for run, (_, y) in ends.items()}
