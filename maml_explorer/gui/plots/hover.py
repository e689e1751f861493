"""The read-out of a plot, as the plot sees it."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QPoint


class Hover(Protocol):
    """Items that follow the pointer."""

    pointer: QPoint | None

    def hide(self) -> None:
        """Takes them away, and forgets the pointer."""
