"""Colours for numbers, which colour-blind people tell apart too, and the bar that explains them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetricsF, QLinearGradient, QPainter
from PySide6.QtWidgets import QSizePolicy

from maml_explorer.gui.plots.ticks import linear_ticks, log_ticks
from maml_explorer.gui.style.qt_style import base_font
from maml_explorer.gui.style.theme import Theme
from maml_explorer.protocol.commands import Array

SEQUENTIAL, CYCLIC, DIVERGING = "sequential", "cyclic", "diverging"
_MAPS = {SEQUENTIAL: "viridis", CYCLIC: "CET-CBC1"}
_BELOW, _ABOVE = "#0072b2", "#d55e00"
"""Ends of the diverging map, of Okabe and Ito's colours; what is 0 has the ground's."""
BAR = 12
"""Width of the bar in pixels."""
_LEFT, _GAP = 8, 6
"""Pixels left of the bar, and between it and its numbers."""
_STEP = 16
"""The width grows in steps, so that live numbers do not move the plot at every look."""
_MOST_DECADES = 6.0


def color_map(kind: str, theme: Theme) -> pg.ColorMap:
    """The colours of a kind of numbers, from the lowest (0) to the highest (1).

    Raises:
        KeyError: where there is no such kind.
    """
    if kind == DIVERGING:
        return pg.ColorMap([0.0, 0.5, 1.0], [QColor(_BELOW), QColor(theme.card), QColor(_ABOVE)])
    return pg.colormap.get(_MAPS[kind])


def value_range(values: Array, kind: str = SEQUENTIAL) -> tuple[float, float, bool]:
    """(low, high, whether logarithmic) of a scale for finite values, never of zero width.

    Positive ones that span more than a decade are shown on a logarithmic scale, of six decades at
    most. A diverging scale is as wide on both sides of 0.
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0, 1.0, False
    low, high = float(finite.min()), float(finite.max())
    if kind == DIVERGING:
        most = max(abs(low), abs(high)) or 1.0
        return -most, most, False
    positive = finite[finite > 0]
    if low >= 0 and len(positive) and high > 10 * float(positive.min()):
        return max(float(positive.min()), high / 10**_MOST_DECADES), high, True
    if high <= low:
        room = 0.5 * abs(low) or 0.5
        return low - room, high + room, False
    return low, high, False


class ColorScale(pg.GraphicsWidget):
    """A bar of the colours with numbers beside it, on the right of a plot."""

    def __init__(self, theme: Theme, kind: str) -> None:
        super().__init__()
        self.theme, self.kind = theme, kind
        self.low, self.high, self.logarithmic = 0.0, 1.0, False
        self._fit()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    def show_range(self, low: float, high: float, logarithmic: bool, kind: str = "") -> None:
        """Shows these numbers, and the colours of another kind where one is given."""
        self.kind = kind or self.kind
        self.low, self.high, self.logarithmic = low, high, logarithmic
        self._fit()
        self.update()

    def show_bar(self, shown: bool) -> None:
        """Shows it, or leaves its place to the plot: the plot beside has the same scale."""
        self.setVisible(shown)
        self._fit()

    def _fit(self) -> None:
        """Sets the width that the numbers need."""
        if not self.isVisible():
            self.setFixedWidth(0)
            return
        metrics = QFontMetricsF(base_font())
        _, labels = self.ticks(max(self.size().height(), 60.0))
        need = max((metrics.horizontalAdvance(text) for text in labels), default=0.0)
        self.setFixedWidth(_LEFT + BAR + _GAP + _STEP * math.ceil(need / _STEP + 0.25))

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`."""
        self.theme = theme
        self._fit()
        self.update()

    def scaled(self, values: Array) -> Array:
        """Values where colours are linear in them: their logarithms on a logarithmic scale."""
        if not self.logarithmic:
            return values
        with np.errstate(divide="ignore", invalid="ignore"):
            logs: Array = np.log10(np.maximum(values, self.low))
        return logs

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and highest number, scaled."""
        low, high = self.scaled(np.array([self.low, self.high]))
        return float(low), float(high)

    @property
    def colors(self) -> pg.ColorMap:
        """From the lowest number to the highest."""
        return color_map(self.kind, self.theme)

    def color_of(self, values: Array) -> NDArray[np.uint8]:
        """[value, red green blue alpha] of values."""
        low, high = self.ends
        share = np.clip((self.scaled(values) - low) / (high - low), 0.0, 1.0)
        found: NDArray[np.uint8] = self.colors.map(np.nan_to_num(share), mode="byte")
        return found

    def ticks(self, pixels: float) -> tuple[list[float], list[str]]:
        """(scaled positions, labels) on a bar so long."""
        place = log_ticks if self.logarithmic else linear_ticks
        return place(*self.ends, pixels, lambda labels: 1.4 * QFontMetricsF(base_font()).height())

    def paint(self, painter: QPainter, option: Any, widget: Any = None) -> None:
        """Draws bar, marks and numbers."""
        margin = QFontMetricsF(base_font()).height() / 2
        bar = QRectF(_LEFT, margin, BAR, max(self.size().height() - 2 * margin, 1.0))
        gradient = QLinearGradient(bar.bottomLeft(), bar.topLeft())
        for share in np.linspace(0.0, 1.0, 33):
            gradient.setColorAt(float(share), self.colors.map(float(share), mode="qcolor"))
        painter.setPen(QColor(self.theme.border))
        painter.setBrush(QBrush(gradient))
        painter.drawRect(bar)
        painter.setPen(QColor(self.theme.muted))
        painter.setFont(base_font())
        low, high = self.ends
        for at, text in zip(*self.ticks(bar.height()), strict=True):
            y = bar.bottom() - (at - low) / (high - low) * bar.height()
            painter.drawLine(QPointF(bar.right(), y), QPointF(bar.right() + 3, y))
            room = QRectF(bar.right() + _GAP, y - 10, self.size().width(), 20)
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, text)
