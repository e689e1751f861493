"""A curve that the user draws over the hero with the mouse, before the true one is shown."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from maml_explorer.gui.plots.plot import Plot
from maml_explorer.protocol.commands import Array

_BINS = 120
ENOUGH = 0.6
"""Part of the x range that makes a drawing a curve."""


class Sketch(QWidget):
    """Takes the mouse over a plot while the user draws; afterwards the drawing stays."""

    changed = Signal()

    def __init__(self, plot: Plot) -> None:
        super().__init__(plot)
        self._plot = plot
        self._y = np.full(_BINS, np.nan)
        self._last: tuple[int, float] | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setAccessibleName("Your drawing")
        plot.installEventFilter(self)
        plot.view().sigRangeChanged.connect(lambda *_: self.update())
        self.hide()

    def begin(self) -> None:
        """Takes the mouse."""
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, False)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setGeometry(self._plot.rect())
        self.show()
        self.raise_()

    def keep(self) -> None:
        """Leaves the mouse to the plot again; what was drawn stays."""
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.unsetCursor()

    def wipe(self) -> None:
        """Nothing is drawn, and nothing taken."""
        self._y[:] = np.nan
        self.keep()
        self.hide()

    def curve(self) -> tuple[Array, Array] | None:
        """(x, y) of the drawing over the whole x range; None where there is too little of it."""
        known = np.isfinite(self._y)
        if known.mean() < ENOUGH:
            return None
        x = self._x()
        return x, np.interp(x, x[known], self._y[known])

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begins a line."""
        event.accept()
        self._last = None
        self._draw_to(event.position().toPoint())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Goes on with it."""
        event.accept()
        self._draw_to(event.position().toPoint())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Ends it."""
        event.accept()
        self._last = None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keeps to the plot's size."""
        if event.type() is QEvent.Type.Resize:
            self.setGeometry(self._plot.rect())
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws what there is."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(self.palette().color(QPalette.ColorRole.Accent), 3)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setDashPattern([1.0, 2.0])
        painter.setPen(pen)
        line = QPolygonF()
        for x, y in zip(self._x(), self._y, strict=True):
            if np.isfinite(y):
                line.append(QPointF(self._plot.to_pixel(float(x), float(y))))
            elif not line.isEmpty():
                painter.drawPolyline(line)
                line.clear()
        painter.drawPolyline(line)
        painter.end()

    def _draw_to(self, pixel: QPoint) -> None:
        x, y = self._plot.to_data(pixel)
        (left, right), (low, high) = self._plot.view().viewRange()
        at = int(np.clip((x - left) / (right - left) * _BINS, 0, _BINS - 1))
        y = float(np.clip(y, low, high))
        first, before = self._last or (at, y)
        way = 1 if at >= first else -1
        for step, nth in enumerate(range(first, at + way, way)):
            self._y[nth] = before + (y - before) * step / max(abs(at - first), 1)
        self._y[at] = y
        self._last = (at, y)
        self.update()
        self.changed.emit()

    def _x(self) -> Array:
        left, right = self._plot.view().viewRange()[0]
        return np.asarray(left + (np.arange(_BINS) + 0.5) / _BINS * (right - left))


def excess_error(drawn: tuple[Array, Array], grid: Array, best_single: Array) -> float:
    """Expected MSE of one answer for all tasks above the best possible.

    E (f − y)² = E (f* − y)² + mean over x of (f − f*)², f* being the best single predictor.

    Args:
        drawn: x and f(x), [point] each.
        grid: x at which `best_single` is known, [grid point].
        best_single: f*, [grid point].
    """
    x, y = drawn
    return float(np.mean((y - np.interp(x, grid, best_single)) ** 2))
