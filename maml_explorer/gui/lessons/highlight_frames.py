"""Frames around what a lesson points at; they follow their widgets and let the mouse through."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QWidget

_AROUND = 4
"""Pixels between a widget and its frame."""
_FOLLOWED = (QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.Show, QEvent.Type.Hide)


class Frame(QWidget):
    """A rounded frame in the accent colour."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the frame."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Accent), 2.5))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1.5, 1.5, -1.5, -1.5), 8, 8)
        painter.end()


class Frames(QObject):
    """The frames of a window."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._framed: list[tuple[QWidget, Frame]] = []
        self._watched: list[QWidget] = []
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self.place)

    @property
    def framed(self) -> list[QWidget]:
        """The widgets that have a frame that is seen."""
        return [widget for widget, frame in self._framed if frame.isVisible()]

    def point_at(self, widgets: Iterable[QWidget]) -> None:
        """Frames these widgets and no others."""
        for widget in self._watched:
            widget.removeEventFilter(self)
        for _, frame in self._framed:
            frame.hide()
            frame.deleteLater()
        self._framed = [(widget, Frame(self._window)) for widget in widgets]
        self._watched = []
        for widget, _ in self._framed:
            for ancestor in self._ancestors(widget):
                if ancestor not in self._watched:
                    ancestor.installEventFilter(self)
                    self._watched.append(ancestor)
        self.place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follows."""
        if event.type() in _FOLLOWED:
            self._soon.start(0)
        return False

    def place(self) -> None:
        """Puts every frame around what is seen of its widget."""
        for widget, frame in self._framed:
            seen = self._seen(widget)
            if not widget.isVisible() or seen.isEmpty():
                frame.hide()
                continue
            around = seen.adjusted(-_AROUND, -_AROUND, _AROUND, _AROUND)
            frame.setGeometry(around.intersected(self._window.rect()))
            frame.show()
            frame.raise_()

    def _seen(self, widget: QWidget) -> QRect:
        """Part of a widget that no ancestor cuts off, in the window's pixels."""
        seen = self._window.rect()
        for part in self._ancestors(widget):
            seen &= QRect(part.mapTo(self._window, QPoint(0, 0)), part.size())
        return seen

    def _ancestors(self, widget: QWidget) -> list[QWidget]:
        found: list[QWidget] = []
        at: QWidget | None = widget
        while at is not None and at is not self._window:
            found.append(at)
            at = at.parentWidget()
        return found
