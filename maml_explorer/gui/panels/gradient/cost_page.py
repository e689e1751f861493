"""Cost of an outer step by algorithm, against inner steps: time, memory, operations."""

from __future__ import annotations

import numpy as np

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.gui.panels.insight.page import InsightPage
from maml_explorer.gui.plots.lines_plot import LinesPlot, PlotLine
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.style.theme import Theme
from maml_explorer.gui.widgets.controls import ComboBox
from maml_explorer.protocol.insight import InsightRequest, ViewName
from maml_explorer.protocol.insight_records.cost import CostSeen
from maml_explorer.settings.settings import default_arm

COST = InsightRequest.of(ViewName.COST)
QUANTITIES = {
    "Time": ("milliseconds", "ms, measured", 1.0),
    "Memory": ("working_bytes", "MiB, measured", 2.0**-20),
    "Operations": ("multiply_adds", "million, counted", 1e-6),
    "Kept memory": ("kept_bytes", "MiB, counted", 2.0**-20),
}
"""Words → (field of the record, words beside the axis, unit)."""
_LABELS = [algorithm.label for algorithm in ALGORITHMS.values()]
_ALL = f"{', '.join(_LABELS[:-1])} and {_LABELS[-1]}"


class CostPage(InsightPage):
    """One line per algorithm."""

    tip = "Milliseconds, bytes and operations of an outer step, by algorithm"
    of_an_arm = False
    on_demand = (
        f"Takes outer steps of {_ALL} with 1 to 10 inner steps, for these settings on this "
        "machine. Paused, the times are steadier."
    )
    verb = "Measure"

    def __init__(self, session: Session) -> None:
        self.plot = LinesPlot(session.theme, "Cost of an outer step", "inner steps", markers=True)
        self.quantity = ComboBox()
        self.quantity.setAccessibleName("Which cost is shown")
        self.quantity.addItems(list(QUANTITIES))
        self.quantity.setToolTip(
            "Time: median of an outer step. Memory: what its outer gradient works in. Operations: "
            "multiply-adds of the matrix products. Kept memory: φ_k and activations held from the "
            "inner loop to the outer gradient."
        )
        super().__init__(session, COST, self.plot)
        self.controls = (self.quantity,)
        self.plot.caption = lambda: self.quantity.currentText()
        self.quantity.currentTextChanged.connect(lambda _: self.draw_now())

    def draw(self, record: CostSeen) -> None:
        """Draws the chosen cost."""
        field, words, unit = QUANTITIES[self.quantity.currentText()]
        keys = {ALGORITHMS[key].label: key for key in ALGORITHMS}
        x = np.array(record.inner_steps, dtype=float)
        settings = self.session.settings
        lines = []
        for name, values in getattr(record, field).items():
            arm = default_arm(keys[name])
            style = arm_style(settings.with_arms((arm,)), arm, self.session.theme)
            lines.append(PlotLine(name, x, values * unit, style))
        self.plot.show_lines(lines, words, empty="The memory is not enough for these sizes.")

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`."""
        self.plot.take_colors(theme)
