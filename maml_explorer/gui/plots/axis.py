"""An axis whose labels never overlap, linear or logarithmic."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QFontMetricsF

from maml_explorer.gui.plots.ticks import linear_ticks, log_ticks, two_ticks
from maml_explorer.gui.style.qt_style import base_font

_REACH = 40
"""Pixels that a label may reach beyond an end of its axis, where the plot has them."""


class NumberAxis(pg.AxisItem):
    """An axis with 1-2-5 ticks, thin-space thousands and no overlapping labels, linear or log."""

    def __init__(self, orientation: str, *, whole: bool = False) -> None:
        super().__init__(orientation)
        self.whole = whole
        self.logarithmic = False
        """True where positions are log10 of the value; the caller hands log10 values to items."""
        self._labels: list[str] = []
        self.setTickFont(base_font())
        self.setStyle(tickLength=0, tickAlpha=255, tickTextOffset=6, hideOverlappingLabels=False)
        self.enableAutoSIPrefix(False)

    def setLabel(self, text: str | None = None, *args: Any, **style: Any) -> None:
        """Sets the words beside the axis, in its middle."""
        super().setLabel(text, *args, **style)
        self.resizeEvent()  # pyqtgraph centres them only when the axis gets another size

    def tickValues(self, low: float, high: float, pixels: float) -> list[tuple[Any, list[float]]]:
        """The ticks of one level; pyqtgraph calls this when it draws."""
        if self.logarithmic:
            values, self._labels = log_ticks(low, high, pixels, self._room)
        else:
            values, self._labels = linear_ticks(low, high, pixels, self._room, self.whole)
        if len(values) < 2:
            two, labels = two_ticks(
                low, high, pixels, self._least_room, self.logarithmic, self.whole
            )
            values, self._labels = (two, labels) if two else (values, self._labels)
        return [(None, values)]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """The labels of the ticks placed last."""
        return list(self._labels)

    def boundingRect(self) -> QRectF:
        """Area of the axis: a label at an end reaches half its size beyond it.

        What reaches beyond this area is not drawn.
        """
        rect: QRectF = super().boundingRect()
        if self.orientation in ("left", "right"):
            return rect.adjusted(0, -8, 0, 8)
        place, frame = self.geometry(), self.parentItem()
        whole = place if frame is None else frame.boundingRect()
        before, after = place.left() - whole.left(), whole.right() - place.right()
        return rect.adjusted(-max(13, min(before, _REACH)), 0, max(13, min(after, _REACH)), 0)

    def _least_room(self, labels: list[str]) -> float:
        """The distance at which two labels can just be told apart."""
        metrics = QFontMetricsF(self.style["tickFont"])
        if self.orientation in ("left", "right"):
            return 1.1 * metrics.height()
        return max((metrics.horizontalAdvance(label) for label in labels), default=0.0) + 10.0

    def _room(self, labels: list[str]) -> float:
        metrics = QFontMetricsF(self.style["tickFont"])
        if self.orientation in ("left", "right"):
            return 2.0 * metrics.height()
        return max((metrics.horizontalAdvance(label) for label in labels), default=0.0) + 30.0
