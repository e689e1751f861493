"""A line of text with numbers in it."""

from __future__ import annotations

import re

from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QLineEdit

_DECIMALS = r"[+-]?([0-9][0-9\u2009\u202f]*(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?"
_NUMBER = re.compile(rf"^[+-]?[0-9]+,[0-9]+$|{_DECIMALS}", re.IGNORECASE)
"""A comma between digits is a decimal one where there is nothing else; else it ends a number."""


class NumberLine(QLineEdit):
    """A line in which a double click selects the whole number; to Qt 0.05 is two words."""

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Selects the number below the pointer, or else the word."""
        super().mouseDoubleClickEvent(event)
        at = self.cursorPositionAt(event.position().toPoint())
        for found in _NUMBER.finditer(self.text()):
            if found.start() <= at <= found.end():
                self.setSelection(found.start(), len(found.group()))
                break
