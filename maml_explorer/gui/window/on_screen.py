"""The window inside the screen there is: at the start, restored, and when screens change."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRect, QSize, QTimer
from PySide6.QtGui import QGuiApplication, QScreen
from PySide6.QtWidgets import QMainWindow


def fitted(frame: QRect, available: QRect) -> QRect:
    """`frame` made as small and moved as far as the `available` rectangle asks, no more."""
    size = frame.size().boundedTo(available.size())
    x = min(max(frame.x(), available.x()), available.x() + available.width() - size.width())
    y = min(max(frame.y(), available.y()), available.y() + available.height() - size.height())
    return QRect(x, y, size.width(), size.height())


def room_for(size: QSize) -> QSize:
    """`size`, bounded by the primary screen without its panels."""
    return size.boundedTo(QGuiApplication.primaryScreen().availableGeometry().size())


_LATER = (250, 1000)
"""Milliseconds after which a window that is shown is fitted again: many a desktop draws its title
bar a while later, and nothing tells when."""


class OnScreen(QObject):
    """Keeps the whole frame of a window on the screen it is on."""

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self.fit)
        window.installEventFilter(self)
        for screen in QGuiApplication.screens():
            self._watch(screen)
        app = QGuiApplication.instance()
        if isinstance(app, QGuiApplication):
            app.screenAdded.connect(self._watch)
            app.screenRemoved.connect(self._fit_soon)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Fits once the window is shown or back from another state."""
        if event.type() in (QEvent.Type.Show, QEvent.Type.WindowStateChange):
            self._soon.start(0)
            for wait in _LATER:
                QTimer.singleShot(wait, self, self.fit)
        return False

    def fit(self) -> None:
        """Makes the window as large, and puts it where, its screen allows."""
        window = self._window
        screen = window.screen()
        if window.isFullScreen() or window.isMaximized():
            return
        frame, inside = window.frameGeometry(), window.geometry()
        now = fitted(frame, screen.availableGeometry())
        if now == frame:
            return
        window.resize(inside.size() + now.size() - frame.size())
        window.move(now.topLeft())

    def _watch(self, screen: QScreen) -> None:
        screen.availableGeometryChanged.connect(self._fit_soon)

    def _fit_soon(self, _: object) -> None:
        # a bound method: the application outlives the window, and must not hold it
        self._soon.start(0)
