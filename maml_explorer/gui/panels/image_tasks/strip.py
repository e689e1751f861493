"""Strip of one task: an image of each class, and every visible arm's accuracy as a bar."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton

from maml_explorer.gui.panels.images.inked import inked
from maml_explorer.gui.panels.images.words import accuracy_of, percent
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.widgets.cell_grid import paint_ground
from maml_explorer.protocol.images import ImagesProbed

WIDTH, HEIGHT = 176, 96
"""Pixels that a strip needs, at least."""
_IMAGE = 34
"""Pixels of an image at least, where the strip is as wide."""
_LINES = 2.4
"""Lines of type that an image is high, at least, where there is room for further strips."""
_AROUND = 14
"""Pixels above, between and below images and bars."""
_WIDEST = percent(1.0)
"""The longest words on an accuracy."""


def least_size(metrics: QFontMetrics, arms: int) -> QSize:
    """Pixels that a strip needs in this type, at least."""
    return QSize(WIDTH, max(HEIGHT, round((_LINES + arms) * metrics.height()) + _AROUND))


def image_size(room: QSize, ways: int, bars: int, least: int = 0) -> int:
    """Pixels of an image in a strip of this size, under which bars are so many pixels high."""
    across = (room.width() - 12) // max(ways, 1) - 2
    return min(max(least, room.height() - bars - _AROUND), across)


class TaskStrip(QAbstractButton):
    """One task; a click shows it above."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.report: ImagesProbed | None = None
        self.step = 0

    def sizeHint(self) -> QSize:
        """Room that a strip needs."""
        return QSize(WIDTH, HEIGHT)

    def show_report(self, report: ImagesProbed | None, step: int) -> None:
        """Draws this answer after an inner step."""
        self.report, self.step = report, step
        said = ", ".join(f"{name} {value}" for name, value in self.accuracies().items())
        self.setAccessibleName(f"Task: {said}. Show above")
        self.update()

    def accuracies(self) -> dict[str, str]:
        """Visible arm → its query accuracy in words."""
        if self.report is None:
            return {}
        return {
            arm.name: accuracy_of(self.report.arms[arm.name], self.step)
            for arm in self.session.settings.arms
            if arm.name in self.report.arms and arm.name not in self.session.hidden
        }

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws images above, bars below."""
        theme, report = self.session.theme, self.report
        painter = QPainter(self)
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
        )
        paint_ground(painter, self, theme)
        if report is None:
            return
        ways = len(report.names)
        first = {one.label: nth for nth, one in reversed([*enumerate(report.probe.support)])}
        bars = len(self.accuracies()) * self.fontMetrics().height()
        size = image_size(self.size(), ways, bars, _IMAGE)
        for way in range(ways):
            if way in first:
                at = QRectF(6 + way * (size + 2), 5, size, size)
                painter.drawImage(at, inked(report.images[first[way]], theme))
        self._draw_bars(painter, report, 5 + size + 5)
        painter.end()

    def _draw_bars(self, painter: QPainter, report: ImagesProbed, top: float) -> None:
        theme, settings = self.session.theme, self.session.settings
        words = self.accuracies()
        room = self.height() - top - 4
        metrics = self.fontMetrics()
        row = min(metrics.height(), room / max(len(words), 1))
        bar = row * 0.45
        wide = max(map(metrics.horizontalAdvance, (_WIDEST, *words.values()))) + 1
        width = self.width() - 16 - wide
        for nth, (name, said) in enumerate(words.items()):
            style, y = arm_style(settings, name, theme), top + nth * row
            arm = report.arms[name]
            value = float(arm.accuracy[min(self.step, len(arm.accuracy) - 1)])
            ground = QRectF(6, y + (row - bar) / 2, width, bar)
            painter.fillRect(ground, QColor(theme.hover))
            if math.isfinite(value):
                filled = QRectF(ground)
                filled.setWidth(width * value)
                painter.fillRect(filled, QColor(style.color))
            painter.setPen(QColor(style.text))
            at = QRectF(6 + width + 4, y, wide, row)
            painter.drawText(at, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip, said)
        # chance: what guessing gets
        x = 6 + width / max(len(report.names), 1)
        painter.setPen(QPen(QColor(theme.muted), 1, Qt.PenStyle.DashLine))
        painter.drawLine(round(x), round(top), round(x), round(top + row * len(words)))
