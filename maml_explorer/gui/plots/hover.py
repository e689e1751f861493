"""The read-out of a plot, as the plot sees it."""

from __future__ import annotations

from PySide6.QtCore import QPoint


class Hover:
    """Items that follow the pointer; none in a plot without a read-out."""

    pointer: QPoint | None = None

    def hide(self) -> None:
        """Takes them away, and forgets the pointer."""
