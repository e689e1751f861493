"""The losses around θ: a plane through it with contours, and inner paths that run down."""

from __future__ import annotations

from html import escape

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QTransform

from maml_explorer.gui.panels.insight.choice_page import ChosenPage
from maml_explorer.gui.plots.heat_plot import HeatPlot
from maml_explorer.gui.plots.plot_text import label, recolor
from maml_explorer.gui.plots.table import Table
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.numbers import number
from maml_explorer.gui.style.theme import Theme
from maml_explorer.gui.widgets.controls import ComboBox
from maml_explorer.gui.widgets.step_slider import StepSlider
from maml_explorer.protocol.commands import Array
from maml_explorer.protocol.insight import Option, ViewName
from maml_explorer.protocol.insight_records.landscape import LandscapeSeen
from maml_explorer.settings.words import counted

QUERY, SUPPORT = "Query loss", "Support loss"
MEAN_QUERY, MEAN_SUPPORT = "Mean query", "Mean support"
FIELDS = {
    QUERY: "query", SUPPORT: "support", MEAN_QUERY: "mean_query", MEAN_SUPPORT: "mean_support",
}  # fmt: skip
"""Name of a loss in the selector → its field of the record."""
AXES = {"Two tasks": "tasks", "Components": "components"}
CONTOURS = 8
_PATH, _EDGE = "#ffffff", "#000000"
"""Paths lie on colours, not on the ground: light with a dark edge, in both themes."""


class LandscapePage(ChosenPage):
    """Support or query loss on the plane, after m inner steps from every point."""

    tip = "The losses around θ, and the inner paths on them"

    def __init__(self, session: Session) -> None:
        self.plot = LandscapePlot(session.theme)
        self.loss, self.axes = ComboBox(), ComboBox()
        self.steps = StepSlider("m", "Inner steps from every point of the plane")
        self.m = 0
        """Inner steps from every point."""
        super().__init__(session, ViewName.LANDSCAPE, self.plot, of_task=True)
        self.seen: LandscapeSeen | None = None
        self.controls = (self.loss, self.axes, self.steps)
        self.loss.setAccessibleName("Loss on the plane")
        self.loss.addItems(list(FIELDS))
        self.loss.activated.connect(lambda _: self._draw())
        self.axes.setAccessibleName("What spans the plane")
        self.axes.addItems(list(AXES))
        self.axes.activated.connect(lambda _: self.reask())
        self.steps.setToolTip("Inner steps m from every point: with m ≥ 1 the meta-loss")
        self.steps.chosen.connect(self._choose_steps)
        self.steps.show_step(0, self.last_step)
        self.plot.caption = lambda: self.summary
        self.reask()

    def extra(self) -> dict[str, Option]:
        """Plane and inner steps."""
        axes = AXES.get(self.axes.currentText(), "tasks")
        return {"axes": axes, "m": min(self.m, self.last_step)}

    def reask(self) -> None:
        """Asks for what the window's choices say now."""
        self.steps.show_step(min(self.m, self.last_step), self.last_step)
        super().reask()

    def draw(self, record: object) -> None:
        """Draws a plane."""
        if isinstance(record, LandscapeSeen):
            self.seen = record
            self._draw()

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`."""
        self.plot.take_colors(theme)

    def _choose_steps(self, m: int) -> None:
        self.m = m
        self.soon.start()

    @property
    def field(self) -> str:
        """The loss that is drawn: the chosen one, or the other where that is missing."""
        assert self.seen is not None
        chosen = FIELDS[self.loss.currentText()]
        wanted = (chosen, "support", "mean_query")
        return next(name for name in wanted if getattr(self.seen, name).size)

    def _draw(self) -> None:
        seen = self.seen
        if seen is None:
            return
        chosen, drawn = FIELDS[self.loss.currentText()], self.field
        self.plot.show_plane(seen, getattr(seen, drawn))
        names = {
            "query": "Query loss, this task",
            "support": "Support loss, this task",
            "mean_query": f"Query loss, mean of {counted(seen.others, 'task')}",
            "mean_support": f"Support loss, mean of {counted(seen.others, 'task')}",
        }
        words = names[drawn]
        brief = words.partition(",")[0]
        brief = f"Mean {brief.lower()}" if drawn.startswith("mean") else brief
        shorter: tuple[str, ...] = (brief,)
        if seen.inner_steps:
            after = f"after {counted(seen.inner_steps, 'inner step')}"
            words += f" {after} from every point"
            words += " (the meta-loss)" if drawn == "mean_query" else ""
            shorter = f"{brief} {after}", brief
        parts = [words]
        if chosen != drawn:
            parts.append(self._why_not_this_task(seen))
        if seen.paths.shape[1]:
            bold = "the task above (bold) and " if seen.shown else ""
            parts.append(f"inner paths of {bold}{seen.others} {'others' if bold else 'tasks'}")
        off = seen.distance[np.isfinite(seen.distance)]
        if len(off):
            parts.append(f"they end up to {number(float(off.max()), 2)} off the plane")
        self.tell(*parts, shorter=shorter)

    def _why_not_this_task(self, seen: LandscapeSeen) -> str:
        if self.session.settings.family.shown_as != "curve":
            return "not of the task above"  # the view takes points of a curve alone
        return f"the task above has no {'truth' if seen.shown else 'support points'}"


class LandscapePlot(HeatPlot):
    """The losses with contours, θ, and the inner paths of some tasks."""

    def __init__(self, theme: Theme) -> None:
        self.seen: LandscapeSeen | None = None
        self.contours: list[pg.IsocurveItem] = []
        self.levels: list[float] = []
        """Losses at which there is a contour."""
        self.paths: list[pg.PlotCurveItem | pg.ScatterPlotItem] = []
        self.theta: pg.TextItem | None = None
        super().__init__(theme, "Landscape", "first direction", "second direction")
        self.view().setAspectLocked(True)
        self.theta = label("θ", theme.text, theme.card, bold=True)
        self.theta.setZValue(20)
        self.getPlotItem().addItem(self.theta, ignoreBounds=True)
        self.theta.hide()
        self.cell_text = self._cell_words
        self.table = self._numbers

    def show_plane(self, seen: LandscapeSeen, losses: Array) -> None:
        """Draws losses [first, second] and the paths of a record."""
        self.seen = seen
        width, height = seen.first[1] - seen.first[0], seen.second[1] - seen.second[0]
        columns, rows = losses.shape
        box = QRectF(
            seen.first[0] - width / 2, seen.second[0] - height / 2, columns * width, rows * height
        )
        self.show_values(losses, box)
        self._draw_contours()
        self._draw_paths()
        if self.theta is not None:
            self.theta.setPos(0.0, 0.0)
            self.theta.show()

    def take_colors(self, theme: Theme) -> None:
        """Draws everything in the colours of `theme`."""
        super().take_colors(theme)
        if self.theta is not None:
            recolor(self.theta, theme.text, theme.card)
        if self.seen is not None:
            self._draw_contours()
            self._draw_paths()

    def _draw_contours(self) -> None:
        for item in self.contours:
            self.getPlotItem().removeItem(item)
        self.contours, self.levels = [], []
        scaled = self.scale.scaled(self.values)
        if not np.isfinite(scaled).any():
            return
        low, high = self.scale.ends
        # what is not finite is above everything, so that contours end before it
        filled = np.where(np.isfinite(scaled), scaled, high + 1.0)
        cell = self.cell_box(0, 0)
        place = QTransform.fromTranslate(self.box.left(), self.box.top())
        place.scale(cell.width(), cell.height())
        ink = QColor("#ffffff")
        ink.setAlphaF(0.55)
        for share in (np.arange(CONTOURS) + 1) / (CONTOURS + 1):
            level = float(low + share * (high - low))
            pen = self.pen("#ffffff")
            pen.setColor(ink)
            item = pg.IsocurveItem(data=filled, level=level, pen=pen)
            item.setTransform(place)
            item.setZValue(2)
            self.getPlotItem().addItem(item, ignoreBounds=True)
            self.contours.append(item)
            self.levels.append(10**level if self.scale.logarithmic else level)

    def _draw_paths(self) -> None:
        for old in self.paths:
            self.getPlotItem().removeItem(old)
        self.paths = []
        seen = self.seen
        if seen is None:
            return
        for task in range(seen.paths.shape[1]):
            path = seen.paths[:, task]
            path = path[np.isfinite(path).all(1)]
            above = seen.shown and task == 0
            for color, width in ((_EDGE, 3.4 if above else 2.2), (_PATH, 2.0 if above else 1.0)):
                line = pg.PlotCurveItem(path[:, 0], path[:, 1], antialias=True)
                line.setPen(self.pen(color, width=width))
                self.paths.append(line)
            self.paths.append(
                pg.ScatterPlotItem(
                    path[1:, 0], path[1:, 1], size=self.dot(7 if above else 4), antialias=True,
                    useCache=False, brush=pg.mkBrush(_PATH), pen=self.pen(_EDGE),
                )
            )  # fmt: skip
        for item in self.paths:
            item.setZValue(10)
            self.getPlotItem().addItem(item, ignoreBounds=True)

    def _cell_words(self, column: int, row: int) -> str:
        if self.seen is None:
            return ""
        value = float(self.values[column, row])
        loss = f"loss {number(value)}" if np.isfinite(value) else "not finite"
        at = f"{number(float(self.seen.first[column]))}, {number(float(self.seen.second[row]))}"
        return f"{escape(at)} from θ<br>{loss}"

    def _numbers(self, everything: bool) -> Table:
        header = ["first direction", "second direction", *FIELDS.values()]
        seen = self.seen
        if seen is None:
            return header, []
        fields = [getattr(seen, name) for name in FIELDS.values()]
        if not everything:
            header, fields = [*header[:2], "loss"], [self.values]
        return header, [
            [float(x), float(y), *(float(f[i, j]) if f.size else None for f in fields)]
            for i, x in enumerate(seen.first)
            for j, y in enumerate(seen.second)
        ]
