"""Other runs among the losses: their averages, faint, under those of the run."""

from __future__ import annotations

from collections.abc import Sequence, Set

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPoint

from maml_explorer.gui.panels.losses.view import LossView
from maml_explorer.gui.plots.fast_curve import Curve
from maml_explorer.gui.plots.label_placement import ENOUGH, NO_POINTS, Box, clearance, resampled
from maml_explorer.gui.plots.line_ends import LineEnd
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.plot_text import label, recolor
from maml_explorer.gui.session.moving_averages import Array
from maml_explorer.gui.session.pinned_run import LossGhost
from maml_explorer.gui.style.arm_style import arm_style

_ALPHA = 0.45
_EARLY = 12.0
"""Pixels before the edge of the plot at which a line does not reach it."""
_ROWS = (0.0, -1.0, 1.0, -1.5, 1.5, -2.0, 2.0)
"""Heights of a name above or below the end of its line, in rows of text, best first."""
_CLEAR = 1.0
"""Pixels between a name and what else is drawn."""
Drawing = Sequence[tuple[Array, Array]]
"""Curves (x, y) [sample] in pixels, x rising."""


class GhostLines:
    """A thin line per arm and run, and beside the plot the run's name."""

    def __init__(self, plot: Plot) -> None:
        self._plot = plot
        self.curves: dict[tuple[str, str], Curve] = {}
        """(run, arm) → its line."""
        self.ends: dict[str, LineEnd] = {}
        """Run → its name beside the plot, at the height of its lowest line's end."""
        self.names: dict[str, pg.TextItem] = {}
        """Run → its name in the plot, where its lines end before the edge."""
        self.boxes: list[Box] = []
        """Boxes of these names, in pixels."""
        self.averages: list[Array] = []
        """Averages that the lines show."""
        self._pieces: list[tuple[Array, Array]] = []
        """The lines, cut at their gaps."""
        self._last: dict[str, tuple[float, float]] = {}
        """Run → (x, y) where its lowest line ends."""
        self._spots: dict[str, tuple[bool, float]] = {}
        """Run → where its name stood last: left of its line's end, rows below it."""

    def draw(
        self, ghosts: Sequence[LossGhost], view: LossView, hidden: Set[str], edges: Array
    ) -> None:
        """Draws the visible arms of these, between pixel columns at `edges` [column + 1].

        Their names follow once the range is known.
        """
        plot = self._plot
        wanted = {
            (ghost.name, arm.name): ghost
            for ghost in ghosts
            for arm in ghost.settings.arms
            if arm.name in view.arms(ghost.history, hidden)
        }
        for key in set(self.curves) - set(wanted):
            plot.getPlotItem().removeItem(self.curves.pop(key))
        ends = self._last = {}
        self.averages, self._pieces = [], []
        for (run, arm), ghost in wanted.items():
            if (run, arm) not in self.curves:
                self.curves[run, arm] = curve = Curve(antialias=False, connect="finite")
                curve.setZValue(4)
                plot.getPlotItem().addItem(curve, ignoreBounds=True)
            curve, drawn = self.curves[run, arm], view.drawn(ghost.history, arm, edges)
            style = arm_style(ghost.settings, arm, plot.theme)
            curve.ink(plot.arm_pen(style, 1.0, alpha=_ALPHA))
            curve.put(*drawn.line())
            self._pieces += drawn.pieces()
            self.averages.append(drawn.y)
            if len(drawn.x):
                here = float(drawn.x[-1]), float(drawn.y[-1])
                ends[run] = min(ends.get(run, here), here, key=lambda end: end[1])

    def name(self, curves: Drawing = (), faint: Drawing = (), taken: Sequence[Box] = ()) -> None:
        """Names the runs where their lowest lines end: beside the plot, or in it.

        A name in the plot keeps clear of curves and of other words; without such a place there is
        none.

        Args:
            curves: of the run.
            faint: curves that names lie on where they have no other room.
            taken: boxes of other words.
        """
        plot, color, area, ends = (
            self._plot, self._plot.theme.muted, self._plot.area(), self._last,
        )  # fmt: skip
        across, down = plot.to_pixels(*np.array([*ends.values()], dtype=float).reshape(-1, 2).T)
        places = dict(zip(ends, zip(across.tolist(), down.tolist(), strict=True), strict=True))
        early = {run: at for run, at in places.items() if at[0] < area.right() - _EARLY}
        self.ends = {r: LineEnd(r, color, y) for r, (_, y) in ends.items() if r not in early}
        for run in set(self.names) - set(early):
            plot.getPlotItem().removeItem(self.names.pop(run))
        self.boxes = []
        own = [plot.to_pixels(*piece) for piece in self._pieces]
        ways = [resampled(drawn, area.left(), area.right())
                for drawn in ([*curves, *own, *faint], [*curves, *own]) if early]  # fmt: skip
        for run, end in early.items():
            if run not in self.names:
                self.names[run] = label(run, color)
                self.names[run].setZValue(42)
                plot.getPlotItem().addItem(self.names[run], ignoreBounds=True)
            text = self.names[run]
            recolor(text, color, plot.theme.card)
            size = text.textItem.boundingRect()
            others = [*taken, *self.boxes]
            box = None
            if end[0] >= area.left():
                box = self._room(run, end, (size.width(), size.height()), ways, others)
            text.setVisible(box is not None)
            if box is not None:
                text.setAnchor((0.0, 0.0))
                text.setPos(*plot.to_data(QPoint(round(box.left), round(box.top))))
                self.boxes.append(box)

    def _room(
        self, run: str, end: tuple[float, float], size: tuple[float, float],
        ways: Sequence[tuple[Array, Array]], others: list[Box],
    ) -> Box | None:  # fmt: skip
        """The box of a name of this size beside the end of its line, where one is clear."""
        area, (width, height) = self._plot.area(), size
        spots = [(left, row) for row in _ROWS for left in (False, True)]
        if run in self._spots:  # a name that hops is hard to read
            spots.insert(0, self._spots[run])
        for x, rows in ways:
            for spot in spots:
                left = end[0] - width - ENOUGH if spot[0] else end[0] + ENOUGH + 1
                box = Box(left, end[1] + (spot[1] - 0.5) * height, width, height)
                inside = (
                    box.left >= area.left() and box.right <= area.right()
                    and box.top >= area.top() and box.bottom <= area.bottom()
                )  # fmt: skip
                if inside and clearance(box, x, rows, NO_POINTS, others) >= _CLEAR:
                    self._spots[run] = spot
                    return box
        return None
