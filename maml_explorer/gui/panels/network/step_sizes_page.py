"""Learned step sizes as a heat map, negative ones included."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF

from maml_explorer.gui.panels.insight.choice_page import ChosenPage
from maml_explorer.gui.plots.color_scale import DIVERGING
from maml_explorer.gui.plots.heat_plot import HeatPlot
from maml_explorer.gui.plots.table import Table
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.numbers import number
from maml_explorer.gui.style.theme import Theme
from maml_explorer.gui.widgets.controls import ComboBox
from maml_explorer.protocol.commands import Array
from maml_explorer.protocol.insight import ViewName
from maml_explorer.protocol.insight_records.step_sizes import StepSizesSeen

WHOLE = "Layer by step"


class StepSizesPage(ChosenPage):
    """One number per layer and inner step, or those of every parameter of a layer."""

    tip = "Learned step sizes of the inner loop, negative ones included"

    def __init__(self, session: Session) -> None:
        self.plot = HeatPlot(session.theme, "Learned step sizes", kind=DIVERGING)
        super().__init__(session, ViewName.STEP_SIZES, self.plot)
        self.seen: StepSizesSeen | None = None
        self.which = ComboBox()
        self.which.setAccessibleName("Which step sizes are shown")
        self.which.addItem(WHOLE)
        self.which.activated.connect(lambda _: self._draw())
        self.controls = (self.which,)
        self.reask()
        self.plot.caption = lambda: self.summary
        self.plot.cell_text = self.cell_text
        self.plot.table = self._table

    def draw(self, record: object) -> None:
        """Draws the step sizes of an arm."""
        if not isinstance(record, StepSizesSeen):
            return
        self.seen = record
        names = [WHOLE, *(record.layers if record.each else ())]
        if names != [self.which.itemText(nth) for nth in range(self.which.count())]:
            chosen = self.which.currentText()
            self.which.clear()
            self.which.addItems(names)
            self.which.setCurrentText(chosen if chosen in names else WHOLE)
        self.which.setEnabled(len(names) > 1)
        self._draw()

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`."""
        self.plot.take_colors(theme)

    @property
    def layer(self) -> int | None:
        """The layer whose parameters are shown one by one; None for all layers by step."""
        nth = self.which.currentIndex() - 1
        return None if self.seen is None or not 0 <= nth < len(self.seen.each) else nth

    def _draw(self) -> None:
        if self.seen is None:
            return
        layer, seen = self.layer, self.seen
        values: Array
        if layer is None:
            values = np.ascontiguousarray(seen.mean.T)
            self.plot.label_x("inner step")
            self.plot.label_y("layer")
            self.plot.name_ticks(
                [str(step + 1) for step in range(len(values))],
                [*(str(nth + 1) for nth in range(len(seen.layers) - 1)), "out"],
            )
        else:
            values = seen.each[layer]
            self.plot.label_x("input")
            self.plot.label_y("unit")
            self.plot.bottom.setTicks(None)
            self.plot.left.setTicks(None)
        columns, rows = values.shape
        self.plot.show_values(values, QRectF(-0.5, -0.5, columns, rows))
        extremes = float(seen.lowest.min()), float(seen.highest.max())
        self.tell(
            f"α from {number(extremes[0])} to {number(extremes[1])}",
            f"{number(100 * seen.negative, 2)} % of the parameters have a negative one",
        )

    def cell_text(self, column: int, row: int) -> str:
        """A step size in words."""
        if self.seen is None:
            return ""
        if self.layer is not None:
            value = float(self.seen.each[self.layer][column, row])
            last = column == len(self.seen.each[self.layer]) - 1
            source = "bias" if last else f"input {column + 1}"
            return f"{source}, unit {row + 1}<br>α {number(value)}"
        at = row, column
        mean, low, high = (
            float(t[at]) for t in (self.seen.mean, self.seen.lowest, self.seen.highest)
        )
        text = f"{self.seen.layers[row]}, inner step {column + 1}<br>α {number(mean)}"
        return text if low == high else f"{text}, from {number(low)} to {number(high)}"

    def _table(self, everything: bool) -> Table:
        header = ["layer", "inner step", "mean", "lowest", "highest"]
        seen = self.seen
        if seen is None:
            return header, []
        if self.layer is not None and not everything:
            each = seen.each[self.layer]
            return ["input", "unit", "step size"], [
                [column + 1, unit + 1, float(each[column, unit])]
                for column in range(each.shape[0])
                for unit in range(each.shape[1])
            ]
        return header, [
            [name, step + 1, *(float(t[nth, step]) for t in (seen.mean, seen.lowest, seen.highest))]
            for nth, name in enumerate(seen.layers)
            for step in range(seen.mean.shape[1])
        ]
