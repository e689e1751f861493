"""A card that lies over the window until it is done with: Escape or a click beside it closes it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

from maml_explorer.gui.widgets.controls import Card

MARGIN = 24
TOP = 48
_PAGES = (Qt.Key.Key_PageDown, Qt.Key.Key_PageUp)


class Overlay(QWidget):
    """Dims `window` and shows `card`, `top` pixels below its top. Not modal: the run goes on."""

    closed = Signal()

    def __init__(self, window: QWidget, card: Card, width: int, top: int = TOP) -> None:
        super().__init__(window)
        self.card, self._width, self._top = card, width, top
        self._before: QWidget | None = None
        card.setParent(self)
        self.setAttribute(Qt.WidgetAttribute.WA_NoMousePropagation)
        window.installEventFilter(self)
        self.hide()

    def widen(self, width: int) -> None:
        """Takes so many pixels from now on, where the window has them."""
        self._width = width

    def open(self, focus: QWidget) -> None:
        """Shows it and gives `focus` the focus; closing gives it back to whoever had it."""
        if not self.isVisible():
            self._before = QApplication.focusWidget()
        self._place()
        self.show()
        self.raise_()
        focus.setFocus()

    def dismiss(self) -> None:
        """Closes it."""
        if not self.isVisible():
            return
        self.hide()
        before, self._before = self._before, None
        # what had the focus may be gone meanwhile, as the table of a tab that was rebuilt
        if before is not None and isValid(before) and before.isVisible():
            before.setFocus()
        self.closed.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keeps to the window's size, and to that of its type."""
        if event.type() is QEvent.Type.Resize and self.isVisible():
            self._place()
        elif event.type() is QEvent.Type.StyleChange and self.isVisible():
            # what lies inside takes the type after the window
            QTimer.singleShot(0, self, self._place)
        return False

    def fit(self) -> None:
        """Gives what lies inside the room it needs in this window and type; here nothing."""

    def page(self, down: bool) -> None:
        """Shows the page below or above of what lies inside; here nothing."""

    def event(self, event: QEvent) -> bool:
        """Takes the keys of a remote control, which mean what lies below otherwise."""
        override = event.type() is QEvent.Type.ShortcutOverride
        if override and isinstance(event, QKeyEvent) and event.key() in _PAGES:
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes, Page Down and Page Up turn the page."""
        if event.key() == Qt.Key.Key_Escape:
            self.dismiss()
        elif event.key() in _PAGES:
            self.page(event.key() == Qt.Key.Key_PageDown)
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click beside the card closes."""
        if not self.card.geometry().contains(event.position().toPoint()):
            self.dismiss()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Dims what lies below."""
        shade = QColor(self.palette().color(QPalette.ColorRole.Window))
        shade.setAlphaF(0.6)
        painter = QPainter(self)
        painter.fillRect(self.rect(), shade)
        painter.end()

    def _place(self) -> None:
        window = self.parentWidget()
        if window is None:
            return
        self.setGeometry(window.rect())
        self.fit()
        width = min(self._width, self.width() - 2 * MARGIN)
        below = min(self._top, MARGIN)
        height = min(self.card.sizeHint().height(), self.height() - self._top - below)
        self.card.setGeometry((self.width() - width) // 2, self._top, width, height)
