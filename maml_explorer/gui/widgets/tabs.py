"""Tabs whose titles move closer together before any of them is cut."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QTabWidget

from maml_explorer.gui.widgets.controls import mark, type_changed

_BESIDE = {"": 24, "little": 12, "least": 4}
"""Pixels beside a title, as the stylesheet has them, the most first."""


class Tabs(QTabWidget):
    """Pages one behind another, without a frame."""

    def __init__(self) -> None:
        super().__init__()
        self.setDocumentMode(True)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fits the titles."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Fits the titles in another type."""
        super().changeEvent(event)
        if type_changed(event):
            self._fit()

    def _fit(self) -> None:
        bar = self.tabBar()
        words = [bar.tabText(nth) for nth in range(bar.count()) if bar.isTabVisible(nth)]
        wide = sum(self.fontMetrics().horizontalAdvance(title) for title in words)
        fitting = (name for name, px in _BESIDE.items() if wide + px * len(words) <= self.width())
        room = next(fitting, "least")
        if (bar.property("room") or "") != room:
            mark(bar, room=room)
