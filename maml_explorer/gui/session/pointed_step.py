"""The outer step under the pointer on the losses: what else shows it looks back with it."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal


class PointedStep(QObject):
    """None while the pointer is elsewhere."""

    changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.outer_step: int | None = None

    def point(self, outer_step: int | None) -> None:
        """The pointer is at this outer step now."""
        if outer_step != self.outer_step:
            self.outer_step = outer_step
            self.changed.emit()
