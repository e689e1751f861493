"""Curves that cost little to draw, and the order in which those of the arms lie on each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyqtgraph as pg
from pyqtgraph.graphicsItems.ScatterPlotItem import Symbols
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QPainter, QPainterPath, QPen, QTransform

from maml_explorer.gui.style.arm_style import ArmStyle
from maml_explorer.protocol.commands import Array


class _AcrossTheView:
    """Bounds of an item that may draw anywhere in the view, and has Qt repaint all of it."""

    def boundingRect(self: Any) -> QRectF:
        """The range of the view; pyqtgraph's own copy of it may be one change old."""
        box = self.getViewBox()
        return QRectF() if box is None else box.viewRect()

    def viewRangeChanged(self: Any) -> None:
        """Takes the new bounds: without a word of it Qt paints again only what was in the old."""
        self.prepareGeometryChange()
        super().viewRangeChanged()  # type: ignore[misc]


class Curve(_AcrossTheView, pg.PlotCurveItem):
    """A line through points.

    pyqtgraph asks an item for its bounds several times a painting, and finds them from the data;
    on plots whose range does not follow the data those of the view do.
    """

    def put(self, x: Array, y: Array) -> None:
        """Shows these points; nothing is redrawn where they are the same as before."""
        if self.xData is None or not _same(self.xData, x) or not _same(self.yData, y):
            self.setData(x, y)

    def ink(self, pen: QPen) -> None:
        """Draws with this pen; nothing happens where it is the same as before."""
        if self.opts["pen"] != pen:
            self.setPen(pen)

    def keep(self, kept: bool) -> None:
        """Keeps its pixels until it changes: a broken line that stays takes longest to draw."""
        mode = self.CacheMode.DeviceCoordinateCache if kept else self.CacheMode.NoCache
        self.setCacheMode(mode)

    def paint(self, painter: QPainter, option: Any, widget: Any) -> None:
        """Draws the line."""
        if self.xData is None or len(self.xData) == 0:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, bool(self.opts["antialias"]))
        painter.setPen(self.opts["pen"])
        painter.drawPath(self.getPath())


class Dots(_AcrossTheView, pg.ScatterPlotItem):
    """A dozen points as vectors, sharp in pictures too, on a plot whose range is not theirs.

    pyqtgraph looks up where and how each point is drawn at every painting.
    """

    def __init__(self, size: float) -> None:
        self._spots: list[tuple[float, float, float, QPainterPath, QPen, QBrush]] = []
        self._own: dict[str, Any] = {}
        super().__init__(size=size, antialias=True, useCache=False)

    def put(self, x: Array, y: Array, **own: Any) -> None:
        """Shows these points; where only their places are others, nothing else is looked up.

        Args:
            own: lists of pens and sizes, point by point; those of all points unless given.
        """
        if own != self._own or len(x) != len(self._spots):
            self._own = own
            self.setData(x, y, **own)
        elif not _same(self.data["x"], x) or not _same(self.data["y"], y):
            self.data["x"], self.data["y"] = x, y
            places = zip(x.tolist(), y.tolist(), self._spots, strict=True)
            self._spots = [(left, up, *look) for left, up, (_, _, *look) in places]
            self.update()

    def updateSpots(self, dataSet: Any = None) -> None:
        """Keeps what is drawn of each point: pyqtgraph calls this after every change."""
        super().updateSpots(dataSet)
        styles = zip(*self._style(["size", "symbol", "pen", "brush"]), strict=True)
        places = zip(self.data["x"].tolist(), self.data["y"].tolist(), styles, strict=True)
        self._spots = [
            (x, y, float(size), Symbols[symbol], pen, brush)
            for x, y, (size, symbol, pen, brush) in places
        ]

    def paint(self, painter: QPainter, option: Any, widget: Any) -> None:
        """Draws the points."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        view, seen = painter.transform(), self.boundingRect()
        wide, high = 0.1 * seen.width(), 0.1 * seen.height()
        near = seen.adjusted(-wide, -high, wide, high)
        for x, y, size, symbol, pen, brush in self._spots:
            if not near.contains(x, y):
                continue  # Qt cannot draw what is too far away
            to = view.map(QPointF(x, y))
            painter.setTransform(QTransform(size, 0.0, 0.0, size, to.x(), to.y()))
            painter.setPen(pen)
            painter.setBrush(brush)
            painter.drawPath(symbol)


def _same(one: Array, other: Array) -> bool:
    return one is other or np.array_equal(one, other, equal_nan=True)


_COVER = {
    Qt.PenStyle.SolidLine: 0,
    Qt.PenStyle.DashLine: 1,
    Qt.PenStyle.DashDotLine: 2,
    Qt.PenStyle.DashDotDotLine: 3,
    Qt.PenStyle.DotLine: 4,
}
"""Line styles, the one that covers most of what is below it first."""


def from_below(styles: Mapping[str, ArmStyle]) -> list[str]:
    """Arms in the order in which they are drawn, the lowest first; `styles` is as in the legend.

    Solid lines lie below broken ones, so that curves that coincide, as most do before training, are
    all seen: the lower ones through the gaps of the upper ones.
    """
    names = list(styles)
    return sorted(names, key=lambda name: (_COVER.get(styles[name].line, 0), -names.index(name)))
