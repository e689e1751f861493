"""Statistics that a norm sees along the adaptation, and the cost of stored ones."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QHBoxLayout, QWidget

from maml_explorer.gui.panels.insight.choice_page import ChosenPage, retitle, titled
from maml_explorer.gui.plots.color_scale import DIVERGING, SEQUENTIAL, value_range
from maml_explorer.gui.plots.heat_plot import HeatPlot
from maml_explorer.gui.plots.lines_plot import LinesPlot, PlotLine
from maml_explorer.gui.plots.table import Table
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.arm_style import LINES, arm_style
from maml_explorer.gui.style.numbers import number, whole
from maml_explorer.gui.style.theme import Theme
from maml_explorer.gui.widgets.controls import ComboBox
from maml_explorer.protocol.commands import Array
from maml_explorer.protocol.insight import ViewName
from maml_explorer.protocol.insight_records.norm import SETS, NormLayer, NormSeen
from maml_explorer.settings.words import counted

MEAN, VARIANCE = "Mean", "Variance"
_MOST = 10.0
"""Times the largest statistic at θ: the scale of colours reaches no further."""


class NormPage(ChosenPage):
    """Current statistics of a layer by unit and inner step, stored ones beside them, errors."""

    tip = "What normalization sees at every inner step, and what stored statistics cost"

    def __init__(self, session: Session) -> None:
        self.current = HeatPlot(session.theme, "Current statistics", "inner step", "unit")
        self.stored = HeatPlot(session.theme, "Stored statistics", "inner step")
        self.errors = LinesPlot(session.theme, "Query MSE by statistics", "inner step")
        self.errors.named = False  # the title has them
        content = QWidget()
        columns = QHBoxLayout(content)
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(8)
        self.stored_place = titled("Stored statistics", self.stored, "Stored")
        columns.addWidget(titled("Statistics of the set", self.current, "Of the set"), 1)
        columns.addWidget(self.stored_place, 1)
        self._errors_place = titled("Query MSE", self.errors)
        columns.addWidget(self._errors_place, 1)
        super().__init__(session, ViewName.NORM, content)
        self.seen: NormSeen | None = None
        self.layer_choice, self.which_set, self.what = ComboBox(), ComboBox(), ComboBox()
        for choice, name, words in (
            (self.layer_choice, "Hidden layer that is shown", ["Hidden 1"]),
            (self.which_set, "Set whose points are looked at", [s.capitalize() for s in SETS]),
            (self.what, "Mean or variance", [MEAN, VARIANCE]),
        ):
            choice.setAccessibleName(name)
            choice.addItems(words)
            choice.activated.connect(lambda _: self._draw())
        self.controls = (self.layer_choice, self.which_set, self.what)
        for plot in (self.current, self.stored, self.errors):
            plot.caption = lambda: self.summary
        for plot in (self.current, self.stored):
            plot.cell_text = partial(self.cell_text, plot)
            plot.bottom.whole = plot.left.whole = True
            plot.table = self._table
        self.reask()

    def draw(self, record: object) -> None:
        """Draws the statistics of an arm."""
        if not isinstance(record, NormSeen):
            return
        self.seen = record
        family = self.session.settings.family
        loss = "cross-entropy" if family.images else family.figure
        dashed = " (dashed: stored)" if record.stored_error.size else ""
        retitle(self._errors_place, f"Query {loss}{dashed}", f"Query {loss}")
        names = [f"Hidden {nth + 1}" for nth in range(len(record.layers))]
        if names != [self.layer_choice.itemText(nth) for nth in range(self.layer_choice.count())]:
            chosen = min(max(self.layer_choice.currentIndex(), 0), len(names) - 1)
            self.layer_choice.clear()
            self.layer_choice.addItems(names)
            self.layer_choice.setCurrentIndex(chosen)
        self._draw()

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`."""
        for plot in (self.current, self.stored, self.errors):
            plot.take_colors(theme)

    @property
    def layer(self) -> NormLayer:
        """The layer that is shown."""
        assert self.seen is not None
        return self.seen.layers[max(self.layer_choice.currentIndex(), 0)]

    def values(self) -> tuple[Array, Array]:
        """(current, stored) [inner step, unit]; stored ones are empty where there are none."""
        layer, nth = self.layer, self.which_set.currentIndex()
        if self.what.currentText() == MEAN:
            return layer.mean[nth], layer.stored_mean
        return layer.variance[nth], layer.stored_variance

    def _draw(self) -> None:
        seen = self.seen
        if seen is None:
            return
        current, stored = self.values()
        kind = DIVERGING if self.what.currentText() == MEAN else SEQUENTIAL
        # one scale for both, so that equal statistics look equal; steps that explode do not set it
        most = _MOST * float(np.abs(current[0]).max())
        both = np.concatenate([current.ravel(), stored.ravel()])
        span = value_range(np.clip(both, -most, most) if 0 < most < np.inf else both, kind)
        steps, units = current.shape
        box = QRectF(-0.5, 0.5, steps, units)
        self.current.show_values(current, box, span, kind)
        self.stored_place.setVisible(bool(stored.size))
        self.current.scale.show_bar(not stored.size)
        if stored.size:
            self.stored.show_values(stored, box, span, kind)
        self._draw_errors(seen)
        parts = ["no norm" if seen.norm == "none" else f"norm: {seen.norm}", seen.words]
        gap = self.layer.gap
        if np.isfinite(gap).any():
            off = number(float(np.nanmax(gap)), 2)
            parts.insert(0, f"stored means: up to {off} σ off")
        if seen.diverged:
            parts.insert(
                0, f"{whole(seen.diverged)} of {counted(seen.tasks, 'task', whole)} diverged"
            )
        self.tell(*parts)

    def _draw_errors(self, seen: NormSeen) -> None:
        style = arm_style(self.session.settings, self.arm, self.session.theme)
        at = np.arange(len(seen.current_error), dtype=np.float64)
        # one of the two is dashed, whatever line the arm has elsewhere
        solid = replace(style, line=LINES["solid"])
        lines = [PlotLine("by the set's own statistics", at, seen.current_error, solid)]
        if seen.stored_error.size:
            dashed = replace(style, line=LINES["dash"])
            lines.append(PlotLine("by stored statistics", at, seen.stored_error, dashed))
        # an adaptation that explodes must not hide the steps before it
        values = np.concatenate([line.y for line in lines])
        low, high = np.nanmin(values), np.nanmax(values)
        self.errors.left.logarithmic = bool(low > 0 and high > 100 * low)
        self.errors.show_lines(lines)

    def cell_text(self, plot: HeatPlot, column: int, row: int) -> str:
        """One statistic in words."""
        word = self.what.currentText().lower()
        value = number(float(plot.values[column, row]))
        return f"unit {row + 1}, inner step {column}<br>{word} {value}"

    def _table(self, everything: bool) -> Table:
        header = ["set", "inner step", "unit", "mean", "variance", "stored mean", "stored variance"]
        if self.seen is None:
            return header, []
        layer, rows = self.layer, []
        for nth, name in enumerate(SETS):
            if not everything and nth != self.which_set.currentIndex():
                continue
            for step, unit in np.ndindex(*layer.mean[nth].shape):
                kept = [
                    float(table[step, unit]) if table.size else None
                    for table in (layer.stored_mean, layer.stored_variance)
                ]
                mean, variance = (float(t[nth, step, unit]) for t in (layer.mean, layer.variance))
                rows.append([name, step, unit + 1, mean, variance, *kept])
        return header, rows
