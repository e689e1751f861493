"""The stability of the inner loop in the status line: a light, a few words, all figures at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHideEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from maml_explorer.gui.elided import ElidedLabel
from maml_explorer.gui.numbers import number, whole
from maml_explorer.gui.session import Session
from maml_explorer.worker.insight_messages import Insight, InsightRequest
from maml_explorer.worker.insight_values.stability import StabilitySeen

STABILITY = InsightRequest.of("stability")
FEW = 0.05
"""Up to this share of swinging inner steps the light stays quiet."""
QUIET, WARNING, DANGER, DARK = "quiet", "warning", "danger", "dark"


@dataclass(frozen=True)
class Verdict:
    """What the light shows."""

    level: str
    words: str
    details: str = ""


def records(insight: Insight | None, hidden: frozenset[str]) -> dict[str, StabilitySeen]:
    """arm → what was seen of it; the arms that are drawn and have an inner loop."""
    if insight is None or not isinstance(insight.value, Mapping):
        return {}
    return {
        name: seen
        for name, seen in insight.value.items()
        if isinstance(seen, StabilitySeen) and name not in hidden
    }


def verdict(insight: Insight | None, hidden: frozenset[str] = frozenset()) -> Verdict:
    """The state of the least stable arm in words.

    Swinging is what makes inner steps explode, so it alone lights up, and how far it is away is
    said where there is none: negative curvature makes the spectral radius of most tasks larger
    than 1 without any harm.
    """
    seen = records(insight, hidden)
    if insight is None:
        return Verdict(DARK, "")
    if insight.failed:
        return Verdict(DARK, "stability not known", insight.failed)
    if not seen:
        return Verdict(DARK, "", "No visible arm has an inner loop in training.")
    details = "\n".join(
        [f"Inner steps at outer step {whole(insight.outer_step)}"]
        + [f"{name}: {_figures(one)}" for name, one in seen.items()]
    )
    diverged = {name: one.diverged for name, one in seen.items() if one.diverged}
    worst = max(seen, key=lambda name: (seen[name].share_swinging, seen[name].median))
    of_arm = f"{worst}: " if len(seen) > 1 else ""
    radius = f"spectral radius {number(seen[worst].largest_radius)}"
    if diverged:
        name = max(diverged, key=lambda arm: diverged[arm])
        tasks = len(seen[name].radius)
        words = f"{name}: inner steps diverge on {diverged[name]} of {tasks} tasks"
        return Verdict(DANGER, words, details)
    share = seen[worst].share_swinging
    if share > FEW:
        words = f"{of_arm}{whole(100 * share)} % of inner steps swing · {radius}"
        return Verdict(WARNING, words, details)
    words = f"inner steps stable · {of_arm}{_middle(seen[worst])}, swings above 2"
    return Verdict(QUIET, words, details)


def _middle(seen: StabilitySeen) -> str:
    name = "α λ_max" if seen.scalar else "largest eigenvalue of diag(a) H"
    return f"{name} {number(seen.median)} (median)"


def _figures(seen: StabilitySeen) -> str:
    return (
        f"{_middle(seen)}, {number(seen.largest)} (largest), above 2 in "
        f"{whole(100 * seen.share_swinging)} % of inner steps: these swing. Spectral radius of "
        f"I − diag(a) H {number(seen.largest_radius)}, above 1 in "
        f"{whole(100 * seen.share_above_one)} %: negative curvature counts too."
    )


class StabilityLight(QWidget):
    """A dot and words; the tooltip has the figures of every arm."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.verdict = Verdict(DARK, "")
        self.dot = _Dot(self)
        self.words = ElidedLabel()
        box = QHBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        box.addWidget(self.dot)
        box.addWidget(self.words, 1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        session.insight_arrived.connect(self._take)
        session.run_started.connect(lambda _: self.show_now())
        session.hidden_changed.connect(self.show_now)
        session.theme_changed.connect(lambda _: self.dot.update())
        self.show_now()

    def show_now(self) -> None:
        """Shows the newest verdict."""
        self.verdict = verdict(self.session.insights.get(STABILITY), self.session.hidden)
        self.words.say(self.verdict.words)
        self.dot.setVisible(self.verdict.level != DARK)
        self.setToolTip(self.verdict.details)
        self.setAccessibleName(f"Stability: {self.verdict.words or 'not known yet'}")
        self.dot.update()

    def _take(self, insight: Insight) -> None:
        if insight.request == STABILITY:
            self.show_now()

    def showEvent(self, event: QShowEvent) -> None:
        """Begins to look."""
        super().showEvent(event)
        self.session.look_inside(self, STABILITY)

    def hideEvent(self, event: QHideEvent) -> None:
        """Ends looking: what nobody sees is not computed."""
        super().hideEvent(event)
        self.session.look_inside(self)


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
