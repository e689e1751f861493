"""Sign over the window while a file hovers: where to let it go, and what can be dropped."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from maml_explorer.gui.files.opening import WHAT_OPENS
from maml_explorer.gui.widgets.controls import Card, label

_MARGIN = 60


class DropSign(Card):
    """A card in the middle of the window; the mouse goes through it."""

    def __init__(self, window: QWidget) -> None:
        self.words: QLabel = label(f"Drop to open: {WHAT_OPENS}", "title")
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.words.setWordWrap(True)
        super().__init__(self.words, margin=24)
        self.setParent(window)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def show_over(self) -> None:
        """Shows the sign in the middle."""
        window = self.window()
        width = min(560, window.width() - 2 * _MARGIN)
        self.resize(width, max(self.heightForWidth(width), 2 * _MARGIN))
        self.move((window.width() - width) // 2, (window.height() - self.height()) // 2)
        self.show()
        self.raise_()
