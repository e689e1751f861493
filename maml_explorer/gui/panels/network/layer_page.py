"""Activations and weights of a layer before and after adaptation to the task shown above."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QHBoxLayout, QWidget

from maml_explorer.gui.panels.insight.choice_page import ChosenPage, titled
from maml_explorer.gui.plots.color_scale import DIVERGING, value_range
from maml_explorer.gui.plots.heat_plot import HeatPlot
from maml_explorer.gui.plots.table import Table
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.numbers import number
from maml_explorer.gui.style.theme import Theme
from maml_explorer.gui.widgets.controls import ComboBox
from maml_explorer.protocol.commands import Array
from maml_explorer.protocol.insight import Option, ViewName
from maml_explorer.protocol.insight_records.layer import LayerSeen
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.words import counted

ACTIVATIONS, WEIGHTS = "Activations", "Weights"


class LayerPage(ChosenPage):
    """Three heat maps: at θ, adapted, and what adaptation changed."""

    tip = "Activations and weights of a layer, before and after adaptation to the task above"

    def __init__(self, session: Session) -> None:
        names = ("Before adaptation", "After adaptation", "Change by adaptation")
        self.plots = tuple(HeatPlot(session.theme, name, kind=DIVERGING) for name in names)
        content = QWidget()
        columns = QHBoxLayout(content)
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(8)
        for nth, plot in enumerate(self.plots):
            columns.addWidget(titled(names[nth], plot, names[nth].split()[0]), 5 if nth else 4)
            plot.caption = lambda: self.summary
            plot.cell_text = partial(self.cell_text, nth)
            plot.table = self._table
        # the first two have one scale between them
        self.plots[0].scale.show_bar(False)
        self.layer_choice, self.what = ComboBox(), ComboBox()
        super().__init__(session, ViewName.LAYER, content, of_task=True, of_step=True)
        self.seen: LayerSeen | None = None
        self.layer_choice.setAccessibleName("Layer that is shown")
        self.layer_choice.activated.connect(lambda _: self.reask())
        self.what.setAccessibleName("Activations or weights")
        self.what.addItems([ACTIVATIONS, WEIGHTS])
        self.what.activated.connect(lambda _: self._draw())
        self.controls = (self.layer_choice, self.what)
        self.take_settings(session.settings)

    def extra(self) -> dict[str, Option]:
        """The chosen layer."""
        return {"layer": max(self.layer_choice.currentIndex(), 0)}

    def take_settings(self, settings: Settings) -> None:
        """Offers the layers there are."""
        names = [*(f"Hidden {nth + 1}" for nth in range(settings.hidden_layers)), "Output"]
        if names != [self.layer_choice.itemText(nth) for nth in range(self.layer_choice.count())]:
            chosen = min(max(self.layer_choice.currentIndex(), 0), len(names) - 1)
            self.layer_choice.clear()
            self.layer_choice.addItems(names)
            self.layer_choice.setCurrentIndex(chosen)
        super().take_settings(settings)

    def draw(self, record: object) -> None:
        """Draws a layer."""
        if isinstance(record, LayerSeen):
            self.seen = record
            self._draw()

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`."""
        for plot in self.plots:
            plot.take_colors(theme)

    def values(self) -> tuple[Array, Array, Array]:
        """(before, after, change), each [x or input, unit]."""
        assert self.seen is not None
        before, after = (
            (self.seen.before, self.seen.after)
            if self.what.currentText() == ACTIVATIONS
            else (self.seen.weights_before, self.seen.weights_after)
        )
        return before, after, after - before

    def _draw(self) -> None:
        seen = self.seen
        if seen is None:
            return
        before, after, change = self.values()
        columns, rows = before.shape
        if self.what.currentText() == ACTIVATIONS:
            half = (seen.x[1] - seen.x[0]) / 2
            box = QRectF(seen.x[0] - half, 0.5, seen.x[-1] - seen.x[0] + 2 * half, rows)
        else:
            box = QRectF(0.5, 0.5, columns, rows)
        wide = max((value_range(v, DIVERGING) for v in (before, after)), key=lambda span: span[1])
        spans = (wide, wide, value_range(change, DIVERGING))
        for plot, values, span in zip(self.plots, (before, after, change), spans, strict=True):
            plot.left.whole = True
            plot.bottom.whole = self.what.currentText() == WEIGHTS
            plot.label_x("x" if self.what.currentText() == ACTIVATIONS else "input")
            plot.label_y("unit" if plot is self.plots[0] else "")
            plot.show_values(values, box, span)
        steps = f"after {counted(seen.steps, 'inner step')}"
        self.tell(f"{seen.layer} {steps}", "the task above", shorter=(steps.capitalize(),))

    def cell_text(self, nth: int, column: int, row: int) -> str:
        """One activation or weight in words."""
        if self.seen is None:
            return ""
        value = number(float(self.values()[nth][column, row]))
        if self.what.currentText() == ACTIVATIONS:
            return f"unit {row + 1} at x {number(float(self.seen.x[column]))}<br>{value}"
        last = column == len(self.values()[0]) - 1
        return f"unit {row + 1}, {'bias' if last else f'input {column + 1}'}<br>{value}"

    def _table(self, everything: bool) -> Table:
        seen = self.seen
        if seen is None:
            return ["unit"], []
        before, after, _ = self.values()
        activations = self.what.currentText() == ACTIVATIONS
        inputs = seen.x if activations else range(1, len(before) + 1)
        return ["x" if activations else "input", "unit", "before", "after"], [
            [at, unit + 1, float(before[nth, unit]), float(after[nth, unit])]
            for nth, at in enumerate(inputs)
            for unit in range(before.shape[1])
        ]
