"""An axis whose labels never overlap, linear or logarithmic."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QFontMetricsF

from maml_explorer.gui.plots.ticks import linear_ticks, log_ticks, two_ticks
from maml_explorer.gui.style.qt_style import base_font

_REACH, _REACH_UP = 40, 8
"""Pixels that a label may reach beyond the ends of an axis, across where the plot has them, and up
or down."""


class NumberAxis(pg.AxisItem):
    """An axis with 1-2-5 ticks, thin-space thousands and no overlapping labels, linear or log."""

    least = 0.0
    """Pixels that a left axis is wide at least, where another one stands above or below it."""

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

    @property
    def needs(self) -> float:
        """Pixels of width that the labels and the words beside them need."""
        words = 0.8 * self.label.boundingRect().height() if self.label.isVisible() else 0.0
        return float(self.textWidth + self.style["tickTextOffset"][0] + words)

    def widen_to(self, least: float) -> None:
        """Takes at least so many pixels of width; 0 for as many as it needs."""
        if least != self.least:
            self.least = least
            self._updateWidth()

    def _updateWidth(self) -> None:
        """pyqtgraph calls this where the labels may have another size."""
        self.fixedWidth = max(self.least, self.needs) if self.least else None
        super()._updateWidth()

    def tickValues(self, low: float, high: float, pixels: float) -> list[tuple[Any, list[float]]]:
        """The ticks of one level; pyqtgraph calls this when it draws."""
        if self.logarithmic:
            values, self._labels = log_ticks(low, high, pixels, self._room)
        else:
            values, self._labels = linear_ticks(low, high, pixels, self._room, self.whole)
        for _ in range(2):  # the second time with room for the labels that did not fit
            if self._drawn(values, low, high, pixels) >= 2:
                break
            before, after = self._beyond(self._labels, pixels)
            span = high - low
            two, labels = two_ticks(
                low + before * span, high - after * span, pixels * (1 - before - after),
                self._least_room, self.logarithmic, self.whole,
            )  # fmt: skip
            values, self._labels = (two, labels) if two else (values, self._labels)
        return [(None, values)]

    def _drawn(self, values: list[float], low: float, high: float, pixels: float) -> int:
        """Number of labels that are drawn: what reaches beyond the area of the axis is not."""
        before, after = self._beyond(self._labels, pixels)
        span = high - low
        first, last = low + (before - 1e-9) * span, high - (after - 1e-9) * span
        return sum(first <= value <= last for value in values)

    def _beyond(self, labels: list[str], pixels: float) -> tuple[float, float]:
        """Parts of the axis at its ends in which the widest label would reach beyond its area."""
        metrics = QFontMetricsF(self.style["tickFont"])
        if pixels <= 0:
            return 0.0, 0.0
        if self.orientation in ("left", "right"):
            part = min(0.4, max(0.0, metrics.height() / 2 - _REACH_UP) / pixels)
            return part, part
        half = max((metrics.horizontalAdvance(label) for label in labels), default=0.0) / 2 + 1
        before, after = (max(0.0, half - reach) / pixels for reach in self._reaches())
        return min(0.4, before), min(0.4, after)

    def _reaches(self) -> tuple[float, float]:
        """Pixels by which a label may reach beyond the left and the right end."""
        place, frame = self.geometry(), self.parentItem()
        whole = place if frame is None else frame.boundingRect()
        ends = place.left() - whole.left(), whole.right() - place.right()
        before, after = (max(13.0, min(end, _REACH)) for end in ends)
        return before, after

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """The labels of the ticks placed last."""
        return list(self._labels)

    def boundingRect(self) -> QRectF:
        """Area of the axis: a label at an end reaches half its size beyond it.

        What reaches beyond this area is not drawn.
        """
        rect: QRectF = super().boundingRect()
        if self.orientation in ("left", "right"):
            return rect.adjusted(0, -_REACH_UP, 0, _REACH_UP)
        before, after = self._reaches()
        return rect.adjusted(-before, 0, after, 0)

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
