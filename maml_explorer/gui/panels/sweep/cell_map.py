"""Heat map of a sweep over one or two axes: mean ± 95 % over seeds, diverged cells hatched."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QPainterPath
from PySide6.QtWidgets import QGraphicsPathItem

from maml_explorer.gui.panels.sweep.point_words import short_name, value_words
from maml_explorer.gui.plots.heat_plot import HeatPlot
from maml_explorer.gui.plots.plot_text import wrap
from maml_explorer.gui.plots.table import Table
from maml_explorer.gui.style.qt_style import base_font
from maml_explorer.gui.style.theme import Theme
from maml_explorer.protocol.commands import Array
from maml_explorer.settings.declaration import Value
from maml_explorer.storage.report.sweep_plots import axis_values, robust_range
from maml_explorer.storage.report.sweep_table import (
    SweepAxis,
    SweepCell,
    folded,
    higher_is_better,
)
from maml_explorer.storage.sweep.axes import Point

_MOST_WORDS = 150
"""Cells up to which each says its figures."""
_FORMS = 3
"""Wordings of a cell, the longest first."""
_HATCH = "#d32f2f"
_MOST_FRAMES = 20
"""Cells up to which each that is chosen has a frame: more would be a net over the map."""


@dataclass(frozen=True)
class _CellWords:
    """Words in a cell, and their look."""

    text: str
    font: QFont
    ink: str
    ground: str | None


class SweepMap(HeatPlot):
    """One cell a point; of axes that are not drawn, the best cell is shown."""

    axes: tuple[SweepAxis, ...] = ()
    """From left to right, and from bottom to top where there are two."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(
            theme, "Sweep", " ", " ", hint="Enter or a click shows the cell’s run beside yours."
        )
        self.cells: dict[tuple[int, int], SweepCell] = {}
        self._words: dict[tuple[int, int], _CellWords] = {}
        self._items: dict[tuple[int, int], pg.TextItem] = {}
        self._marked: frozenset[Point] = frozenset()
        self._hatches = QGraphicsPathItem()
        self._hatches.setBrush(QBrush(QColor(_HATCH), Qt.BrushStyle.BDiagPattern))
        self._hatches.setPen(Qt.PenStyle.NoPen)
        self._hatches.setZValue(2)
        self.getPlotItem().addItem(self._hatches, ignoreBounds=True)
        self.objective = ""
        self.cell_text = self._said
        self.table = self._table
        self.view().sigResized.connect(lambda _: self._say(self.values))

    def put(
        self,
        found: Sequence[SweepCell],
        across: SweepAxis,
        up: SweepAxis | None,
        objective: str,
    ) -> None:
        """Draws the cells over two axes, or in one row.

        Args:
            found: the cells of the sweep.
            across: the axis from left to right.
            up: the axis from bottom to top; None for one row.
            objective: such as "mse@5".
        """
        self.axes, self.objective = (across,) if up is None else (across, up), objective
        higher = higher_is_better(objective)
        cells = folded(found, [axis.key for axis in self.axes], higher=higher)
        columns = axis_values(cells, across.key)
        lines: list[Value] = [""] if up is None else axis_values(cells, up.key)
        column = {value: nth for nth, value in enumerate(columns)}
        line = {value: nth for nth, value in enumerate(lines)}
        self.cells = {
            (column[point[across.key]], line["" if up is None else point[up.key]]): cell
            for cell in cells
            for point in [dict(cell.point)]
        }
        values = np.full((len(columns), len(lines)), np.nan)
        for at, cell in self.cells.items():
            if cell.mean is not None:
                values[at] = cell.mean
        sign = -1 if higher else 1
        sound = [sign * c.mean for c in cells if c.mean is not None and not c.diverged]
        ends = sorted(sign * end for end in robust_range(sound))
        logarithmic = ends[0] > 0 and ends[1] / ends[0] > 5
        self.label_x(across.label)
        self.label_y("" if up is None else up.label)
        self.scale.show_bar(bool(sound))  # without a figure it has nothing to say
        self.show_values(
            values, QRectF(-0.5, -0.5, len(columns), len(lines)), (ends[0], ends[1], logarithmic)
        )
        self.name_ticks([value_words(v) for v in columns], [value_words(v) for v in lines])
        self._say(values)
        self._frame_marked()

    def mark(self, points: Iterable[Point]) -> None:
        """Frames the cells of these points."""
        self._marked = frozenset(points)
        self._frame_marked()

    def _frame_marked(self) -> None:
        chosen = [set(point) for point in self._marked]
        found = (
            [
                at
                for at, cell in self.cells.items()
                if any(point >= set(cell.point) for point in chosen)
            ]
            if len(chosen) <= _MOST_FRAMES
            else []
        )
        self.show_frames(*(self.cell_box(*at) for at in found))

    def take_colors(self, theme: Theme) -> None:
        """Draws everything in the colours of `theme`."""
        super().take_colors(theme)
        if self.axes:
            self._say(self.values)

    def _say(self, values: Array) -> None:
        hatched = QPainterPath()
        for at, cell in self.cells.items():
            if cell.diverged:
                hatched.addRect(self.cell_box(*at))
        self._hatches.setPath(hatched)
        colors = self.scale.color_of(values)
        spoken = self._fitting() if len(self.cells) <= _MOST_WORDS else {}
        wanted = {}
        for at, words in spoken.items():
            cell = self.cells[at]
            light = cell.mean is not None and float(colors[at][:3] @ (0.3, 0.6, 0.1)) > 140
            plain = cell.mean is None or cell.diverged > 0
            ink = self.theme.text if plain else "#000000" if light else "#ffffff"
            wanted[at] = _CellWords(words, base_font(), ink, self.theme.card if plain else None)
        self._write(wanted)

    def _fitting(self) -> dict[tuple[int, int], str]:
        """The longest wording that fits every cell; none where the shortest does not."""
        columns, rows = self.values.shape
        area, font = self.area(), QFontMetricsF(base_font())
        for form in range(_FORMS):
            words = {at: _wordings(cell)[form] for at, cell in self.cells.items()}
            lines = [text.split("\n") for text in words.values()]
            wide = max((font.horizontalAdvance(line) for one in lines for line in one), default=0)
            high = max(map(len, lines), default=0) * font.lineSpacing()
            if (wide + 4) * columns <= area.width() and high * rows <= area.height():
                return {at: text for at, text in words.items() if text}
        return {}

    def _write(self, wanted: dict[tuple[int, int], _CellWords]) -> None:
        """Draws the words that are not there yet, and takes away the others."""
        item = self.getPlotItem()
        for at, words in list(self._words.items()):
            if wanted.get(at) != words:
                item.removeItem(self._items.pop(at))
                del self._words[at]
        for at, words in wanted.items():
            if at in self._words:
                continue
            text = pg.TextItem(words.text, color=words.ink, anchor=(0.5, 0.5), fill=words.ground)
            text.setFont(words.font)
            wrap(text, np.inf)
            text.setPos(*at)
            text.setZValue(10)
            item.addItem(text, ignoreBounds=True)
            self._words[at], self._items[at] = words, text

    def _said(self, column: int, row: int) -> str:
        cell = self.cells.get((column, row))
        if cell is None:
            return ""
        point = dict(cell.point)
        where = ", ".join(
            f"{short_name(axis)} {value_words(point[axis.key])}" for axis in self.axes
        )
        words = [where, cell.words(), *([cell.reason] if cell.reason else [])]
        return "<br>".join(map(escape, words))

    def _table(self, everything: bool) -> Table:
        head = [*(axis.label for axis in self.axes), self.objective, "95 %", "diverged"]
        rows = []
        for cell in self.cells.values():
            point = dict(cell.point)
            rows.append(
                [
                    *(value_words(point[axis.key]) for axis in self.axes),
                    math.nan if cell.mean is None else cell.mean,
                    math.nan if cell.half is None else cell.half,
                    cell.diverged,
                ]
            )
        return head, rows


def _wordings(cell: SweepCell) -> tuple[str, str, str]:
    """Mean and interval in two lines, in one line, and the mean alone."""
    if cell.mean is None:
        ended = "diverged" if cell.diverged else "failed" if cell.failed else ""
        words = ended or f"{cell.done} of {cell.seeds}"
        return words, words, "" if ended else words
    mean = f"{cell.mean:.3g}"
    if cell.half is None:
        return mean, mean, mean
    return f"{mean}\n± {cell.half:.2g}", f"{mean} ± {cell.half:.2g}", mean
