"""Parts of the x range without support points, and the MSE of every arm there."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor, QFontMetricsF

from maml_explorer.gui.panels.adaptation.task_curves import TaskCurves
from maml_explorer.gui.plots.label_placement import ENOUGH, Box, clearance
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.plot_text import label, recolor
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.arm_style import looks_of
from maml_explorer.gui.style.numbers import number
from maml_explorer.gui.style.qt_style import base_font
from maml_explorer.gui.style.theme import Theme
from maml_explorer.protocol.commands import Array

WIDE, ALSO = 0.4, 0.2
"""Shares of the x range: a part without points is worth showing from the first on, and beside it
other parts above the second."""
_INSET = 6
WORDS = ("MSE", "where", "there", "are", "no", "points")
_GAP = "  "


def uncovered(x: Array, low: float, high: float) -> list[tuple[float, float]]:
    """The parts of [low, high] without any of x [point]; empty where none of them is wide."""
    inside = np.sort(x[(x >= low) & (x <= high)])
    if len(inside) == 0:
        return []
    ends = np.concatenate(([low], inside, [high]))
    parts = zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
    found = [part for part in parts if _width(part) > ALSO * (high - low)]
    wide = max((_width(part) for part in found), default=0.0) >= WIDE * (high - low)
    return found if wide else []


def _width(part: tuple[float, float]) -> float:
    return part[1] - part[0]


def filled(widths: Sequence[float], gap: float, room: float) -> list[range]:
    """Lines of items that fill `room` each, as ranges of items; one too wide has its own line.

    Args:
        widths: [item], pixels.
        gap: pixels between two items of a line.
        room: pixels of a line.
    """
    firsts, used = [0], 0.0
    for nth, width in enumerate(widths):
        wanted = used + gap + width if nth > firsts[-1] else width
        if wanted > room and nth > firsts[-1]:
            firsts.append(nth)
            wanted = width
        used = wanted
    return [range(a, b) for a, b in zip(firsts, [*firsts[1:], len(widths)], strict=True)]


class UncoveredRange:
    """A shade over each of those parts, and in the widest the MSE of the visible arms' curves."""

    def __init__(self, plot: Plot, curves: TaskCurves, session: Session) -> None:
        self._plot, self._curves, self._session = plot, curves, session
        self.parts: list[tuple[float, float]] = []
        self.errors: dict[str, float] = {}
        """Visible arm → mean squared distance of its curve to the truth there."""
        self.shades: list[pg.LinearRegionItem] = []
        """Items for as many parts as there can be, made for the first: most tasks have none."""
        self.text = label("", session.theme.muted)
        self._add(self.text, 38)

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`."""
        for shade in self.shades:
            shade.setBrush(_shading(theme))
        recolor(self.text, theme.muted, theme.card, veil=150)

    def _make_shades(self) -> None:
        brush, pen = pg.mkBrush(_shading(self._session.theme)), pg.mkPen(None)
        for _ in range(int(1 / ALSO)):
            self.shades.append(pg.LinearRegionItem(movable=False, brush=brush, pen=pen))
            self._add(self.shades[-1], -20)

    def _add(self, item: pg.GraphicsObject, z: float) -> None:
        item.setZValue(z)
        self._plot.getPlotItem().addItem(item, ignoreBounds=True)
        item.hide()

    @property
    def box(self) -> list[Box]:
        """Box of the figures, in pixels; empty where there are none."""
        if not self.text.isVisible():
            return []
        pos, size = self.text.pos(), self.text.textItem.boundingRect()
        corner = self._plot.to_pixel(pos.x(), pos.y())
        return [Box(corner.x(), corner.y(), size.width(), size.height())]

    def draw(self) -> None:
        """Measures and redraws."""
        curves, settings = self._curves, self._session.settings
        tasks, probe = settings.tasks, curves.probe
        self.parts, self.errors = [], {}
        if probe is not None and probe.known and curves.shows("uncovered"):
            self.parts = uncovered(probe.support_x, tasks.x_min, tasks.x_max)
        report = curves.report
        if self.parts and report is not None and report.truth is not None:
            inside = np.zeros(len(report.grid), bool)
            for low, high in self.parts:
                inside |= (report.grid >= low) & (report.grid <= high)
            for name in [arm.name for arm in settings.arms if arm.name in curves.arms]:
                distance = (curves.prediction(name) - report.truth)[inside]
                self.errors[name] = float(np.mean(distance**2))
        if self.parts and not self.shades:
            self._make_shades()
        for nth, shade in enumerate(self.shades):
            shade.setVisible(nth < len(self.parts))
            if nth < len(self.parts):
                shade.setRegion(self.parts[nth])
        self.place()

    def place(self) -> None:
        """Writes the figures in the corner of the widest part where they cover least."""
        self.text.setVisible(bool(self.errors))
        if not self.errors:
            return
        part = max(self.parts, key=_width)
        plot, theme, settings = self._plot, self._session.theme, self._session.settings
        items = [(word, theme.muted) for word in WORDS] + [
            (f"{name} {number(self.errors[name])}", look.text)
            for look, name in looks_of(settings, self.errors, theme)
        ]
        top = plot.view().viewRange()[1][1]
        left, right = (plot.to_pixel(x, top).x() for x in part)
        wide, found = right - left - 2 * _INSET, []
        for room in (wide, wide / 2):  # two lines where one would lie on a curve
            html = _html(items, room)
            self.text.setHtml(html)
            found += [(self._room(box), html, box) for box in self._corners(left, right)]
        best = max(room for room, *_ in found)
        _, html, box = next(one for one in found if one[0] >= min(best, 0))
        self.text.setHtml(html)
        self.text.setPos(*plot.to_data(QPoint(round(box.left), round(box.top))))

    def _corners(self, left: float, right: float) -> list[Box]:
        """Boxes of the figures in the four corners between two x in pixels, inside the plot."""
        area, size = self._plot.area(), self.text.textItem.boundingRect()
        width, height = size.width(), size.height()
        left, right = left + _INSET, right - _INSET - width
        sides = max(min(left, area.right() - width), area.left()), max(right, area.left())
        rows = area.top() + 2, area.bottom() - height - 2
        return [Box(across, down, width, height) for down in rows for across in sides]

    def _room(self, box: Box) -> float:
        """Pixels to the nearest curve or point, no more than are enough; negative on one."""
        rows = [self._plot.to_pixels(one.xData, one.yData) for one in self._curves.drawn()]
        points = np.stack(self._plot.to_pixels(*self._curves.points()), axis=1)
        rooms = [clearance(box, x, y[None], points, []) for x, y in rows]
        return min([*rooms, ENOUGH])


def _shading(theme: Theme) -> QColor:
    color = QColor(theme.muted)
    color.setAlpha(22)
    return color


def _html(items: Sequence[tuple[str, str]], room: float) -> str:
    """Lines of (words, colour), broken between items only.

    Qt breaks rich text wherever a line is too long, and turns narrow spaces into common ones.
    """
    metrics = QFontMetricsF(base_font())
    gap = metrics.horizontalAdvance(_GAP)
    widths = [metrics.horizontalAdvance(words) for words, _ in items]
    spans = [f'<span style="color:{color}">{escape(words)}</span>' for words, color in items]
    lines = []
    for line in filled(widths, gap, room):
        parts = [spans[nth] + (" " if nth < len(WORDS) - 1 else _GAP) for nth in line]
        lines.append("".join(parts).rstrip())
    return f'<div style="white-space:pre">{"<br>".join(lines)}</div>'
