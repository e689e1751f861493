"""Part of the x range without support points, and the MSE of every arm there."""

from __future__ import annotations

from html import escape

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QColor

from maml_explorer.gui.panels.adaptation.task_curves import TaskCurves
from maml_explorer.gui.plots.label_placement import Box
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.plot_text import label, recolor
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.style.numbers import THIN_SPACE, number
from maml_explorer.gui.style.theme import Theme
from maml_explorer.protocol.commands import Array

WIDE = 0.4
"""A part of the x range without points is worth showing from this share of it on."""
_INSET = 6
NO_BREAK, NARROW = "\u2011", "\u202f"
"""A hyphen and a thin space at which no line ends."""


def uncovered(x: Array, low: float, high: float) -> tuple[float, float] | None:
    """The widest part of [low, high] without any of x [point]; None where it is not wide."""
    inside = np.sort(x[(x >= low) & (x <= high)])
    if len(inside) == 0:
        return None
    ends = np.concatenate(([low], inside, [high]))
    widest = int(np.argmax(np.diff(ends)))
    left, right = float(ends[widest]), float(ends[widest + 1])
    return (left, right) if right - left >= WIDE * (high - low) else None


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
        plot = self._plot
        theme, settings = self._session.theme, self._session.settings
        words = [f'<span style="color:{theme.muted}">where no points are, MSE</span>']
        words += [
            f'<span style="color:{arm_style(settings, name, theme).text}">'
            f"{escape(name).replace('-', NO_BREAK)}&nbsp;"
            f"{number(error).replace(THIN_SPACE, NARROW)}</span>"
            for name, error in self.errors.items()
        ]
        top = plot.view().viewRange()[1][1]
        left, right = (plot.to_pixel(x, top).x() for x in self.part)
        self.text.setHtml("&nbsp; ".join(words))
        self.text.setTextWidth(max(right - left - 2 * _INSET, 80))
        corner = plot.to_pixel(self.part[0], top)
        corner.setX(corner.x() + _INSET)
        corner.setY(round(plot.area().top()) + 2)
        self.text.setPos(*plot.to_data(corner))
