"""Curves that cost little to draw, and the order in which those of the arms lie on each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from maml_explorer.gui.theme import ArmStyle
from maml_explorer.worker.messages import Array


class Curve(pg.PlotCurveItem):
    """A line through points.

    pyqtgraph asks an item for its bounds several times a painting, and finds them from the data;
    on plots whose range does not follow the data those of the view do.
    """

    def put(self, x: Array, y: Array) -> None:
        """Shows these points; nothing is drawn anew where they are the same as before."""
        same = self.xData is not None and np.array_equal(self.xData, x)
        if not same or not np.array_equal(self.yData, y, equal_nan=True):
            self.setData(x, y)

    def ink(self, pen: QPen) -> None:
        """Draws with this pen; nothing happens where it is the same as before."""
        if self.opts["pen"] != pen:
            self.setPen(pen)

    def boundingRect(self) -> QRectF:
        """The range of the view."""
        box = self.getViewBox()
        return QRectF() if box is None else QRectF(self.viewRect())

    def paint(self, painter: QPainter, option: Any, widget: Any) -> None:
        """Draws the line."""
        if self.xData is None or len(self.xData) == 0:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, bool(self.opts["antialias"]))
        painter.setPen(self.opts["pen"])
        painter.drawPath(self.getPath())


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
