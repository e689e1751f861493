"""The functions of a stream with every arm's curves, and under them what is forgotten."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from maml_explorer.gui.panels.streams.triangle import ErrorColors, draw_key, draw_triangle
from maml_explorer.gui.panels.streams.words import ARRIVING, WAITING, state_of, value_of
from maml_explorer.gui.plots.fast_curve import from_below
from maml_explorer.gui.plots.pictures import draw_swatch
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.shown_streams import functions_learned
from maml_explorer.gui.style.arm_style import ArmStyle, arm_style
from maml_explorer.gui.style.numbers import number
from maml_explorer.gui.style.qt_style import base_font
from maml_explorer.protocol.commands import Array
from maml_explorer.protocol.streams import StreamProbed

_CURVES = 0.52
"""Part of the height that the curves have."""
_GAP = 10
_WIDEST = 1.15
"""Half of the height of a small plot, in the largest value of the functions."""
_ROW = 34
"""Pixels that a row of a table is high at most."""


class StreamBoard(QWidget):
    """One small plot for each function, and for every visible arm a table of errors."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.report: StreamProbed | None = None
        self.steps: Mapping[str, int] = {}
        """Arm → the inner step that is drawn."""
        self.setFont(base_font())
        self.setAccessibleName("Functions of the stream")
        self.setMinimumHeight(160)

    def sizeHint(self) -> QSize:
        """Room for curves and tables."""
        return QSize(480, 320)

    def show_report(self, report: StreamProbed | None, steps: Mapping[str, int]) -> None:
        """Draws an answer after these inner steps."""
        self.report, self.steps = report, dict(steps)
        self.setAccessibleDescription(self.in_words())
        self.update()

    @property
    def step(self) -> int:
        """The inner step of the arm that is farthest."""
        return max(self.steps.values(), default=0)

    @property
    def styles(self) -> dict[str, ArmStyle]:
        """The arms that are drawn, in the order of the chips."""
        settings, theme = self.session.settings, self.session.theme
        arms = {} if self.report is None else self.report.arms
        return {
            arm.name: arm_style(settings, arm, theme)
            for arm in settings.arms
            if arm.name in arms and arm.name not in self.session.hidden
        }

    def table(self, arm: str) -> Array:
        """Errors of an arm [after function 0 … n, function]."""
        assert self.report is not None
        found: Array = self.report.arms[arm].error[:: self.report.batches]
        return found

    def in_words(self) -> str:
        """Errors of each visible arm on every function, for screen readers."""
        if self.report is None:
            return ""
        parts = []
        for name in self.styles:
            step = self.steps.get(name, 0)
            each = self.report.arms[name].error
            each = each[min(step, len(each) - 1)]
            said = ", ".join(f"{n} {number(float(v), 2)}" for n, v in enumerate(each, 1))
            parts.append(f"{name}: error on function {said}; "
                         f"mean so far {value_of(self.report, name, step)}.")  # fmt: skip
        return " ".join(parts)

    # painting

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws curves and tables."""
        if self.report is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        styles = self.styles
        line = self.fontMetrics().height() + 2
        rows = len(self.report.truth)
        tables = min(round((1 - _CURVES) * self.height()), 3 * line + rows * _ROW)
        tables = tables if styles else 0
        self._draw_functions(painter, self.height() - tables - _GAP, styles, line)
        # the same colours for the errors of all tables
        colors = ErrorColors.of([self.table(name)[1:] for name in styles])
        for nth, (name, style) in enumerate(styles.items()):
            width = (self.width() - (len(styles) - 1) * _GAP) / len(styles)
            at = QRectF(nth * (width + _GAP), self.height() - tables, width, tables)
            self._draw_table(painter, at, name, style, line, colors)
            if nth == len(styles) - 1:
                beside = self.fontMetrics().horizontalAdvance(name) + 44
                draw_key(painter, QRectF(at.left() + beside, at.top(), width - beside, line),
                         colors, self.session.theme)  # fmt: skip
        painter.end()

    def _draw_functions(
        self, painter: QPainter, height: int, styles: Mapping[str, ArmStyle], line: int
    ) -> None:
        report, theme = self.report, self.session.theme
        assert report is not None
        count = len(report.truth)
        width = (self.width() - (count - 1) * 4) / count
        most = _WIDEST * max(float(np.abs(report.truth).max()), 1e-9)
        for function in range(count):
            state = state_of(report, function, self.step)
            frame = QRectF(function * (width + 4), line, width, height - line)
            painter.setPen(QColor(theme.muted if state == WAITING else theme.text))
            head = QRectF(frame.left(), 0, width, line)
            words = f"{function + 1}: {state}"
            if self.fontMetrics().horizontalAdvance(words) > width:
                words = f"{function + 1}"
            painter.drawText(head, Qt.AlignmentFlag.AlignCenter, words)
            painter.fillRect(frame, QColor(theme.card))
            color = theme.accent if state == ARRIVING else theme.border
            painter.setPen(QPen(QColor(color), 2 if state == ARRIVING else 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(frame.adjusted(0.5, 0.5, -0.5, -0.5))
            painter.save()
            painter.setClipRect(frame)
            self._draw_curves(painter, frame, function, styles, most)
            painter.restore()

    def _draw_curves(
        self, painter: QPainter, frame: QRectF, function: int, styles: Mapping[str, ArmStyle],
        most: float,
    ) -> None:  # fmt: skip
        report, theme = self.report, self.session.theme
        assert report is not None
        low, high = float(report.grid[0]), float(report.grid[-1])

        # a diverged curve leaves the frame; Qt cannot draw numbers without end
        def across(x: Array) -> Array:
            return frame.left() + 4 + (x - low) / ((high - low) or 1.0) * (frame.width() - 8)

        def down(y: Array) -> Array:
            return frame.center().y() - np.clip(y / most, -9, 9) * (frame.height() / 2 - 2)

        dashed = QPen(QColor(theme.muted), 1.2)
        dashed.setStyle(Qt.PenStyle.DashLine)
        self._draw_line(painter, across(report.grid), down(report.truth[function]), dashed)
        for name in from_below(styles):
            curves = report.arms[name].curves
            step = min(self.steps.get(name, 0), len(curves) - 1)
            pen = styles[name].pen(1.8 * theme.line_scale)
            self._draw_line(painter, across(report.grid), down(curves[step, function]), pen)
        x, y = across(report.support_x[function]), down(report.support_y[function])
        arrived = _arrived(len(x), self.step - function * report.batches, report.batches)
        dot = 2.6 * theme.line_scale
        painter.setPen(QPen(QColor(theme.text), 1.2))
        for nth, (px, py) in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
            filled = QColor(theme.text) if nth < arrived else Qt.BrushStyle.NoBrush
            painter.setBrush(filled)
            painter.setOpacity(1.0 if nth < arrived else 0.45)
            painter.drawEllipse(QPointF(px, py), dot, dot)
        painter.setOpacity(1.0)

    def _draw_line(self, painter: QPainter, across: Array, down: Array, pen: QPen) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        pen.setCosmetic(True)
        pen.setWidthF(pen.widthF() * self.devicePixelRatioF())  # cosmetic: device pixels
        painter.setPen(pen)
        painter.drawPath(pg.arrayToQPath(across, down, connect="finite"))

    def _draw_table(
        self,
        painter: QPainter,
        at: QRectF,
        arm: str,
        style: ArmStyle,
        line: int,
        colors: ErrorColors,
    ) -> None:
        report, theme = self.report, self.session.theme
        assert report is not None
        errors = self.table(arm)
        columns, rows = errors.shape
        learned = functions_learned(report, self.steps.get(arm, 0))
        middle = at.top() + line / 2
        draw_swatch(painter, QRectF(at.left(), middle - 5, 26, 10), style)
        painter.setPen(QColor(theme.text))
        metrics = self.fontMetrics()
        said = metrics.elidedText(arm, Qt.TextElideMode.ElideRight, int(at.width() - 32))
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(at.left() + 32, at.top(), at.width() - 32, line), left, said)
        names = metrics.horizontalAdvance(str(rows)) + 8
        body = QRectF(
            at.left() + names, at.top() + line + 2, at.width() - names, at.height() - 2 * line - 4
        )
        draw_triangle(painter, body, errors, learned, colors, theme)
        painter.setPen(QColor(theme.muted))
        for function in numbered_rows(rows, body.height(), metrics.height()):
            cell = QRectF(at.left(), body.top() + function * body.height() / rows, names - 4,
                          body.height() / rows)  # fmt: skip
            painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, str(function + 1))
        under = [f"{after}" if after else "before" for after in range(columns)]
        wide = body.width() / columns
        if metrics.horizontalAdvance("before") > wide:
            under[0] = "0"
        for after, words in enumerate(under):
            foot = QRectF(body.left() + after * wide, body.bottom() + 1, wide, line)
            painter.drawText(foot, Qt.AlignmentFlag.AlignCenter, words)


def numbered_rows(rows: int, high: float, text: float) -> range:
    """Rows of a table `high` that have a number: every other one where they are low, or fewer."""
    return range(0, rows, max(math.ceil(0.8 * text * rows / max(high, 1.0)), 1))


def _arrived(points: int, steps: int, batches: int) -> int:
    """Points of a function that have arrived after so many inner steps on it."""
    return min(max(steps, 0), batches) * points // batches
