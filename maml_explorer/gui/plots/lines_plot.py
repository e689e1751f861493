"""A plot of a few lines that does not move: each with its style, read-out, legend and table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QResizeEvent

from maml_explorer.gui.plots.fast_curve import Curve
from maml_explorer.gui.plots.label_placement import ENOUGH, NO_POINTS, Box, clearance, resampled
from maml_explorer.gui.plots.line_ends import LineEnd
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.plot_text import label, recolor, wrap
from maml_explorer.gui.plots.readout import ReadOut
from maml_explorer.gui.plots.table import Table
from maml_explorer.gui.style.arm_style import ArmStyle
from maml_explorer.gui.style.numbers import number, whole
from maml_explorer.gui.style.theme import Theme
from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.commands import Array

_KEY_STEP = 8
"""Pixels that an arrow key moves the read-out."""
NAMES_FROM = 230
"""Pixels of width from which names stand at the ends of the lines."""


@dataclass(frozen=True)
class PlotLine:
    """One line: y over x; points that are not finite are left out."""

    name: str
    x: Array
    y: Array
    style: ArmStyle


class LinesPlot(Plot):
    """Draws lines, and where wanted a straight dotted line with words.

    Args:
        theme: the colours to begin with.
        name: accessible name.
        x_label: of the axis and the read-out.
        whole_x: x counts something.
        log_y: a logarithmic y axis.
        markers: a marker at every point.
    """

    def __init__(
        self,
        theme: Theme,
        name: str,
        x_label: str,
        *,
        whole_x: bool = True,
        log_y: bool = False,
        markers: bool = False,
    ) -> None:
        super().__init__(theme, name, x_label, whole_x=whole_x)
        self.lines: tuple[PlotLine, ...] = ()
        self.markers = markers
        self.left.logarithmic = log_y
        self.x_name, self.whole_x = x_label, whole_x
        self.named = True
        """Names stand at the ends of several lines; False where a legend has them."""
        self._range: tuple[float, float] | None = None
        self._reference: tuple[float, str] | None = None
        self._curves: list[tuple[Curve, pg.ScatterPlotItem]] = []
        self._level = pg.InfiniteLine(angle=0, movable=False)
        self._words = label("", theme.muted, theme.card)
        self._empty = label("", theme.muted)
        for z, item in ((5, self._level), (40, self._words), (40, self._empty)):
            item.setZValue(z)
            self.getPlotItem().addItem(item, ignoreBounds=True)
        self.readout = ReadOut(self)
        # axes that get wider take room from the lines, and the plot is no smaller
        self.view().sigResized.connect(self.draw_words)
        self.table = self._table
        self.setAccessibleDescription(
            "Left and Right read off values. The menu shows the numbers as a table."
        )
        self.take_colors(theme)

    def show_lines(
        self,
        lines: Sequence[PlotLine],
        y_label: str = "",
        y_range: tuple[float, float] | None = None,
        reference: tuple[float, str] | None = None,
        empty: str = "",
    ) -> None:
        """Draws these lines instead of those before.

        Args:
            y_label: words beside the y axis.
            y_range: of the y axis; as wide as the lines are unless given.
            reference: (value, words) of a dotted line.
            empty: words where no line has a point.
        """
        self.lines, self._range, self._reference = tuple(lines), y_range, reference
        self._empty.setText(empty)
        self.label_y(y_label)
        self.draw()

    def take_colors(self, theme: Theme) -> None:
        """Draws everything in the colours of `theme`."""
        self.restyle(theme)
        recolor(self._words, theme.muted, theme.card, veil=150)
        recolor(self._empty, theme.muted)
        self._level.setPen(self.pen(theme.muted, Qt.PenStyle.DotLine))
        self.readout.restyle(theme)
        self.draw()

    def legend(self) -> list[tuple[ArmStyle, str]]:
        """The lines that are drawn."""
        return [(line.style, line.name) for line in self.lines]

    def draw(self) -> None:
        """Draws the lines as they are."""
        self._fit()
        while len(self._curves) < len(self.lines):
            made = Curve(antialias=True), pg.ScatterPlotItem(antialias=True, useCache=False)
            for item in made:
                self.getPlotItem().addItem(item, ignoreBounds=True)
            self._curves.append(made)
        for nth, (curve, dots) in enumerate(self._curves):
            there = nth < len(self.lines)
            curve.setVisible(there)
            if not there:
                dots.setVisible(False)
                continue
            line = self.lines[nth]
            y = self._scaled(line.y)
            kept = np.isfinite(y)
            marked = self.markers or int(kept.sum()) == 1
            dots.setVisible(marked)
            curve.ink(self.arm_pen(line.style, 1.6))
            curve.put(line.x[kept], y[kept])
            for item in (curve, dots):
                item.setZValue(30 - nth / 10)
            if marked:
                color = line.style.color
                dots.setData(line.x[kept], y[kept], symbol=line.style.marker,
                             brush=pg.mkBrush(color), pen=self.pen(color),
                             size=self.dot(7))  # fmt: skip
        self._name_ends()
        self.draw_words()
        if self.readout.pointer is not None:
            self._read(self.readout.pointer)

    def _name_ends(self) -> None:
        named = self.named and len(self.lines) > 1 and self.width() >= NAMES_FROM
        ends = []
        for line in self.lines if named else ():
            y = self._scaled(line.y)
            if (kept := y[np.isfinite(y)]).size:
                ends.append(LineEnd(line.name, line.style.text, float(kept[-1])))
        self.ends.show_ends(ends)

    def _scaled(self, values: Array) -> Array:
        if not self.left.logarithmic:
            return values
        with np.errstate(divide="ignore", invalid="ignore"):
            logs: Array = np.log10(values)
        return logs

    def _fit(self) -> None:
        x = np.concatenate([*(line.x for line in self.lines), np.zeros(0)])
        y = np.concatenate([*(self._scaled(line.y) for line in self.lines), np.zeros(0)])
        y = y[np.isfinite(y)]
        low, high = (float(x.min()), float(x.max())) if len(x) else (0.0, 1.0)
        if high <= low:
            high = low + 1.0
        room = 0.02 * (high - low)
        self.view().setXRange(low - room, high + room, padding=0)
        if self._range is not None:
            self.view().setYRange(*self._range, padding=0)
            return
        least, most = (float(y.min()), float(y.max())) if len(y) else (0.0, 1.0)
        if self._reference is not None:
            level = float(self._scaled(np.array([self._reference[0]]))[0])
            least, most = min(least, level), max(most, level)
        if not self.left.logarithmic:
            least = min(least, 0.0)
        room = 0.08 * max(most - least, 0.2 if self.left.logarithmic else 1e-12)
        self.view().setYRange(least - room, most + room, padding=0)

    def draw_words(self) -> None:
        """Puts the dotted line and the words where they belong in the range."""
        (left, right), (low, high) = self.view().viewRange()
        known = self._reference
        empty = not any(np.isfinite(line.y).any() for line in self.lines)
        level = np.nan if known is None else float(self._scaled(np.array([known[0]]))[0])
        inside = bool(low <= level <= high)
        self._level.setVisible(inside)
        self._words.setVisible(inside)
        if known is not None and inside:
            self._level.setPos(level)
            self._words.setText(known[1])
            fits = self._words.textItem.boundingRect().width() <= 0.98 * self.area().width()
            # a part of words is worse than none, and words on other words are too
            said = empty and self._empty.toPlainText() != ""
            self._words.setVisible(fits and not said)
            self._place_words(level)
        self._empty.setVisible(empty)
        wrap(self._empty, self.area().width())
        self._empty.setAnchor((0.5, 0.5))
        self._empty.setPos((left + right) / 2, (low + high) / 2)

    def _place_words(self, level: float) -> None:
        """Puts the words of the dotted line above or below it, at the right if no line is there."""
        area, size = self.area(), self._words.textItem.boundingRect()
        (left, right), (low, high) = self.view().viewRange()
        across, up = area.width() / (right - left), area.height() / (high - low)
        lines = [((one.x - left) * across, (high - self._scaled(one.y)) * up) for one in self.lines]
        there = [(x[np.isfinite(y)], y[np.isfinite(y)]) for x, y in lines]
        x, curves = resampled(there, 0.0, area.width())
        tops = (high - level) * up - size.height(), (high - level) * up
        tops = tops[::-1] if tops[0] < 0 else tops  # below it where there is no room above
        edge = 0.01 * area.width()
        boxes = [
            Box(at, top, size.width(), size.height())
            for at in np.linspace(area.width() - edge - size.width(), edge, 9)
            for top in tops
            if top >= 0 and top + size.height() <= area.height()
        ]
        clear = [clearance(box, x, curves, NO_POINTS, []) for box in boxes]
        free = (nth for nth, gap in enumerate(clear) if gap >= min(ENOUGH, max(clear)))
        nth = next(free, None)
        self._words.setVisible(nth is not None and self._words.isVisible())
        if nth is not None:
            self._words.setAnchor((0.0, 0.0))
            self._words.setPos(left + boxes[nth].left / across, high - boxes[nth].top / up)

    # reading off values

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Reads off values."""
        self._read(event.position().toPoint())

    def leaveEvent(self, event: QEvent) -> None:
        """Ends the read-out."""
        super().leaveEvent(event)
        self.readout.hide()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and Right move the read-out."""
        way = {Qt.Key.Key_Left: -_KEY_STEP, Qt.Key.Key_Right: _KEY_STEP}.get(Qt.Key(event.key()))
        if way is None:
            event.ignore()
            return
        area = self.area().toRect().adjusted(1, 1, -2, -2)
        at = self.readout.pointer or area.center()
        across = max(area.left(), min(at.x() + way, area.right()))
        self._read(QPoint(across, area.center().y()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Names the lines at their ends anew."""
        super().resizeEvent(event)
        if hasattr(self, "readout"):
            self._name_ends()

    def _read(self, pixel: QPoint) -> None:
        x = self.readout.over(pixel)
        if x is None or not any(len(line.x) for line in self.lines):
            self.readout.hide()
        else:
            self.readout.show(self.reading(x))

    def reading(self, x: float) -> str:
        """The values nearest to `x` as HTML."""
        places = np.concatenate([line.x for line in self.lines])
        nearest = float(places[np.abs(places - x).argmin()])
        rows = [f"{self.x_name} {whole(nearest) if self.whole_x else number(nearest)}"]
        for line in self.lines:
            if len(line.x):
                value = float(line.y[np.abs(line.x - nearest).argmin()])
                words = f"{escape(line.name)} {number(value)}"
                rows.append(f'<span style="color:{line.style.text}">{words}</span>')
        return "<br>".join(rows)

    def _table(self, everything: bool) -> Table:
        header = ["line", self.x_name, self._y_label or "value"]
        return header, [
            [line.name, float(x), float(y)]
            for line in self.lines
            for x, y in zip(line.x, line.y, strict=True)
        ]
