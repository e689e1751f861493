"""Part of the x range without support points, and the MSE of every arm there."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QColor, QFontMetricsF

from maml_explorer.gui.panels.adaptation.task_curves import TaskCurves
from maml_explorer.gui.plots.label_placement import Box
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.plot_text import label, recolor
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.style.numbers import number
from maml_explorer.gui.style.qt_style import base_font
from maml_explorer.gui.style.theme import Theme
from maml_explorer.protocol.commands import Array

WIDE = 0.4
"""A part of the x range without points is worth showing from this share of it on."""
_INSET = 6
WORDS = ("where", "no", "points", "are,", "MSE")
_GAP = "  "


def uncovered(x: Array, low: float, high: float) -> tuple[float, float] | None:
    """The widest part of [low, high] without any of x [point]; None where it is not wide."""
    inside = np.sort(x[(x >= low) & (x <= high)])
    if len(inside) == 0:
        return None
    ends = np.concatenate(([low], inside, [high]))
    widest = int(np.argmax(np.diff(ends)))
    left, right = float(ends[widest]), float(ends[widest + 1])
    return (left, right) if right - left >= WIDE * (high - low) else None


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
    """A shade over that part, and in it the MSE of the visible arms' curves."""

    def __init__(self, plot: Plot, curves: TaskCurves, session: Session) -> None:
        self._plot, self._curves, self._session = plot, curves, session
        self.part: tuple[float, float] | None = None
        self.errors: dict[str, float] = {}
        """Visible arm → mean squared distance of its curve to the truth there."""
        self.shade = pg.LinearRegionItem(movable=False, pen=pg.mkPen(None))
        self.text = label("", session.theme.muted)
        for z, item in ((-20, self.shade), (38, self.text)):
            item.setZValue(z)
            plot.getPlotItem().addItem(item, ignoreBounds=True)
            item.hide()

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`."""
        color = QColor(theme.muted)
        color.setAlpha(22)
        self.shade.setBrush(color)
        recolor(self.text, theme.muted, theme.card, veil=150)

    @property
    def box(self) -> list[Box]:
        """Box of the figures, in pixels; None where there are none."""
        if not self.text.isVisible():
            return []
        pos, size = self.text.pos(), self.text.textItem.boundingRect()
        corner = self._plot.to_pixel(pos.x(), pos.y())
        return [Box(corner.x(), corner.y(), size.width(), size.height())]

    def draw(self) -> None:
        """Measures and redraws."""
        curves, settings = self._curves, self._session.settings
        tasks, probe = settings.tasks, curves.probe
        self.part, self.errors = None, {}
        if probe is not None and probe.known and curves.shows("uncovered"):
            self.part = uncovered(probe.support_x, tasks.x_min, tasks.x_max)
        report = curves.report
        if self.part is not None and report is not None and report.truth is not None:
            inside = (report.grid >= self.part[0]) & (report.grid <= self.part[1])
            for name in [arm.name for arm in settings.arms if arm.name in curves.arms]:
                distance = (curves.curve(name) - report.truth)[inside]
                self.errors[name] = float(np.mean(distance**2))
        self.shade.setVisible(self.part is not None)
        if self.part is not None:
            self.shade.setRegion(self.part)
        self.place()

    def place(self) -> None:
        """Writes the figures at the top of the part."""
        self.text.setVisible(bool(self.errors))
        if self.part is None or not self.errors:
            return
        plot, theme, settings = self._plot, self._session.theme, self._session.settings
        items = [(word, theme.muted) for word in WORDS] + [
            (f"{name} {number(error)}", arm_style(settings, name, theme).text)
            for name, error in self.errors.items()
        ]
        top = plot.view().viewRange()[1][1]
        left, right = (plot.to_pixel(x, top).x() for x in self.part)
        self.text.setHtml(_html(items, right - left - 2 * _INSET))
        size, area = self.text.textItem.boundingRect(), plot.area()
        corner = plot.to_pixel(self.part[0], top)
        across = min(corner.x() + _INSET, round(area.right() - size.width()))
        corner.setX(max(across, round(area.left())))
        corner.setY(round(area.top()) + 2)
        self.text.setPos(*plot.to_data(corner))


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
