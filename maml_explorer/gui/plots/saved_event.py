"""Event that tells the window of a file which one of its plots has written."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent

SAVED = QEvent.Type(QEvent.registerEventType())


class FileSaved(QEvent):
    """A picture or table was written to `path`; sent to the plot's window."""

    def __init__(self, path: Path) -> None:
        super().__init__(SAVED)
        self.path = path
