"""The inner step that is looked at: one for all panels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from maml_explorer.gui.session.session import Session


class InnerStep(QObject):
    """What the sliders, the play button and a click on Adaptation speed choose together."""

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self.chosen: int | None = None
        """None until a person chooses: then it is as many as there are in training."""

    @staticmethod
    def of(session: Session) -> InnerStep:
        """The one that the window's panels share."""
        return session.findChild(InnerStep) or InnerStep(session)

    def within(self, last: int) -> int:
        """The inner step to show where there are steps 0 … `last`."""
        trained = max(self._session.settings.inner.inner_steps, 1)
        return min(trained if self.chosen is None else self.chosen, last)

    def choose(self, step: int) -> None:
        """Shows this inner step everywhere."""
        if step != self.chosen:
            self.chosen = step
            self.changed.emit()
