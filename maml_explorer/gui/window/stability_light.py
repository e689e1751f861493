"""The stability of the inner loop in the status line: a light, a few words, all figures at hand."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHideEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from maml_explorer.gui.panels.adaptation.outer_step_shown import OuterStepShown
from maml_explorer.gui.session.meta_test_age import meta_test_is_old, steps_allowed
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.stability_verdict import (
    DANGER,
    DARK,
    QUIET,
    STABILITY,
    WARNING,
    StabilityVerdict,
    verdict,
    with_task,
)
from maml_explorer.gui.session.task_trouble import TaskTrouble, task_trouble
from maml_explorer.gui.style.numbers import whole
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.protocol.insight import Insight
from maml_explorer.protocol.reports import Status, Stepped

DOT = 10
"""Pixels of the dot."""


class StabilityLight(QWidget):
    """A dot and words; the tooltip has the figures of every arm."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.verdict = StabilityVerdict(DARK, "")
        self._seen_with = session.settings
        """In force when the newest look came; after a change the worker looks again."""
        self._was_old = False
        """True where the words say of which outer step they are."""
        self._stepped = OuterStepShown(session.inner)
        self._trouble = TaskTrouble()
        """On the task on screen."""
        self.dot = _Dot(self)
        self.words = ElidedLabel()
        keeps = self.words.sizePolicy()
        keeps.setRetainSizeWhenHidden(True)  # the dot stays at the left where it is alone
        self.words.setSizePolicy(keeps)
        box = QHBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        box.addWidget(self.dot)
        box.addWidget(self.words, 1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        session.insight.arrived.connect(self._take)
        for another in (session.link.run_started, session.link.run_left):
            another.connect(self._take_run)
        for other in (session.task.probe_changed, session.images.task_changed):
            other.connect(lambda _: self._leave_the_step())
        session.hidden_changed.connect(self.show_now)
        session.divergences.changed.connect(self.show_now)
        session.measured.meta_tested.connect(lambda _: self.show_now())
        session.editor.settings_changed.connect(lambda _: self.show_now())
        session.theme_changed.connect(lambda _: self.dot.update())
        for shown in (session.task, session.images):
            shown.probed_arrived.connect(lambda _: self._look_at_the_task())
        for known in (session.inner.changed, session.hidden_changed):
            known.connect(self._look_at_the_task)
        session.measured.references_changed.connect(lambda _: self._look_at_the_task())
        session.link.stepped.connect(self._take_stepped)
        session.link.status_changed.connect(self._take_status)
        self.show_now()

    def show_now(self) -> None:
        """Shows the newest verdict."""
        session = self.session
        current = self._seen_with == session.settings
        look = session.insight.found.get(STABILITY)
        found = verdict(
            look if current else None,
            session.hidden,
            session.divergences.frozen,
            None if meta_test_is_old(session) else session.measured.meta_test,
        )
        self._was_old = self._is_old
        if self._was_old and look is not None and found.of_tasks:
            found = replace(found, words=f"{found.words} at step {whole(look.outer_step)}")
        self.verdict = with_task(found, self._trouble)
        if session.link.left:
            self.verdict = StabilityVerdict(DARK, "")
        self.words.say(self.verdict.words)
        self.dot.setVisible(self.verdict.level != DARK)
        self.setToolTip(plain_tip(self.verdict.details))
        self.setAccessibleName(f"Stability: {self.verdict.words or 'not known yet'}")
        self.dot.update()

    @property
    def _is_old(self) -> bool:
        """True where the run has gone on since the newest look."""
        look, status = self.session.insight.found.get(STABILITY), self.session.status
        if look is None or status is None:
            return False
        return status.outer_step - look.outer_step > steps_allowed(status.outer_step)

    def _look_at_the_task(self) -> None:
        """Says anew what happens on the task on screen, only where that has changed."""
        session = self.session
        at = self._stepped.at
        probed = session.shown.probed if at is None else at.probed
        arms = session.settings.arms
        steps = self._stepped.steps(arms, session.settings.run.test_steps)
        found = task_trouble(probed, steps, session.measured.references, session.hidden)
        if found != self._trouble:
            self._trouble = found
            self.show_now()

    def _take_stepped(self, stepped: Stepped) -> None:
        self._stepped.at = stepped
        self._look_at_the_task()

    def _take_run(self, _: int = 0) -> None:
        self._stepped.end()
        self._look_at_the_task()
        self.show_now()

    def _leave_the_step(self) -> None:
        """Looks at the task that was chosen, not at an outer step taken slowly."""
        if self._stepped.end():
            self._look_at_the_task()

    def _take_status(self, status: Status) -> None:
        if self._stepped.end_where_over(status):
            self._look_at_the_task()
        if self._is_old != self._was_old:
            self.show_now()

    def _take(self, insight: Insight) -> None:
        if insight.request == STABILITY:
            self._seen_with = self.session.settings
            self.show_now()

    def showEvent(self, event: QShowEvent) -> None:
        """Begins to look."""
        super().showEvent(event)
        self.session.insight.look(self, STABILITY)

    def hideEvent(self, event: QHideEvent) -> None:
        """Ends looking: what nobody sees is not computed."""
        super().hideEvent(event)
        self.session.insight.look(self)


class _Dot(QWidget):
    """Green, orange or red; the words beside it say the same."""

    def __init__(self, light: StabilityLight) -> None:
        super().__init__()
        self._light = light
        self.setFixedSize(QSize(DOT, DOT))
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the dot."""
        theme = self._light.session.theme
        colors = {QUIET: theme.fine, WARNING: theme.warning, DANGER: theme.danger}
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colors.get(self._light.verdict.level, theme.muted)))
        painter.drawEllipse(QRectF(1, 1, 8, 8))
        painter.end()
