"""The outer step that is shown piece by piece, until it leaves the screen."""

from __future__ import annotations

from collections.abc import Iterable

from maml_explorer.gui.session.inner_step import InnerStep
from maml_explorer.gui.session.worker_link import over
from maml_explorer.protocol.reports import Status, Stepped
from maml_explorer.settings.settings import Arm


class OuterStepShown:
    """An outer step in progress, which a hero shows in place of the task that was chosen.

    Args:
        inner: the inner step that is shown where no outer step is.
    """

    def __init__(self, inner: InnerStep) -> None:
        self._inner = inner
        self.at: Stepped | None = None
        """The piece that was done last; None where the chosen task is shown."""

    def end(self) -> bool:
        """True where an outer step was shown; it is no more."""
        shown, self.at = self.at is not None, None
        return shown

    def end_where_over(self, status: Status) -> Stepped | None:
        """Ends it where the worker's status says that it is over; the piece that was shown last."""
        at = self.at
        return at if at is not None and over(at, status) and self.end() else None

    def inner_step(self, last: int) -> int:
        """The inner step that is shown of 0 … `last`; at first as many as there are in training."""
        return self._inner.within(last) if self.at is None else self.at.inner_step

    def steps(self, arms: Iterable[Arm], last: int) -> dict[str, int]:
        """Name of each arm → the inner step that it is shown at."""
        if self.at is not None:
            return dict(self.at.shown_step)
        return {arm.name: self.inner_step(last) for arm in arms}
