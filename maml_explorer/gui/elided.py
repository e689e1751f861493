"""A line of text that gives way to what stands beside it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy


class ElidedLabel(QLabel):
    """A muted line that ends in "…" where there is no room; the whole text is its tooltip."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "muted")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.full = ""

    def say(self, text: str) -> None:
        """Shows `text`, as much of it as fits."""
        if text != self.full:
            self.full = text
            self._elide()

    def _elide(self) -> None:
        fitting = self.fontMetrics().elidedText(
            self.full, Qt.TextElideMode.ElideRight, max(self.width(), 0)
        )
        self.setText(fitting)
        self.setToolTip(self.full if fitting != self.full else "")
        self.setAccessibleName(self.full)

    def minimumSizeHint(self) -> QSize:
        """As narrow as it must be."""
        return QSize(0, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fits the text again."""
        super().resizeEvent(event)
        self._elide()
