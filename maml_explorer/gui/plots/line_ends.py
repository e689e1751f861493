"""Names at the ends of lines, in the margin right of a plot: they never cover each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from maml_explorer.gui.plots.plot_frame import PlotFrame
from maml_explorer.gui.style.qt_style import base_font

LEADER = 9.0
"""Pixels between the plot's edge and the names, for the lines that lead to names moved away."""
_ROOM = 8.0
_LEAST = 14
"""Pixels beside the plot where nothing is named: a label at its end needs half its width there."""


@dataclass(frozen=True)
class LineEnd:
    """One name, with the height of its line's last point in the plot's own units."""

    name: str
    color: str
    y: float


def spread(wanted: Sequence[float], height: float, low: float, high: float) -> list[float]:
    """Centres for names that want to be at `wanted`: at least `height` apart, between two ends.

    Their squared distances from `wanted` are the least possible (isotonic regression by pooling
    neighbours), up to what the ends ask.

    Args:
        wanted: [name], pixels.
        height: pixels of one name.
        low: upper end, pixels.
        high: lower end, pixels; names that have no room between both ends run over it.
    """
    order = sorted(range(len(wanted)), key=lambda nth: wanted[nth])
    pools: list[tuple[float, int]] = []
    """(mean, count) of neighbours that touch, positions counted without the heights above."""
    for rank, nth in enumerate(order):
        mean, count = wanted[nth] - rank * height, 1
        while pools and pools[-1][0] >= mean:
            before, other = pools.pop()
            mean, count = (before * other + mean * count) / (other + count), other + count
        pools.append((mean, count))
    places = [mean for mean, count in pools for _ in range(count)]
    first, last = low + height / 2, high - height / 2 - (len(wanted) - 1) * height
    found = [0.0] * len(wanted)
    for rank, (nth, place) in enumerate(zip(order, places, strict=True)):
        found[nth] = max(min(place, last), first) + rank * height
    return found


class LineEnds(pg.GraphicsObject):
    """Draws the names of lines right of the view they end in."""

    def __init__(self, plot: PlotFrame) -> None:
        super().__init__()
        self._plot = plot
        self._ends: tuple[LineEnd, ...] = ()
        self._also: tuple[LineEnd, ...] = ()
        self._ground = QRectF()
        self._right = 0
        self._needs = 0.0
        """Pixels that the names need beside the plot; 0 where there are none."""
        self._least = _LEAST
        self.setParentItem(plot)
        self.setFlag(self.GraphicsItemFlag.ItemHasNoContents, False)
        self.leave_room()
        plot.getViewBox().sigResized.connect(self._measure)
        plot.getViewBox().sigRangeChanged.connect(self._take_range)

    def show_ends(self, ends: Sequence[LineEnd]) -> None:
        """Names these lines; one that ends nowhere has no name."""
        wanted = tuple(end for end in ends if math.isfinite(end.y))
        if wanted != self._ends:
            self._ends = wanted
            self.leave_room()
            self._take_size()

    def name_also(self, ends: Sequence[LineEnd]) -> None:
        """Names these lines too, after the others."""
        if (wanted := tuple(ends)) != self._also:
            self._also = wanted
            self.leave_room()
            self._take_size()

    def leave_room(self) -> None:
        """Leaves the names their margin, in the font there is now."""
        self._needs = self.width
        right = max(self._least, math.ceil(self._needs))
        if right != self._right:
            self._right = right
            self._plot.layout.setContentsMargins(2, 8, right, 2)

    def end_below(self, other: LineEnds) -> None:
        """Leaves at least as much room as `other`, so that plots one above the other end alike."""
        self._least = other._right
        self.leave_room()

    @property
    def width(self) -> float:
        """Pixels that the names need beside the plot; 0 where there are none."""
        metrics = QFontMetricsF(base_font())
        ends = [*self._ends, *self._also]
        widths = [metrics.horizontalAdvance(self._words(end)) for end in ends]
        return LEADER + _ROOM + max(widths) if widths else 0.0

    def _words(self, end: LineEnd) -> str:
        """Its name, with an arrow where its line has left the view."""
        low, high = self._plot.getViewBox().viewRange()[1]
        return f"{end.name}{' ↑' if end.y > high else ' ↓' if end.y < low else ''}"

    def placed(self) -> list[tuple[LineEnd, float, QRectF]]:
        """(end, the height of its line, the rectangle of its name), in pixels of the plot item.

        A line beyond the view is named at the edge. Where there are too many, the last have none.
        A name that would be cut has to wait until the plot has made room for it.
        """
        view = self._plot.getViewBox()
        area, (low, high) = self._area(), view.viewRange()[1]
        metrics = QFontMetricsF(base_font())
        height = metrics.height() - 1
        inside = [*self._ends, *self._also][: max(int(area.height() / height), 0)]
        kept = [min(max(end.y, low), high) for end in inside]
        heights = [area.top() + (high - y) / (high - low) * area.height() for y in kept]
        centres = spread(heights, height, area.top(), area.bottom())
        left = area.right() + LEADER
        wide = [metrics.horizontalAdvance(self._words(end)) + 1 for end in inside]
        edge = self._plot.boundingRect().right() + 1
        return [
            (end, at, QRectF(left, centre - height / 2, width, height))
            for end, at, centre, width in zip(inside, heights, centres, wide, strict=True)
            if left + width <= edge
        ]

    @property
    def boxes(self) -> list[tuple[str, QRectF]]:
        """(name, its rectangle in pixels of the plot's widget)."""
        return [(end.name, self.mapRectToScene(box)) for end, _, box in self.placed()]

    def boundingRect(self) -> QRectF:
        """Margin right of the view."""
        return self._ground

    def paint(self, painter: QPainter, option: Any, widget: Any) -> None:
        """Draws names, and a thin line to each that was moved away from its own."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(base_font())
        edge = self._area().right()
        for end, at, box in self.placed():
            color = QColor(end.color)
            painter.setPen(QPen(color, 0))
            if abs(box.center().y() - at) > 1.5:
                painter.drawLine(QPointF(edge + 1, at), QPointF(box.left() - 2, box.center().y()))
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, self._words(end))

    def _area(self) -> QRectF:
        view = self._plot.getViewBox()
        area: QRectF = view.mapRectToItem(self._plot, view.boundingRect())
        return area

    def _measure(self, _: object) -> None:
        self._needs = self.width
        self._take_size()

    def _take_size(self) -> None:
        self.prepareGeometryChange()
        area = self._area()
        self._ground = QRectF(area.right(), area.top() - 2, self._needs + 2, area.height() + 4)
        self.update()

    def _take_range(self, *_: object) -> None:
        self.update()
