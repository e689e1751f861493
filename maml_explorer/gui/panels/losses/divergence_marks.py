"""A cross among the losses at every divergence of the run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import pyqtgraph as pg
from PySide6.QtCore import Qt

from maml_explorer.gui.plots.label_placement import Box
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.plot_text import label, recolor
from maml_explorer.protocol.reports import Diverged

SYMBOL = "✕"
MOST = 20


class DeadEnds:
    """A cross where the line of a frozen arm ends: it goes on no further to the right.

    Its name stands at the same place above, in `DivergenceMarks`.
    """

    def __init__(self, plot: Plot) -> None:
        self._plot = plot
        self.item = pg.ScatterPlotItem(symbol="x", antialias=True, useCache=False)
        self.item.setZValue(30)
        plot.getPlotItem().addItem(self.item, ignoreBounds=True)

    def draw(self, ends: Sequence[tuple[str, float, float]]) -> None:
        """Draws crosses at (color, x, y) of the plot; one above it stands at its upper edge."""
        plot, high = self._plot, self._plot.view().viewRange()[1][1]
        x, y = [x for _, x, _ in ends], [min(y, high) for *_, y in ends]
        brushes = [pg.mkBrush(color) for color, *_ in ends]
        pens = [plot.pen(plot.theme.card) for _ in ends]
        self.item.setData(x, y, brush=brushes or None, pen=pens or None, size=plot.dot(12))


class DivergenceMarks:
    """A line at the outer step, with a cross and the arm's name at the top."""

    def __init__(self, plot: Plot) -> None:
        self._plot = plot
        self.items: list[tuple[pg.InfiniteLine, pg.TextItem]] = []
        self.boxes: list[Box] = []
        """Boxes of the visible words, in pixels."""

    def draw(
        self,
        seen: Sequence[Diverged],
        place: Callable[[int], float | None],
        frozen: Collection[Diverged],
    ) -> None:
        """Draws the newest; `place` says where an outer step lies on the x axis.

        Those of arms that are `frozen` now are red, the others are history.
        """
        plot, shown = self._plot, seen[-MOST:]
        while len(self.items) < len(shown):
            line, text = pg.InfiniteLine(angle=90, movable=False), label("", plot.theme.danger)
            for z, item in ((6, line), (42, text)):
                item.setZValue(z)
                plot.getPlotItem().addItem(item, ignoreBounds=True)
            self.items.append((line, text))
        (left, right), (low, high) = plot.view().viewRange()
        area, self.boxes = plot.area(), []
        for nth, (line, text) in enumerate(self.items):
            x = place(shown[nth].outer_step) if nth < len(shown) else None
            inside = x is not None and bool(left <= x <= right)
            line.setVisible(inside)
            text.setVisible(inside)
            if x is None or not inside:
                continue
            now = shown[nth] in frozen
            color = plot.theme.danger if now else plot.theme.muted
            line.setPen(plot.pen(color, Qt.PenStyle.DotLine))
            line.setPos(x)
            recolor(text, color, plot.theme.card)
            text.setText(f"{SYMBOL} {shown[nth].arm}")
            part = (x - left) / (right - left)
            size, pixel = text.textItem.boundingRect(), area.left() + part * area.width()
            start = pixel - size.width() if part > 0.5 else pixel
            box = Box(start, area.top(), size.width(), size.height())
            # the first row where nothing stands yet
            while covered := [other for other in self.boxes if other.gap(box) < 0]:
                low_end = max(other.bottom for other in covered)
                box = Box(start, low_end, size.width(), size.height())
            self.boxes.append(box)
            text.setAnchor((1.0, 0.0) if part > 0.5 else (0.0, 0.0))
            down = (box.top - area.top()) / max(area.height(), 1.0)
            text.setPos(x, high - down * (high - low))
