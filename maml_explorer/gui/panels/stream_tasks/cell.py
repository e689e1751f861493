"""Small tables of one stream: every visible arm's errors after each function."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton

from maml_explorer.gui.panels.streams.triangle import ErrorColors, draw_triangle, least_cell
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.shown_streams import functions_learned
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.widgets.cell_grid import paint_ground
from maml_explorer.protocol.streams import StreamProbed

WIDTH, HEIGHT = 220, 110
"""Pixels that a cell needs, at least, where its tables have colours alone."""
_GAP = 8
_AROUND = 10
"""Pixels above and below a table and the name of its arm."""


def least_size(font: QFont, arms: int, functions: int) -> QSize:
    """Pixels of a cell whose tables have figures, at least."""
    figure = least_cell(font)
    width = arms * (functions + 1) * figure.width() + (arms + 1) * _GAP
    height = functions * figure.height() + QFontMetrics(font).height() + _AROUND
    return QSize(math.ceil(width), math.ceil(height))


class StreamCell(QAbstractButton):
    """One stream. A click shows it above."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.report: StreamProbed | None = None
        self.step = 0
        self.setMinimumHeight(60)

    def sizeHint(self) -> QSize:
        """Room for small tables."""
        return QSize(WIDTH, HEIGHT)

    def show_report(self, report: StreamProbed | None, step: int, nth: int) -> None:
        """Draws the answers to a stream after an inner step."""
        self.report, self.step = report, step
        self.setAccessibleName(f"Stream {nth + 1}: show above")
        self.update()

    @property
    def arms(self) -> list[str]:
        """The arms whose errors are drawn."""
        found = {} if self.report is None else self.report.arms
        hidden, arms = self.session.hidden, self.session.settings.arms
        return [arm.name for arm in arms if arm.name in found and arm.name not in hidden]

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the tables side by side; their colours are those of this stream."""
        theme, settings = self.session.theme, self.session.settings
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_ground(painter, self, theme)
        names = self.arms
        if self.report is None or not names:
            return
        tables = {name: self.report.arms[name].error[:: self.report.batches] for name in names}
        colors = ErrorColors.of([table[1:] for table in tables.values()])
        learned = functions_learned(self.report, self.step)
        line = self.fontMetrics().height()
        width = (self.width() - (len(names) + 1) * _GAP) / len(names)
        for nth, arm in enumerate(arm for arm in settings.arms if arm.name in tables):
            left = _GAP + nth * (width + _GAP)
            painter.setPen(QColor(arm_style(settings, arm, theme).color))
            words = self.fontMetrics().elidedText(arm.name, Qt.TextElideMode.ElideRight, int(width))
            painter.drawText(QRectF(left, 2, width, line), Qt.AlignmentFlag.AlignCenter, words)
            body = QRectF(left, line + 4, width, self.height() - line - _AROUND)
            draw_triangle(painter, body, tables[arm.name], learned, colors, theme)
        painter.end()
