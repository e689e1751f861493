"""The meta-gradient in its two parts: every layer now, and one of them over training."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtWidgets import QVBoxLayout, QWidget

from maml_explorer.gui.panels.insight.choice_page import titled
from maml_explorer.gui.panels.insight.figure_lines import arm_lines, line_of
from maml_explorer.gui.panels.insight.page import Beside, InsightPage
from maml_explorer.gui.plots.category_plot import CategoryPlot, Means
from maml_explorer.gui.plots.figure_table import FigureTable
from maml_explorer.gui.plots.legend_line import LegendLine
from maml_explorer.gui.plots.lines_plot import LinesPlot
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.numbers import number
from maml_explorer.gui.style.theme import Theme
from maml_explorer.gui.widgets.controls import ComboBox, label
from maml_explorer.protocol.insight import InsightRequest, ViewName
from maml_explorer.protocol.insight_records.gradient import WHOLE, GradientSeen

GRADIENT = InsightRequest.of(ViewName.GRADIENT)
COSINE, NORMS = "Cosine", "Norms"
CAPTIONS = {
    COSINE: "cosine between first order and the meta-gradient",
    NORMS: "norms",
}
SHORT = "first order and meta-gradient"
_SHORT = {"output": "out", WHOLE: "all"}
"""Short names of layers; "hidden 1" is "1"."""
COLUMNS = ("Layer", "∇L(φ)", "Hessian", "sum", "cosine")
PARTS = (
    ("first order", "∇L_query(φ_K)", "dash"),
    ("correction", "Hessian correction", "dot"),
    ("meta-gradient", "their sum", "solid"),
)
"""(figure, what it is called, its line)."""
BRIEF_PARTS = {words: column for (_, words, _), column in zip(PARTS, COLUMNS[1:4], strict=True)}
"""Names of the parts in a narrow legend: those of the table."""
TIPS = (
    "Choose a layer to follow it over training",
    "Norm of the query gradient at the adapted parameters: all that first order keeps",
    "Norm of the correction by the Hessians of the inner steps",
    "Norm of their sum, the meta-gradient",
    "Cosine between the query gradient and the meta-gradient",
)


class PartsPage(InsightPage):
    """A table of layers, and the chosen one over outer steps; all where there is one step."""

    tip = "∇L_query(φ_K) and the Hessian correction, whose sum is the meta-gradient"

    def __init__(self, session: Session) -> None:
        self.table = FigureTable("Parts of the meta-gradient by layer", COLUMNS, TIPS)
        self.plot = LinesPlot(session.theme, "Parts of the meta-gradient", "outer step")
        self.quantity = ComboBox()
        self.quantity.setAccessibleName("What is followed over training")
        self.quantity.addItems([COSINE, NORMS])
        self.plot.named = False  # a narrow plot has no room beside it, and parts have long names
        self.legend = LegendLine(self.plot, BRIEF_PARTS)
        self.solved = label("", "muted")
        self.solved.setWordWrap(True)
        left = QWidget()
        box = QVBoxLayout(left)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.table, 1)
        box.addWidget(self.solved)
        self.by_layer = CategoryPlot(session, "Cosine by layer", "layer", top=1.0, most=1.0)
        self.by_layer.caption = lambda: CAPTIONS[COSINE]
        self._over_training = self.legend.below()
        self._in_layers = titled(CAPTIONS[COSINE], self.by_layer, SHORT, COSINE)
        self.by_layer.named = False
        self.by_layer.label_x("")  # the names of the layers say it
        self.arms = LegendLine(self.by_layer)
        titled_plot = self._in_layers.layout()
        assert isinstance(titled_plot, QVBoxLayout)
        titled_plot.insertWidget(1, self.arms)
        self._in_layers.hide()
        right = QWidget()
        inside = QVBoxLayout(right)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self._over_training)
        inside.addWidget(self._in_layers)
        super().__init__(session, GRADIENT, Beside(left, right, (340, 440)))
        self.controls = (self.quantity,)
        self.plot.caption = lambda: f"{self.layer} · {CAPTIONS[self.quantity.currentText()]}"
        self.quantity.currentTextChanged.connect(lambda _: self.draw_now())
        self.table.itemSelectionChanged.connect(self.draw_now)

    @property
    def layer(self) -> str:
        """The layer that is followed: the chosen one, or the whole network."""
        chosen = self.table.chosen
        if not isinstance(self.record, GradientSeen) or chosen is None:
            return WHOLE
        return self.record.layers[chosen]

    def draw(self, record: GradientSeen) -> None:
        """Draws the parts of the arm."""
        columns = (record.first_norm, record.correction_norm, record.norm, record.cosine)
        self.table.fill(
            [
                [layer, *(number(float(column[nth])) for column in columns)]
                for nth, layer in enumerate(record.layers)
            ]
        )
        self.solved.setText(record.solution.in_words() if record.solution else "")
        self.solved.setVisible(record.solution is not None)
        if self.table.chosen is None:
            self.table.blockSignals(True)
            self.table.selectRow(len(record.layers) - 1)
            self.table.blockSignals(False)
        self._draw_plot()

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`."""
        self.plot.take_colors(theme)
        self.by_layer.take_colors(theme)

    def _draw_plot(self) -> None:
        layer, session = self.layer, self.session
        norms = self.quantity.currentText() == NORMS
        lines = arm_lines(session, ViewName.GRADIENT, f"cosine, {layer}")
        opposed = any(bool((line.y < 0).any()) for line in lines)
        # a run that was opened has one outer step: points without a line would leave it empty
        alone = not norms and max((len(line.x) for line in lines), default=0) == 1
        self._over_training.setVisible(not alone)
        self._in_layers.setVisible(alone)
        if alone:
            self._draw_layers()
        if not norms:
            self.plot.show_lines(lines, "cosine", (-1.05 if opposed else -0.03, 1.05))
            self.legend.renew()
            return
        lines = [
            line_of(session, ViewName.GRADIENT, self.arm, f"{figure}, {layer}", words, line)
            for figure, words, line in PARTS
        ]
        self.plot.show_lines(lines, "norm")
        self.legend.renew()

    def _draw_layers(self) -> None:
        """Draws every arm's cosine in all layers."""
        figures, layers = self.session.insight.figures, self.record.layers
        arms = {}
        for arm in self.session.settings.arms:
            found = [
                figures.series(ViewName.GRADIENT, arm.name, f"cosine, {layer}").values
                for layer in layers
            ]
            if any(found):
                cosines = np.array([values[-1] if values else math.nan for values in found])
                arms[arm.name] = Means(cosines, np.full(len(layers), math.nan))
        self.by_layer.short_places = tuple(_SHORT.get(one, one.split()[-1]) for one in layers)
        self.by_layer.show_arms(layers, arms)
        self.arms.renew()
