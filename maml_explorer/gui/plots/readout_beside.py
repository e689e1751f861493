"""The box of values beside a plot that it would hide: over what lies next to it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QLabel, QWidget

_GAP = 4
"""Pixels between plot and box."""


class BoxBeside(QLabel):
    """Lies over the window until the plot is left, hidden or moved."""

    def __init__(self, plot: QWidget) -> None:
        super().__init__()
        self._plot = plot
        self.setProperty("role", "readout")
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        plot.destroyed.connect(self.deleteLater)

    def show_beside(self, html: str, pointer: QPoint) -> bool:
        """Shows lines of HTML; False where the window has no room for them.

        Args:
            html: the lines.
            pointer: the position on the plot that they are of.
        """
        window = self._plot.window()
        if self.parent() is not window:
            self.setParent(window)
        self.setText(html)
        self.ensurePolished()
        taken = QRect(self._plot.mapTo(window, QPoint(0, 0)), self._plot.size())
        at = self._plot.mapTo(window, pointer)
        place = place_beside(taken, at, self.sizeHint(), window.rect())
        if place is None:
            self.end()
            return False
        self.setGeometry(place)
        if self.isHidden():
            self._plot.installEventFilter(self)  # only now: each event of the plot goes through it
            self.show()
        self.raise_()
        return True

    def end(self) -> None:
        """Takes it away."""
        if not self.isHidden():
            self._plot.removeEventFilter(self)
            self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Ends with what it is of."""
        if event.type() in (QEvent.Type.Hide, QEvent.Type.Move, QEvent.Type.Resize):
            self.end()
        return False


def place_beside(taken: QRect, pointer: QPoint, size: QSize, window: QRect) -> QRect | None:
    """The first place in the window left of the plot, right of it, above or below; None without."""
    across = min(max(pointer.x() - size.width() // 2, 0), max(window.width() - size.width(), 0))
    down = min(max(pointer.y() - size.height() // 2, 0), max(window.height() - size.height(), 0))
    corners = (
        QPoint(taken.left() - _GAP - size.width(), down),
        QPoint(taken.right() + 1 + _GAP, down),
        QPoint(across, taken.top() - _GAP - size.height()),
        QPoint(across, taken.bottom() + 1 + _GAP),
    )
    places = (QRect(corner, size) for corner in corners)
    return next((place for place in places if window.contains(place)), None)
