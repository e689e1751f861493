"""The words of a banner, fitted to the room that they have."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy

from maml_explorer.gui.widgets.plain_tip import plain_tip

LINES = 2
"""Lines of text in a banner; the whole text is its tooltip where there are more."""


class Message(QLabel):
    """Words that wrap onto a few lines and never ask the window for more room than it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.full = text
        self._lines = LINES
        self.setProperty("role", "message")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(text)
        self.setText(text)

    def hasHeightForWidth(self) -> bool:
        """False: the height follows the text that was fitted."""
        return False

    def sizeHint(self) -> QSize:
        """Height of the fitted text, at most as many lines as it may take."""
        return QSize(320, min(self._height(self.text()), self._most()))

    def minimumSizeHint(self) -> QSize:
        """Smallest width."""
        return QSize(80, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fits the text again."""
        super().resizeEvent(event)
        self._fit()

    def say(self, text: str) -> None:
        """Shows another text in the same place."""
        self.full = text
        self.setAccessibleName(text)
        self._fit()

    def keep_to(self, lines: int) -> None:
        """Takes at most so many lines."""
        if lines != self._lines:
            self._lines = lines
            self._fit()

    def _fit(self) -> None:
        most, text = self._most(), self.full
        if self._height(text) > most:
            low, high = 0, len(text)
            while low < high:
                middle = (low + high + 1) // 2
                fits = self._height(f"{text[:middle].rstrip()}…") <= most
                low, high = (middle, high) if fits else (low, middle - 1)
            text = f"{text[:low].rstrip()}…"
        self.setText(text)
        self.setToolTip(plain_tip(self.full if text != self.full else ""))
        self.updateGeometry()

    def _most(self) -> int:
        return self._lines * self.fontMetrics().lineSpacing()

    def _height(self, text: str) -> int:
        room = QRect(0, 0, max(self.width(), 80), 10_000)
        return self.fontMetrics().boundingRect(room, Qt.TextFlag.TextWordWrap, text).height()
