"""Line under the hero: what its points and the dashed curve are, and what a click does."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from maml_explorer.gui.panels.adaptation.task_curves import (
    LONG_DASHES,
    QUERY_SIZE,
    QUERY_WIDTH,
    RING_WIDTH,
    SUPPORT_SIZE,
    TRUTH_WIDTH,
)
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.qt_style import base_font
from maml_explorer.gui.style.theme import Theme
from maml_explorer.protocol.reports import Status

CLICK = ("Click to add a point, drag to move it", "Click adds a point, drag moves it")
OWN = ("Right-click removes a point, New task draws another", "Right-click removes a point")
UNTRAINED = (
    "Not trained yet: press Train and watch the curves learn to bend",
    "Not trained yet: press Train",
)
LED = ("Not trained yet",)
"""Words while a lesson says what comes next."""
_GAP, _SIDE = 14, 3
SUPPORT, QUERY, TRUTH = "support: adapted to", "query: tested on", "truth"
OWN_SUPPORT = "support: adapted to, MSE below"
"""Words of a task without a truth: its points are all there is to measure."""
_WIDE = {
    SUPPORT: 18.0,
    OWN_SUPPORT: 18.0,
    QUERY: 18.0,
    TRUTH: (2 * LONG_DASHES[0] + LONG_DASHES[1]) * TRUTH_WIDTH + 2 * _SIDE,
}
"""Pixels of a swatch: of the truth, two dashes, the gap between them, and room at their sides."""
_SHORT = {SUPPORT: "support", OWN_SUPPORT: "support: MSE below", QUERY: "query", TRUTH: "truth"}


class TaskLegend(QWidget):
    """Draws swatches and names from the left, and a hint at the right while there is one."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.shown: tuple[str, ...] = ()
        """Keys that are drawn now: of SUPPORT, QUERY and TRUTH."""
        self.hints: tuple[str, ...] = ()
        """Hint on what the user can do now, long and short; empty where they know."""
        self._touched = False
        """True after the first edit of the task by hand."""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Legend of the points")
        session.link.status_changed.connect(self._take_status)
        session.led_changed.connect(self.look)
        session.theme_changed.connect(self._take_theme)
        self.look()

    def show_items(self, *, support: bool, query: bool, truth: bool, known: bool = True) -> None:
        """Names what is drawn, of a task with a truth or, where it is not `known`, without."""
        points = SUPPORT if known else OWN_SUPPORT
        found = ((points, support), (QUERY, query), (TRUTH, truth))
        shown = tuple(words for words, there in found if there)
        if shown != self.shown:
            self.shown = shown
            self.setAccessibleDescription(", ".join(shown))
            self.update()
            self.look()

    def touched(self) -> None:
        """Notes the first edit: who has clicked needs no hint."""
        self._touched = True
        self.look()

    def _take_status(self, _: Status) -> None:
        self.look()

    def _take_theme(self, _: Theme) -> None:
        self.updateGeometry()
        self.update()

    def look(self) -> None:
        """Chooses the hint."""
        status = self._session.status
        untrained = status is not None and status.outer_step == 0 and not self._session.link.running
        own = self._session.task.probe is not None and not self._session.task.probe.known
        known = OWN if own else ()
        begin = LED if self._session.led else UNTRAINED
        hints = begin if untrained else known if self._touched else CLICK
        if hints != self.hints:
            self.hints = hints
            self.update()

    def _wide(self, key: str) -> float:
        """Pixels of a swatch: as much larger for the back row as the points of the plot are."""
        return _WIDE[key] * self._session.theme.line_scale

    def sizeHint(self) -> QSize:
        """One line of text."""
        return QSize(100, QFontMetrics(base_font()).height() + 2)

    def placed(self) -> tuple[list[tuple[QRectF, str]], tuple[QRectF, str] | None]:
        """(each entry's rectangle and words, those of the hint or None), in words that fit."""
        metrics, width, height = QFontMetrics(base_font()), self.width(), self.height()
        entries: list[tuple[QRectF, str]] = []
        for words in (dict(zip(self.shown, self.shown, strict=True)), _SHORT):
            entries, x = [], 4.0
            for key in self.shown:
                needs = self._wide(key) + 4 + metrics.horizontalAdvance(words[key])
                entries.append((QRectF(x, 0, needs, height), words[key]))
                x += needs + _GAP
            for hint in self.hints:
                needs = metrics.horizontalAdvance(hint) + 2
                if x + needs <= width:
                    return entries, (QRectF(width - needs - 2, 0, needs, height), hint)
            if not self.hints and x <= width:
                break
        return [one for one in entries if one[0].right() <= width], None

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the line."""
        theme = self._session.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(base_font())
        middle = Qt.AlignmentFlag.AlignVCenter
        entries, hint = self.placed()
        for key, (box, words) in zip(self.shown, entries, strict=False):
            wide = self._wide(key)
            self._swatch(painter, key, QPointF(box.left() + wide / 2, box.center().y()))
            painter.setPen(QColor(theme.muted))
            painter.drawText(box.adjusted(wide + 4, 0, 2, 0), middle, words)
        if hint is not None:
            painter.setPen(QColor(theme.muted))
            painter.drawText(hint[0], middle, hint[1])
        painter.end()

    def _swatch(self, painter: QPainter, key: str, at: QPointF) -> None:
        """Draws a mark as the plot does, as large."""
        theme, larger = self._session.theme, self._session.theme.line_scale
        if key == TRUTH:
            pen = QPen(QColor(theme.text), TRUTH_WIDTH * larger)
            pen.setDashPattern(LONG_DASHES)
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            painter.setPen(pen)
            across = QPointF(self._wide(key) / 2 - _SIDE * larger, 0)
            painter.drawLine(at - across, at + across)
        elif key in (SUPPORT, OWN_SUPPORT):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.text))
            half = (SUPPORT_SIZE - RING_WIDTH) / 2 * larger  # half of the ring lies inside
            painter.drawEllipse(at, half, half)
            painter.setBrush(Qt.BrushStyle.NoBrush)
        else:
            painter.setPen(QPen(QColor(theme.muted), QUERY_WIDTH * larger))
            painter.drawEllipse(at, QUERY_SIZE / 2 * larger, QUERY_SIZE / 2 * larger)
