"""A dotted line at the inner step that the hero shows."""

from __future__ import annotations

from collections.abc import Callable

import pyqtgraph as pg

from maml_explorer.gui.panels.adaptation.outer_step_shown import OuterStepShown
from maml_explorer.gui.session.session import Session
from maml_explorer.protocol.reports import Status, Stepped


class StepLine(pg.InfiniteLine):
    """Follows the choice of the inner step, and an outer step that is taken piece by piece.

    Args:
        last: tells the last inner step of the axis.
    """

    def __init__(self, session: Session, last: Callable[[], int]) -> None:
        super().__init__(angle=90, movable=False)
        self._shown, self._last = OuterStepShown(session.inner), last
        session.inner.changed.connect(self.place)
        session.link.stepped.connect(self._take_stepped)
        session.link.status_changed.connect(self._take_status)
        session.task.probe_changed.connect(self._leave_the_step)
        session.images.task_changed.connect(self._leave_the_step)
        session.link.run_started.connect(self._leave_the_step)
        session.link.run_left.connect(self._leave_the_step)

    def place(self) -> None:
        """Stands at the inner step that is shown now."""
        last = self._last()
        self.setPos(min(self._shown.inner_step(last), last))

    def _take_stepped(self, stepped: Stepped) -> None:
        self._shown.at = stepped
        self.place()

    def _take_status(self, status: Status) -> None:
        if self._shown.end_where_over(status) is not None:
            self.place()

    def _leave_the_step(self, _: object = None) -> None:
        if self._shown.end():
            self.place()
