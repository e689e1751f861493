"""Parallel coordinates of a sweep: a line for each cell, and ranges of axes that keep lines."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QWidget

from maml_explorer.gui.panels.sweep.point_words import short_name, value_words
from maml_explorer.gui.style.theme import Theme
from maml_explorer.storage.report.sweep_plots import axis_places, robust_range, share
from maml_explorer.storage.report.sweep_table import (
    SweepAxis,
    SweepCell,
    higher_is_better,
)

_SIDE, _TOP, _FOOT = 70, 14, 26
"""Pixels beside the outermost axes, above and below them."""
_NEAR = 40
"""Pixels from an axis within which a press begins a range on it."""
_FEW = 120
"""Lines up to which they are drawn thick: a thick one takes eight times as long as a thin one."""
_TOGETHER, _AT_ONCE = 16, 0.008
"""Lines between two looks at the clock, and seconds after which the window has its turn."""
_GOOD, _BAD = QColor("#0072b2"), QColor("#c9862b")


class SweepCoordinates(QWidget):
    """A drag along an axis keeps the lines that cross it there; a click on it keeps all again."""

    brushed = Signal()
    """Other lines are kept."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setAccessibleName("Parallel coordinates of the sweep")
        self.setAccessibleDescription(
            "A drag along an axis keeps the lines that cross it there. Escape keeps all again."
        )
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.theme = theme
        self.axes: tuple[SweepAxis, ...] = ()
        self.objective = ""
        self.cells: list[SweepCell] = []
        """Cells with a mean, the best last."""
        self.lines: list[tuple[float, ...]] = []
        """Of each cell, its place on every axis and on that of the objective, from 0 to 1."""
        self.ranges: dict[int, tuple[float, float]] = {}
        """Axis → part of it, from 0 to 1, that lines must cross; the objective is the last axis."""
        self._ticks: list[list[tuple[float, str]]] = []
        self._dragged: tuple[int, float] | None = None
        self._picture = QImage()
        """The lines, as they were drawn last."""
        self._drawn_size = QSize()
        self._stale = True
        self._drawing: Iterator[None] | None = None
        self._turn = QTimer(self)
        self._turn.setSingleShot(True)
        self._turn.timeout.connect(self._draw_on)

    def put(self, cells: Sequence[SweepCell], axes: Sequence[SweepAxis], objective: str) -> None:
        """Draws the cells of a sweep; the ranges stay where the axes do."""
        if (tuple(axes), objective) != (self.axes, self.objective):
            self.ranges = {}
        self.axes, self.objective = tuple(axes), objective
        sign = -1 if higher_is_better(objective) else 1
        known = [(sign * c.mean, c) for c in cells if c.mean is not None]
        known.sort(key=lambda found: -found[0])
        low, high = robust_range([mean for mean, cell in known if not cell.diverged])
        places = [axis_places([cell for _, cell in known], axis) for axis in axes if known]
        self.cells = [cell for _, cell in known]
        self.lines = [
            (
                *(at[dict(c.point)[a.key]] for a, at in zip(axes, places, strict=True)),
                share(mean, low, high),
            )
            for mean, c in known
        ]
        self._ticks = [
            [(part, value_words(v)) for v, part in at.items() if len(at) <= 9 or part in (0, 1)]
            for at in places
        ]
        self._ticks.append([(0.0, f"{sign * low:.3g}"), (1.0, f"{sign * high:.3g}")])
        self._changed()

    @property
    def kept(self) -> list[SweepCell]:
        """The cells whose lines cross every range."""
        return [c for c, line in zip(self.cells, self.lines, strict=True) if self._keeps(line)]

    def keep(self, axis: int, low: float, high: float) -> None:
        """Keeps the lines that cross a part of an axis, from 0 (bottom) to 1; all where it is 0."""
        if high - low < 0.01:
            self.ranges.pop(axis, None)
        else:
            self.ranges[axis] = (low, high)
        self._changed()
        self.brushed.emit()

    def keep_all(self) -> None:
        """Keeps all lines again."""
        self.ranges.clear()
        self._changed()
        self.brushed.emit()

    def take_colors(self, theme: Theme) -> None:
        """Draws in the colours of `theme`."""
        self.theme = theme
        self._changed()

    def minimumSizeHint(self) -> QSize:
        """Smallest size."""
        return QSize(240, 120)

    def _keeps(self, line: tuple[float, ...]) -> bool:
        return all(low <= line[axis] <= high for axis, (low, high) in self.ranges.items())

    def _x(self, axis: int) -> float:
        return _SIDE + axis * (self.width() - 2 * _SIDE) / max(1, len(self.axes))

    def _y(self, part: float) -> float:
        return self.height() - _FOOT - part * (self.height() - _FOOT - _TOP)

    def _part(self, y: float) -> float:
        span = self.height() - _FOOT - _TOP
        return min(max((self.height() - _FOOT - y) / max(1, span), 0.0), 1.0)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the lines, the axes over them, and the ranges."""
        if self._drawn_size != self.size():
            self._stale = True
        if self._stale and self._drawing is None:
            self._draw_on()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        muted, text = QColor(self.theme.muted), QColor(self.theme.text)
        if not self.cells:
            painter.setPen(muted)
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "No run is done yet.")
            return
        painter.drawImage(self.rect(), self._picture)
        xs = [self._x(nth) for nth in range(len(self.axes) + 1)]
        names, metrics = [axis.label for axis in self.axes], self.fontMetrics()
        if any(metrics.horizontalAdvance(name) + 8 > xs[1] - xs[0] for name in names):
            names = [short_name(axis) for axis in self.axes]
        names.append(self.objective)
        ground = QColor(self.theme.card)
        ground.setAlphaF(0.85)
        for nth, (x, name) in enumerate(zip(xs, names, strict=True)):
            painter.setPen(QPen(muted, 1.2))
            painter.drawLine(QPointF(x, self._y(0)), QPointF(x, self._y(1)))
            last = nth == len(self.axes)
            for part, words in self._ticks[nth]:
                wide = metrics.horizontalAdvance(words) + 4
                box = QRectF(x + 4 if last else x - 4 - wide, self._y(part) - 9, wide, 18)
                painter.fillRect(box, ground)  # lines end where the words stand
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)
            painter.setPen(text)
            foot = QRectF(x - 110, self.height() - _FOOT + 6, 220, 18)
            painter.drawText(foot, Qt.AlignmentFlag.AlignCenter, name)
            if nth in self.ranges:
                low, high = self.ranges[nth]
                painter.fillRect(
                    QRectF(x - 5, self._y(high), 10, self._y(low) - self._y(high)),
                    QColor(0, 114, 178, 90),
                )

    def _changed(self) -> None:
        """The lines are to be drawn anew; those before stay until then."""
        self._stale = True
        self.update()

    def _draw_on(self) -> None:
        """Draws lines for a while, so that the window never waits for thousands of them."""
        if self._drawing is None:
            self._drawing, self._stale = self._drawn(), False
        until = time.perf_counter() + _AT_ONCE
        for _ in self._drawing:
            if time.perf_counter() > until:
                self._turn.start(0)
                return
        self._drawing = None
        self.update()

    def _drawn(self) -> Iterator[None]:
        """Draws the lines on a picture of their own, a few at a time."""
        scale = self.devicePixelRatioF()
        picture = QImage(self.size() * scale, QImage.Format.Format_ARGB32_Premultiplied)
        picture.setDevicePixelRatio(scale)
        picture.fill(Qt.GlobalColor.transparent)
        xs = [self._x(nth) for nth in range(len(self.axes) + 1)]
        faint = QColor(self.theme.muted)
        faint.setAlphaF(0.12)
        cells, lines, size = self.cells, self.lines, self.size()
        thick = 1.6 if len(self.lines) <= _FEW else 1.0
        found = [(self._keeps(line), n) for n, line in enumerate(self.lines)]
        found.sort()  # those that are kept lie over the others, the best on top
        for first in range(0, len(found), _TOGETHER):
            painter = QPainter(picture)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for kept, n in found[first : first + _TOGETHER]:
                line = lines[n]
                pen = QPen(_mixed(line[-1]) if kept else faint, thick if kept else 1.0)
                if cells[n].diverged:
                    pen.setStyle(Qt.PenStyle.DashLine)
                painter.setPen(pen)
                points = [QPointF(x, self._y(p)) for x, p in zip(xs, line, strict=True)]
                painter.drawPolyline(QPolygonF(points))
            painter.end()
            yield
        self._picture, self._drawn_size = picture, size

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begins a range on the nearest axis."""
        at = event.position()
        near = min(range(len(self.axes) + 1), key=lambda nth: abs(self._x(nth) - at.x()))
        if event.button() is Qt.MouseButton.LeftButton and abs(self._x(near) - at.x()) < _NEAR:
            self._dragged = (near, self._part(at.y()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Draws the range as far as it goes."""
        if self._dragged is not None:
            axis, begun = self._dragged
            here = self._part(event.position().y())
            self.ranges[axis] = (min(begun, here), max(begun, here))
            self._changed()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Keeps the lines that cross the range."""
        if self._dragged is not None:
            axis, begun = self._dragged
            self._dragged = None
            here = self._part(event.position().y())
            self.keep(axis, min(begun, here), max(begun, here))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape keeps all lines again."""
        if event.key() == Qt.Key.Key_Escape and self.ranges:
            self.keep_all()
        else:
            super().keyPressEvent(event)


def _mixed(part: float) -> QColor:
    """Colour of a place between best (0) and worst (1)."""
    ends = zip(_GOOD.getRgb()[:3], _BAD.getRgb()[:3], strict=True)  # type: ignore[index]
    return QColor(*(round(good + (bad - good) * part) for good, bad in ends))
