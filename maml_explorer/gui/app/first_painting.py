"""The first painting of a window: what takes long waits until there is something to see."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QWidget

LATEST = 2_000
"""Milliseconds after which a window that is not painted (minimized, say) is waited for no more."""


class FirstPainting(QObject):
    """Calls `then` once, right after `window` was painted for the first time.

    A window that is mapped but not painted is see-through on X11.
    """

    def __init__(self, window: QWidget, then: Callable[[], object]) -> None:
        super().__init__(window)
        self._window, self._then = window, then
        self._over = False
        window.installEventFilter(self)
        self._latest = QTimer(self)
        self._latest.setSingleShot(True)
        self._latest.timeout.connect(self._call)
        self._latest.start(LATEST)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Notes the first painting."""
        if watched is self._window and event.type() is QEvent.Type.Paint:
            self._window.removeEventFilter(self)
            # after the backing store was flushed, which this event comes before
            QTimer.singleShot(0, self, self._call)
        return False

    def _call(self) -> None:
        if not self._over:
            self._over = True
            self._window.removeEventFilter(self)
            self._latest.stop()
            self._then()
