"""The outer step under the pointer on the losses: what else shows it looks back with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from maml_explorer.gui.session.session import Session


class PointedStep(QObject):
    """None while the pointer is elsewhere."""

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.outer_step: int | None = None

    @staticmethod
    def of(session: Session) -> PointedStep:
        """The one that the window's panels share."""
        return session.findChild(PointedStep) or PointedStep(session)

    def point(self, outer_step: int | None) -> None:
        """The pointer is at this outer step now."""
        if outer_step != self.outer_step:
            self.outer_step = outer_step
            self.changed.emit()
