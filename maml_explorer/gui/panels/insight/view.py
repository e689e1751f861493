"""One view of the insight in a tab: asked for while it is visible, shown, or explained in words."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication, QHideEvent, QShowEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.numbers import whole
from maml_explorer.gui.widgets.controls import button, label, row
from maml_explorer.protocol.insight import (
    Insight,
    InsightProgress,
    InsightRequest,
    NothingToShow,
)
from maml_explorer.protocol.reports import Phase

COMPUTING = "Computing…"
LOADING = "The training engine is loading."


class InsightView(QStackedWidget):
    """The place of one view. `content` draws what `found` hands over; or words take its place.

    Args:
        content: what shows a value, in front while there is one.
        request: the request to send; `ask` changes it.
        on_demand: computed only when the user presses for it; these are the words beside the
            button, and its text is `verb`.
    """

    found = Signal(object)
    """The value to draw: a record, or arm → record."""
    said = Signal(str)
    """Words for the head of the tab: the age of the value, or that it is being computed."""

    def __init__(
        self,
        session: Session,
        content: QWidget,
        request: InsightRequest,
        on_demand: str = "",
        verb: str = "Compute",
    ) -> None:
        super().__init__()
        self.session, self.content = session, content
        self.request = request
        self.arm: str | None = None
        """The arm whose record is shown of a value that has one per arm; None for all at once."""
        self.on_demand = on_demand
        self.asked = False
        """Emitted where the user waits for an answer."""
        self.share: float | None = None
        self._drawn = False
        """True where a value of this run has been drawn."""
        self.words = label("", "muted")
        self.words.setWordWrap(True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.again = button("Try again", self.refresh, "Compute this view now")
        self.details = button("Copy details", self._copy, "Copy the error's traceback")
        self.begin = button(verb, self.refresh, on_demand)
        self.addWidget(content)
        self.addWidget(self._page())
        session.insight.arrived.connect(self._take)
        session.insight.progressed.connect(self._take_progress)
        session.link.run_started.connect(self._take_run)
        session.link.status_changed.connect(self._take_status)
        self.show_now()

    def ask(self, request: InsightRequest) -> None:
        """Shows this view from now on, the old value until the new one is there."""
        if request != self.request:
            self.request, self.share, self.asked = request, None, False
            self._look()
            self.show_now()

    def show_arm(self, name: str | None) -> None:
        """Shows the record of this arm from now on."""
        if name != self.arm:
            self.arm = name
            self.show_now()

    def forget(self) -> None:
        """Leaves the value before in place no longer: it is of something else, such as an arm."""
        self._drawn = False

    def refresh(self) -> None:
        """Has it computed now, ahead of the budget."""
        self.asked, self.share = True, None
        self.session.insight.refresh(self.request)
        self.show_now()

    @property
    def insight(self) -> Insight | None:
        """The newest report on the request."""
        return self.session.insight.found.get(self.request)

    @property
    def problem(self) -> str:
        """Reason why there is no value to draw, in words; empty where there is one."""
        insight = self.insight
        if insight is None:
            return self._waiting()
        if insight.failed:
            return f"This view could not be computed: {insight.failed} The run goes on."
        record = self.record
        if self.arm is None and isinstance(record, Mapping) and record:
            reasons = [each.reason for each in record.values() if isinstance(each, NothingToShow)]
            # all arms at once: one that has something to draw is enough
            return "\n".join(dict.fromkeys(reasons)) if len(reasons) == len(record) else ""
        return record.reason if isinstance(record, NothingToShow) else ""

    @property
    def record(self) -> object:
        """The value, or the chosen arm's; None where there is none."""
        value = None if self.insight is None else self.insight.value
        if self.arm is None or not isinstance(value, Mapping):
            return value
        return value.get(self.arm, NothingToShow(f"{self.arm} has not been looked at yet."))

    def show_now(self) -> None:
        """Shows value or words as they are now, where anybody sees them."""
        if not self.isVisible():
            return
        insight, problem = self.insight, self.problem
        failed = insight is not None and bool(insight.failed)
        self.words.setText(problem)
        self.again.setVisible(failed)
        self.details.setVisible(failed)
        self.begin.setVisible(insight is None and bool(self.on_demand) and not self.asked)
        # the value before stays until the new one is there
        if insight is not None or self.on_demand or not self._drawn:
            self.setCurrentIndex(1 if problem else 0)
        if not problem:
            self._drawn = True
            self.found.emit(self.record)
        self._say()

    def _page(self) -> QWidget:
        page = QWidget()
        box = QVBoxLayout(page)
        box.addStretch(1)
        box.addWidget(self.words)
        box.addLayout(row(None, self.begin, self.again, self.details, None))
        box.addStretch(1)
        return page

    def _waiting(self) -> str:
        if self.session.link.phase is Phase.LOADING:
            return LOADING
        if self.on_demand and not self.asked:
            return self.on_demand
        return COMPUTING if self.share is None else f"{COMPUTING} {round(100 * self.share)} %"

    def _say(self) -> None:
        """Tells how old the value is."""
        insight, status = self.insight, self.session.status
        if insight is None or status is None or insight.failed:
            self.said.emit("" if not self.asked else COMPUTING)
        elif self.asked:
            self.said.emit(self._waiting())
        else:
            self.said.emit(f"at outer step {whole(insight.outer_step)}")

    def _look(self) -> None:
        if self.isVisible() and not self.on_demand:
            self.session.insight.look(self, self.request)
        else:
            self.session.insight.look(self)

    def _take(self, insight: Insight) -> None:
        if insight.request == self.request:
            self.asked, self.share = False, None
            self.show_now()

    def _take_progress(self, progress: InsightProgress) -> None:
        if progress.request == self.request:
            self.share = progress.share
            self._take_status()

    def _take_status(self) -> None:
        if not self.isVisible():
            return
        if self.insight is None:
            self.words.setText(self.problem)
        self._say()

    def _take_run(self) -> None:
        self.asked, self.share, self._drawn = False, None, False
        self.show_now()

    def _copy(self) -> None:
        if self.insight is not None:
            QGuiApplication.clipboard().setText(self.insight.details)

    def showEvent(self, event: QShowEvent) -> None:
        """Begins to look."""
        super().showEvent(event)
        # a stack lays out only what is in front, and here the words may come to the front
        self.widget(1).resize(self.size())
        self._look()
        self.show_now()

    def hideEvent(self, event: QHideEvent) -> None:
        """Ends looking: what nobody sees is not computed."""
        super().hideEvent(event)
        self._look()
