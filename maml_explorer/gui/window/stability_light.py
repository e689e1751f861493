"""The stability of the inner loop in the status line: a light, a few words, all figures at hand."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHideEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from maml_explorer.gui.session.meta_test_age import meta_test_is_old
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.stability_verdict import (
    DANGER,
    DARK,
    QUIET,
    STABILITY,
    WARNING,
    StabilityVerdict,
    verdict,
)
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.protocol.insight import Insight


class StabilityLight(QWidget):
    """A dot and words; the tooltip has the figures of every arm."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.verdict = StabilityVerdict(DARK, "")
        self._seen_with = session.settings
        """In force when the newest look came; after a change the worker looks again."""
        self.dot = _Dot(self)
        self.words = ElidedLabel()
        box = QHBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        box.addWidget(self.dot)
        box.addWidget(self.words, 1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        session.insight.arrived.connect(self._take)
        session.link.run_started.connect(lambda _: self.show_now())
        session.hidden_changed.connect(self.show_now)
        session.divergences.changed.connect(self.show_now)
        session.measured.meta_tested.connect(lambda _: self.show_now())
        session.editor.settings_changed.connect(lambda _: self.show_now())
        session.theme_changed.connect(lambda _: self.dot.update())
        self.show_now()

    def show_now(self) -> None:
        """Shows the newest verdict."""
        session = self.session
        current = self._seen_with == session.settings
        self.verdict = verdict(
            session.insight.found.get(STABILITY) if current else None,
            session.hidden,
            session.divergences.frozen,
            None if meta_test_is_old(session) else session.measured.meta_test,
        )
        self.words.say(self.verdict.words)
        self.dot.setVisible(self.verdict.level != DARK)
        self.setToolTip(plain_tip(self.verdict.details))
        self.setAccessibleName(f"Stability: {self.verdict.words or 'not known yet'}")
        self.dot.update()

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
        self.setFixedSize(QSize(10, 10))
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
