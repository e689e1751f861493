"""A square to draw a glyph on with the mouse."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from maml_explorer.gui.session.session import Session
from maml_explorer.protocol.images import Strokes

SIDE = 104
"""Pixels of a side, at least."""
HINT = "draw here"
_NEAREST = 0.03
"""Parts of the side between two vertices, at least."""


class DrawPad(QWidget):
    """Strokes of the mouse, in the unit square. `drawn` is emitted with each stroke that ends."""

    drawn = Signal(object)
    """All strokes so far: `Strokes`."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._lines: list[list[tuple[float, float]]] = []
        self._drawing = False
        self._take_size()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setAccessibleName("Draw a glyph")
        self.setToolTip("Draw here: the image follows with every stroke")

    def _take_size(self) -> None:
        """Takes the size that the words on an empty square ask for."""
        side = max(SIDE, self.fontMetrics().horizontalAdvance(HINT) + 24)
        self.setFixedSize(QSize(side, side))

    def changeEvent(self, event: QEvent) -> None:
        """Takes its size again in another type."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            self._take_size()

    @property
    def strokes(self) -> Strokes:
        """Strokes drawn so far."""
        return tuple(tuple(line) for line in self._lines)

    def clear(self) -> None:
        """Begins another glyph."""
        self._lines, self._drawing = [], False
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begins a stroke."""
        if event.button() is Qt.MouseButton.LeftButton:
            self._drawing = True
            self._lines.append([self._vertex(event.position())])
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Goes on with it."""
        if self._drawing:
            x, y = self._vertex(event.position())
            last = self._lines[-1][-1]
            if abs(x - last[0]) + abs(y - last[1]) >= _NEAREST:
                self._lines[-1].append((x, y))
                self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Ends it."""
        if self._drawing and event.button() is Qt.MouseButton.LeftButton:
            self._drawing = False
            self.drawn.emit(self.strokes)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the square and its strokes."""
        theme = self.session.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme.muted), 1, Qt.PenStyle.DashLine))
        painter.setBrush(QColor(theme.card))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        if not self._lines:
            painter.setPen(QColor(theme.muted))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, HINT)
        pen = QPen(QColor(theme.text), 5)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        for line in self._lines:
            points = [QPointF(x * self.width(), y * self.height()) for x, y in line]
            painter.drawPolyline(points if len(points) > 1 else points * 2)
        painter.end()

    def _vertex(self, at: QPointF) -> tuple[float, float]:
        x, y = at.x() / self.width(), at.y() / self.height()
        # hundredths, about a pixel here, are what a share string keeps
        return round(min(max(x, 0.0), 0.99), 2), round(min(max(y, 0.0), 0.99), 2)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape starts over."""
        if event.key() == Qt.Key.Key_Escape and self._lines:
            self.clear()
        else:
            event.ignore()
