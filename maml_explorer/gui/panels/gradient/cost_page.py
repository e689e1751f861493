"""Cost of an outer step by algorithm, against inner steps: time, memory, operations."""

from __future__ import annotations

import numpy as np

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.gui.panels.insight.page import InsightPage
from maml_explorer.gui.plots.lines_plot import LinesPlot, PlotLine
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.style.theme import Theme
from maml_explorer.gui.widgets.controls import ComboBox, button
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.protocol.insight import InsightRequest, ViewName
from maml_explorer.protocol.insight_records.cost import CostSeen
from maml_explorer.settings.settings import default_arm
from maml_explorer.settings.words import listed

COST = InsightRequest.of(ViewName.COST)
QUANTITIES = {
    "Time": ("milliseconds", "ms, measured", 1.0),
    "Memory": ("working_bytes", "MiB, measured", 2.0**-20),
    "Operations": ("multiply_adds", "million, counted", 1e-6),
    "Kept memory": ("kept_bytes", "MiB, counted", 2.0**-20),
}
"""Words → (field of the record, words beside the axis, unit)."""
_ALL = listed([algorithm.label for algorithm in ALGORITHMS.values()])


class CostPage(InsightPage):
    """One line per algorithm: those of the run, or all.

    The axis is logarithmic: the slowest takes many times as long as the fastest.
    """

    tip = "Milliseconds, bytes and operations of an outer step, by algorithm"
    of_an_arm = False
    on_demand = (
        f"Measures outer steps with 1 to 10 inner steps, for these settings on this machine: of "
        f"{_ALL}. Paused, the times are steadier. The algorithms of the run are drawn first; “All” "
        "draws the others too."
    )
    verb = "Measure"

    def __init__(self, session: Session) -> None:
        self.plot = LinesPlot(
            session.theme, "Cost of an outer step", "inner steps", log_y=True, markers=True
        )
        self.quantity = ComboBox()
        self.quantity.setAccessibleName("Which cost is shown")
        self.quantity.addItems(list(QUANTITIES))
        self.quantity.setToolTip(
            plain_tip(
                "Time: median of an outer step. Memory: what its outer gradient needs. "
                "Operations: multiply-adds of the matrix products. Kept memory: φ_k and "
                "activations held from the inner loop to the outer gradient."
            )
        )
        self.all = button("All", lambda: None, "Draw all algorithms, or those of the run alone")
        self.all.setAccessibleName("All algorithms")
        self.all.setCheckable(True)
        super().__init__(session, COST, self.plot)
        self.controls = (self.all, self.quantity)
        self.all.toggled.connect(lambda _: self.draw_now())
        session.editor.settings_changed.connect(self.draw_now)
        self.plot.caption = lambda: self.quantity.currentText()
        self.quantity.currentTextChanged.connect(lambda _: self.draw_now())

    def draw(self, record: CostSeen) -> None:
        """Draws the chosen cost."""
        field, words, unit = QUANTITIES[self.quantity.currentText()]
        keys = {ALGORITHMS[key].label: key for key in ALGORITHMS}
        x = np.array(record.inner_steps, dtype=float)
        settings = self.session.settings
        lines, ours = [], {ALGORITHMS[arm.algorithm].label for arm in settings.arms}
        for name, values in getattr(record, field).items():
            if name not in ours and not self.all.isChecked():
                continue
            arm = default_arm(keys[name])
            style = arm_style(settings.with_arms((arm,)), arm, self.session.theme)
            lines.append(PlotLine(name, x, values * unit, style))
        self.plot.show_lines(lines, words, empty="There is not enough memory for these sizes.")

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`."""
        self.plot.take_colors(theme)
