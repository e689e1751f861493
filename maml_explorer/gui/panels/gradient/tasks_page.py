"""Agreement of meta-gradients of different tasks: cosines by pair, their mean over training."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QRectF
from PySide6.QtGui import QMouseEvent

from maml_explorer.gui.panels.gradient.parts_page import GRADIENT
from maml_explorer.gui.panels.insight.figure_lines import arm_lines
from maml_explorer.gui.panels.insight.page import Beside, InsightPage
from maml_explorer.gui.plots.lines_plot import LinesPlot
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.readout import ReadOut
from maml_explorer.gui.plots.table import Table
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.contrast import mixed
from maml_explorer.gui.style.numbers import number
from maml_explorer.gui.style.theme import Theme
from maml_explorer.protocol.commands import Array
from maml_explorer.protocol.insight import ViewName
from maml_explorer.protocol.insight_records.gradient import GradientSeen

AGREE, OPPOSE = "#0072b2", "#d55e00"
"""Ends of the colour scale, for cosine 1 and −1."""


class CosineMap(Plot):
    """A square of cosines, blue where two tasks agree and orange where they oppose each other."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(
            theme, "Cosine between tasks' meta-gradients", "task", "task", whole_x=True
        )
        self.values: Array = np.zeros((0, 0))
        self.image = pg.ImageItem(axisOrder="row-major")
        self.getPlotItem().addItem(self.image)
        self.left.whole = True
        self.readout = ReadOut(self)
        self.table = self._table
        self.take_colors(theme)

    def show_values(self, values: Array) -> None:
        """Draws a square [task, task]."""
        self.values = values
        count = max(len(values), 1)
        self.image.setImage(values, levels=(-1.0, 1.0))
        self.image.setRect(QRectF(0.5, 0.5, count, count))
        self.view().setXRange(0.5, count + 0.5, padding=0)
        self.view().setYRange(0.5, count + 0.5, padding=0)

    def take_colors(self, theme: Theme) -> None:
        """Draws in the colours of `theme`: no agreement is the ground."""
        self.restyle(theme)
        self.readout.restyle(theme)
        low, high = (mixed(end, theme.text, 0.1) for end in (OPPOSE, AGREE))
        scale = pg.ColorMap([0.0, 0.5, 1.0], [low, theme.card, high])
        self.image.setLookupTable(scale.getLookupTable(0.0, 1.0, 256))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Reads off a pair."""
        pixel = event.position().toPoint()
        if self.readout.over(pixel) is None:
            return
        one, two = (round(v) for v in self.to_data(pixel))
        if 1 <= one <= len(self.values) and 1 <= two <= len(self.values):
            cosine = number(float(self.values[two - 1, one - 1]), 2)
            self.readout.show(f"tasks {one} and {two}<br>cosine {cosine}")

    def leaveEvent(self, event: QEvent) -> None:
        """Ends the read-out."""
        super().leaveEvent(event)
        self.readout.hide()

    def _table(self, everything: bool) -> Table:
        count = len(self.values)
        rows = [
            [one + 1, two + 1, float(self.values[one, two])]
            for one in range(count)
            for two in range(one + 1, count)
        ]
        return ("task", "other task", "cosine"), rows


class TasksPage(InsightPage):
    """The map of pairs, and the mean over training."""

    tip = "Do the tasks pull θ the same way? Cosine between their meta-gradients"

    def __init__(self, session: Session) -> None:
        self.map = CosineMap(session.theme)
        self.plot = LinesPlot(
            session.theme, "Mean cosine between tasks' meta-gradients", "outer step"
        )
        super().__init__(session, GRADIENT, Beside(self.map, self.plot, (320, 480)))
        self.map.caption = lambda: self.arm

    def draw(self, record: GradientSeen) -> None:
        """Draws the pairs of the arm, and the means of all."""
        self.map.show_values(record.task_cosines)
        lines = arm_lines(self.session, ViewName.GRADIENT, "cosine between tasks")
        self.plot.show_lines(lines, "mean cosine", reference=(0.0, "no agreement"))

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`."""
        self.map.take_colors(theme)
        self.plot.take_colors(theme)
