"""Panel of the adaptation to streams, the hero: one function after another, and forgetting."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from maml_explorer.gui.panels.adaptation.arm_bar import ArmLine
from maml_explorer.gui.panels.adaptation.outer_step_shown import OuterStepShown
from maml_explorer.gui.panels.adaptation.step_bar import StepBar
from maml_explorer.gui.panels.adaptation.words import back_line, step_line
from maml_explorer.gui.panels.streams.board import StreamBoard
from maml_explorer.gui.panels.streams.words import captions, stream_line, value_of
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.shown_streams import last_step
from maml_explorer.gui.style.theme import Theme
from maml_explorer.gui.widgets.controls import button, label, row
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.protocol.reports import Status, Stepped
from maml_explorer.protocol.streams import StreamProbed

_BETWEEN = 8
"""Pixels between its parts."""


class StreamsPanel(QWidget):
    """Functions with curves, tables of errors, inner-step slider, line of arms."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.shown = OuterStepShown(session.inner)
        self.inner = session.inner
        self.subtitle = ElidedLabel()
        self.canvas = StreamBoard(session)
        self.bar = StepBar(self.inner)
        self.slider, self.play = self.bar.slider, self.bar.play
        self.new_task = button(
            "New stream", session.streams.new_task, "Sample another stream of functions (T)"
        )
        self.undo = button("↶", session.undo, "Undo the last edit of task or settings (Ctrl+Z)")
        self.undo.setAccessibleName("Undo")
        self.guide = label(
            "Errors on this stream: a row for each function, a column for before the stream and "
            "after each function. Dark is small. A row that gets brighter is being forgotten.",
            "muted",
        )
        self.guide.setWordWrap(True)
        self.arms = ArmLine(session)
        self._lay_out()
        self._connect()
        self._show()

    def _lay_out(self) -> None:
        for small in (self.undo, self.new_task):
            small.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        head = row(label("Adaptation", "title"))
        head.addWidget(self.subtitle, 1)
        head.addWidget(self.undo)
        head.addWidget(self.new_task)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(_BETWEEN)
        box.addLayout(head)
        box.addWidget(self.canvas, 1)
        box.addWidget(self.guide)
        box.addWidget(self.bar)
        box.addWidget(self.arms)

    def _connect(self) -> None:
        session = self.session
        self.inner.changed.connect(self._show_if_seen)
        session.streams.probed_arrived.connect(self._show_if_seen)
        session.link.stepped.connect(self._take_stepped)
        session.link.status_changed.connect(self._take_status)
        session.editor.settings_changed.connect(self._take_settings)
        session.link.run_started.connect(self._take_run)
        session.link.run_left.connect(self._take_run)
        session.hidden_changed.connect(self._take_arms)
        session.theme_changed.connect(self._take_theme)

    # from the session

    def _show_if_seen(self, _: object = None) -> None:
        if self.isVisible():
            self._show()

    def _take_stepped(self, stepped: Stepped) -> None:
        if isinstance(stepped.probed, StreamProbed):
            self.shown.at = stepped
            self.bar.stop()
            self._show_if_seen()

    def _take_status(self, status: Status) -> None:
        at = self.shown.end_where_over(status)
        if at is not None and self.isVisible():
            self._show()
            self.subtitle.say_in_passing(*back_line(at, status))

    def _take_settings(self, _: object) -> None:
        self.arms.rebuild()
        self._show_if_seen()

    def _take_run(self, _: int = 0) -> None:
        self.shown.end()
        self._show_if_seen()

    def _take_arms(self) -> None:
        self.arms.refresh()
        self._show_if_seen()

    def _take_theme(self, _: Theme) -> None:
        self.arms.refresh()
        self.canvas.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leaves out the words on the tables where they would lie on them."""
        super().resizeEvent(event)
        used = sum(part.height() + _BETWEEN for part in (self.undo, self.bar, self.arms))
        used += self.canvas.minimumHeight() + _BETWEEN
        room = used + self.guide.heightForWidth(self.width()) <= self.height()
        self.guide.setVisible(room)
        self.canvas.setToolTip(plain_tip("" if room else self.guide.text()))

    def showEvent(self, event: QShowEvent) -> None:
        """Catches up with what arrived while hidden."""
        super().showEvent(event)
        self._show()

    # what is shown

    def report(self) -> StreamProbed | None:
        """The answer that is drawn."""
        if self.shown.at is not None and isinstance(self.shown.at.probed, StreamProbed):
            return self.shown.at.probed
        return self.session.streams.probed

    @property
    def last_step(self) -> int:
        """Batches of the stream."""
        report = self.report()
        return 0 if report is None else last_step(report)

    @property
    def inner_step(self) -> int:
        """The inner step that is shown; at first all of them."""
        return self.shown.inner_step(self.last_step)

    def _show(self) -> None:
        report, at = self.report(), self.shown.at
        steps = self.shown.steps(self.session.settings.arms, self.last_step)
        self.bar.show_step(self.inner_step, self.last_step, free=at is None)
        self.canvas.show_report(report, steps)
        words = stream_line(report, self.inner_step)
        free = [words, words.rpartition(" · ")[0] or words]
        self.subtitle.say(*(free if at is None else step_line(at, self.session.shown_arms)))
        values = {} if report is None else {
            name: value_of(report, name, steps.get(name, 0)) for name in report.arms
        }  # fmt: skip
        self.arms.show_values(values, captions(report, self.inner_step))

    # prepared states

    def drawn(self) -> dict[str, object]:
        """Nothing: a prepared state does not say how this panel draws."""
        return {}
