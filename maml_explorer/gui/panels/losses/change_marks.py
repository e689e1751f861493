"""Marks where settings changed: dashed lines among the losses, each with its symbol."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt

from maml_explorer.gui.plots.label_placement import Box
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.plot_text import label, recolor
from maml_explorer.gui.session.loss_history import Mark

_SYMBOLS_APART = 34
"""Pixels between the symbols of two marks; a mark closer to the last one has none."""
MOST_MARKS = 50


class ChangeMarks:
    """A dashed line at every change of settings, with its symbol at the bottom."""

    def __init__(self, plot: Plot) -> None:
        self._plot = plot
        self.items: list[tuple[pg.InfiniteLine, pg.TextItem]] = []
        self.boxes: list[Box] = []
        """Boxes of the visible symbols, in pixels."""

    def draw(self, marks: Sequence[Mark], place: Callable[[int], float | None]) -> None:
        """Draws the newest marks; `place` says where an outer step lies on the x axis."""
        plot, theme = self._plot, self._plot.theme
        shown = marks[-MOST_MARKS:]
        while len(self.items) < len(shown):
            line, text = pg.InfiniteLine(angle=90, movable=False), label("", theme.muted)
            for z, item in ((6, line), (41, text)):
                item.setZValue(z)
                plot.getPlotItem().addItem(item, ignoreBounds=True)
            self.items.append((line, text))
        (left, right), (low, _) = plot.view().viewRange()
        area, last = plot.area(), -np.inf
        width, self.boxes = area.width(), []
        for nth, (line, text) in enumerate(self.items):
            x = place(shown[nth].outer_step) if nth < len(shown) else None
            inside = x is not None and bool(left <= x <= right)
            line.setVisible(inside)
            text.setVisible(False)
            if x is None or not inside:
                continue
            line.setPen(plot.pen(theme.muted, Qt.PenStyle.DashLine))
            line.setPos(x)
            pixel = (x - left) / (right - left) * width
            if pixel - last >= _SYMBOLS_APART:
                recolor(text, theme.muted, theme.card)
                text.setText(shown[nth].symbol)
                half = text.boundingRect().width() / 2
                # beside the line at an edge, where a half of it would be cut
                side = 1.0 if pixel + half > width else 0.0 if pixel < half else 0.5
                text.setAnchor((side, 1.0))
                text.setPos(x, low)
                size = text.textItem.boundingRect()
                left_end = area.left() + pixel - side * size.width()
                top = area.bottom() - size.height()
                self.boxes.append(Box(left_end, top, size.width(), size.height()))
                text.setVisible(True)
                last = pixel
