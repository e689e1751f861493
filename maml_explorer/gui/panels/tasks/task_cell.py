"""Small plot of one task and of every visible arm's curve."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton

from maml_explorer.gui.plots.fast_curve import from_below
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.task_sampling import height as height_of
from maml_explorer.gui.session.task_sampling import task_words, truth
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.widgets.cell_grid import paint_ground
from maml_explorer.protocol.commands import Array, ProbeTask

WIDTH = 80
"""Pixels that a small plot needs, at least."""
_TITLE = 20
"""Pixels of the line above it."""


class TaskCell(QAbstractButton):
    """One task: truth, support points and the visible arms' curves. A click shows it above."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.task: ProbeTask | None = None
        self.grid: Array = np.zeros(0)
        self.curves: dict[str, Array] = {}
        self.setMinimumHeight(60)

    def sizeHint(self) -> QSize:
        """Width that a small plot needs."""
        return QSize(WIDTH, 130)

    @property
    def title(self) -> str:
        """The task's parameters: "A 0.9 φ 0.7"."""
        return "" if self.task is None else task_words(self.task, self.session.settings.tasks)

    def show_task(self, task: ProbeTask, grid: Array, curves: dict[str, Array]) -> None:
        """Draws `curves`, arm → [grid point], on a task."""
        self.task, self.grid, self.curves = task, grid, curves
        self.setAccessibleName(f"Task {self.title}: show above")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the small plot; all of them have the same scale."""
        theme, settings = self.session.theme, self.session.settings
        # what lies behind need not be redrawn many times a second; a stylesheet takes this back
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_ground(painter, self, theme)
        if self.task is None:
            return
        painter.setPen(QColor(theme.muted))
        head = QRectF(0, 2, self.width(), _TITLE)
        words = self.fontMetrics().elidedText(
            self.title, Qt.TextElideMode.ElideRight, int(head.width())
        )
        painter.drawText(head, Qt.AlignmentFlag.AlignCenter, words)
        painter.setClipRect(QRectF(0, _TITLE, self.width(), self.height() - _TITLE))
        low, high = settings.tasks.x_min, settings.tasks.x_max
        x = self.grid if len(self.grid) else np.linspace(low, high, 101)
        styles = {
            arm.name: arm_style(settings, arm, theme)
            for arm in settings.arms
            if arm.name in self.curves and arm.name not in self.session.hidden
        }
        order = from_below(styles)
        pens = [
            _pen(theme.muted, Qt.PenStyle.DashLine),
            *(styles[name].pen(1.6 * theme.line_scale) for name in order),
        ]
        lines = np.stack(
            [truth(x, self.task, settings.tasks), *(self.curves[name] for name in order)]
        )
        across, down = self._pixels(x, lines)
        for pen, line in zip(pens, down, strict=True):
            self._line(painter, across, line, pen)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.text))
        dot = 2.0 * theme.line_scale
        columns = zip(*self._pixels(self.task.support_x, self.task.support_y), strict=True)
        for across, down in columns:
            painter.drawEllipse(QPointF(across, down), dot, dot)
        painter.end()

    def _pixels(self, x: Array, y: Array) -> tuple[Array, Array]:
        tasks = self.session.settings.tasks
        width, height = self.width() - 16, self.height() - _TITLE - 8
        scale = 1.15 * max(height_of(tasks), 1e-9)
        across = 8 + (x - tasks.x_min) / ((tasks.x_max - tasks.x_min) or 1.0) * width
        # A diverged curve leaves the cell; Qt cannot draw numbers without end.
        down = _TITLE + 2 + (1 - np.clip(y / scale, -9, 9)) / 2 * height
        return across, down

    def _line(self, painter: QPainter, across: Array, down: Array, pen: QPen) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        # Cosmetic pens count device pixels.
        pen.setWidthF(pen.widthF() * self.devicePixelRatioF())
        if pen.style() is not Qt.PenStyle.SolidLine:
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        painter.drawPath(pg.arrayToQPath(across, down, connect="finite"))


def _pen(color: str, style: Qt.PenStyle) -> QPen:
    pen = QPen(QColor(color), 1.0)
    pen.setStyle(style)
    pen.setCosmetic(True)
    return pen
