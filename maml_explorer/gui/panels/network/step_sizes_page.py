"""Step sizes or matrices that an arm learned, as a heat map, and their course over training."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QHBoxLayout, QWidget

from maml_explorer.gui.panels.insight.choice_page import ChosenPage, retitle, titled
from maml_explorer.gui.panels.insight.figure_lines import line_of
from maml_explorer.gui.plots.color_scale import DIVERGING
from maml_explorer.gui.plots.heat_plot import HeatPlot
from maml_explorer.gui.plots.lines_plot import LinesPlot
from maml_explorer.gui.plots.table import Table
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.arm_style import LINES
from maml_explorer.gui.style.numbers import number
from maml_explorer.gui.style.theme import Theme
from maml_explorer.gui.widgets.controls import ComboBox
from maml_explorer.protocol.commands import Array
from maml_explorer.protocol.insight import ViewName
from maml_explorer.protocol.insight_records.step_sizes import LearnedMatrix, StepSizesSeen

WHOLE = "Layer by step"


class StepSizesPage(ChosenPage):
    """One number per layer and inner step, those of every parameter of a layer, or a matrix."""

    tip = "What an arm learned for its inner loop: step sizes, negative ones included, or matrices"

    def __init__(self, session: Session) -> None:
        self.plot = HeatPlot(session.theme, "Learned step sizes", kind=DIVERGING)
        self.course = LinesPlot(session.theme, "Course over training", "outer step")
        content = QWidget()
        columns = QHBoxLayout(content)
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(8)
        columns.addWidget(self.plot, 1)
        self.course_place = titled("Over training: mean α", self.course)
        columns.addWidget(self.course_place, 1)
        super().__init__(session, ViewName.STEP_SIZES, content)
        self.seen: StepSizesSeen | None = None
        self.which = ComboBox()
        self.which.setAccessibleName("Which step sizes are shown")
        self.which.setMinimumContentsLength(len("hidden 1: outputs"))
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
        if record.matrices:
            names = [one.name for one in record.matrices]
        if names != [self.which.itemText(nth) for nth in range(self.which.count())]:
            chosen = self.which.currentText()
            self.which.clear()
            self.which.addItems(names)
            # one input alone has a matrix of one number, which shows nothing
            large = [one.name for one in record.matrices if one.values.size > 1]
            self.which.setCurrentText(chosen if chosen in names else (*large, *names)[0])
        self.which.setEnabled(len(names) > 1)
        self._draw()

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`."""
        self.plot.take_colors(theme)
        self.course.take_colors(theme)

    @property
    def layer(self) -> int | None:
        """The layer whose parameters are shown one by one; None for all layers by step."""
        nth = self.which.currentIndex() - 1
        if self.seen is None or self.seen.matrices:
            return None
        return None if not 0 <= nth < len(self.seen.each) else nth

    def _draw(self) -> None:
        if self.seen is None:
            return
        layer, seen = self.layer, self.seen
        self._draw_course(seen)
        if self.matrix is not None:
            self._draw_matrix(self.matrix)
            return
        values: Array
        if layer is None:
            values = np.ascontiguousarray(seen.mean.T)
            self.plot.label_x("inner step")
            self.plot.label_y("layer")
            every = not self.seen_by_step(seen)
            self.plot.name_ticks(
                ["every"] if every else [str(step + 1) for step in range(len(values))],
                [*(str(nth + 1) for nth in range(len(seen.layers) - 1)), "out"],
            )
        else:
            values = seen.each[layer]
            self.plot.label_x("input, and in the last column the bias")
            self.plot.label_y("unit")
            self.plot.bottom.setTicks(None)
            self.plot.left.setTicks(None)
        columns, rows = values.shape
        begin = -0.5 if layer is None else 0.5  # inputs and units are counted from 1
        self.plot.show_values(values, QRectF(begin, begin, columns, rows))
        extremes = float(seen.lowest.min()), float(seen.highest.max())
        self.tell(
            f"α from {number(extremes[0])} to {number(extremes[1])}",
            self._negative_words(seen),
        )

    def _negative_words(self, seen: StepSizesSeen) -> str:
        if not self.seen_by_step(seen):
            return f"{number(100 * seen.negative, 2)} % of the parameters have a negative one"
        pairs = zip(seen.layers, seen.lowest, strict=True)
        found = [layer for layer, row in pairs if (row < 0).any()]
        return f"negative ones in {', '.join(found)}" if found else "none is negative"

    def seen_by_step(self, seen: StepSizesSeen) -> bool:
        """True where every inner step has step sizes of its own."""
        return not seen.each and not seen.matrices

    @property
    def matrix(self) -> LearnedMatrix | None:
        """The matrix that is shown; None where the arm learned step sizes."""
        if self.seen is None or not self.seen.matrices:
            return None
        nth = min(max(self.which.currentIndex(), 0), len(self.seen.matrices) - 1)
        return self.seen.matrices[nth]

    def _draw_matrix(self, matrix: LearnedMatrix) -> None:
        """A matrix, less what it was at the beginning: that hides little changes."""
        self.plot.label_x(matrix.columns)
        self.plot.label_y(matrix.rows)
        self.plot.bottom.setTicks(None)
        self.plot.left.setTicks(None)
        columns, rows = matrix.values.shape
        change = matrix.values - matrix.begun if matrix.begun.size else matrix.values
        self.plot.show_values(change, QRectF(0.5, 0.5, columns, rows))
        low, high = float(change.min()), float(change.max())
        what = "change from the identity" if matrix.begun.size else "weights"
        span = f"from {number(low)} to {number(high)}"
        self.tell(f"{matrix.name}: {what} {span}", shorter=(f"{what} {span}".capitalize(), span))

    def _draw_course(self, seen: StepSizesSeen) -> None:
        """Course of what the record follows; one line per layer or context parameter."""
        retitle(self.course_place, f"Over training: {seen.course_words}")
        lines = [
            line_of(
                self.session,
                ViewName.STEP_SIZES,
                self.arm,
                figure,
                figure.rpartition(", ")[2],
                line,
            )
            for (figure, _), line in zip(seen.course, LINES, strict=False)
        ]
        self.course.show_lines(lines)
        # a run that comes trained is known in one point, which is no course
        self.course_place.setVisible(any(len(line.x) > 1 for line in lines))

    def cell_text(self, column: int, row: int) -> str:
        """A step size, or an entry of a matrix, in words."""
        if self.seen is None:
            return ""
        if self.matrix is not None:
            words = f"{self.matrix.columns} {column + 1}"
            words += f", {self.matrix.rows} {row + 1}" if self.matrix.rows else ""
            return f"{words}<br>{number(float(self.matrix.values[column, row]))}"
        if self.layer is not None:
            value = float(self.seen.each[self.layer][column, row])
            last = column == len(self.seen.each[self.layer]) - 1
            source = "bias" if last else f"input {column + 1}"
            return f"{source}, unit {row + 1}<br>α {number(value)}"
        at = row, column
        mean, low, high = (
            float(t[at]) for t in (self.seen.mean, self.seen.lowest, self.seen.highest)
        )
        step = f"inner step {column + 1}" if self.seen_by_step(self.seen) else "every inner step"
        text = f"{self.seen.layers[row]}, {step}<br>α {number(mean)}"
        return text if low == high else f"{text}, from {number(low)} to {number(high)}"

    def _table(self, everything: bool) -> Table:
        header = ["layer", "inner step", "mean", "lowest", "highest"]
        seen = self.seen
        if seen is None:
            return header, []
        if seen.matrices:
            shown = seen.matrices if everything else [m for m in [self.matrix] if m is not None]
            return ["matrix", "column", "row", "value"], [
                [one.name, column + 1, row + 1, float(one.values[column, row])]
                for one in shown
                for column, row in np.ndindex(*one.values.shape)
            ]
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
