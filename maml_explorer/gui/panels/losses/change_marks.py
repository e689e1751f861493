"""Marks where settings changed: dashed lines among the losses, each with what changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt

from maml_explorer.gui.plots.label_placement import NO_POINTS, Box, clearance, resampled
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.plot_text import label, recolor
from maml_explorer.gui.session.loss_history import Mark
from maml_explorer.protocol.commands import Array

_APART = 1.0
"""Least gap between the words of two marks, as a part of their height."""
_ROWS, _SHARE = 3, 0.3
"""Rows of words at the bottom, and the part of the plot that they may take; two in any plot. A mark
whose words have room in none is named by the pointer."""
_HIGHEST = 0.7
"""The part of the plot, from below, where there may be words that have a line in those rows."""
MOST_MARKS = 50
_VEIL = 150
"""Of 255: how much of a line the words hide that have no room beside it."""


class ChangeMarks:
    """A dashed line at every change of settings, with what changed at the bottom."""

    def __init__(self, plot: Plot) -> None:
        self._plot = plot
        self.items: list[tuple[pg.InfiniteLine, pg.TextItem]] = []
        self.boxes: list[Box] = []
        """Boxes of the visible words, in pixels."""
        self._taken: Sequence[Box] = ()
        self.lines: list[Box] = []
        """Those of the visible lines."""

    def draw(
        self,
        marks: Sequence[Mark],
        place: Callable[[int], float | None],
        curves: Sequence[tuple[Array, Array]] = (),
        taken: Sequence[Box] = (),
    ) -> None:
        """Draws the newest marks.

        Args:
            marks: the changes.
            place: says where an outer step lies on the x axis.
            curves: (x, y) [sample] in pixels, x rising; words keep off them where they can.
            taken: boxes of other words.
        """
        plot, theme = self._plot, self._plot.theme
        shown = marks[-MOST_MARKS:]
        while len(self.items) < len(shown):
            line, text = pg.InfiniteLine(angle=90, movable=False), label("", theme.muted)
            for z, item in ((6, line), (41, text)):
                item.setZValue(z)
                plot.getPlotItem().addItem(item, ignoreBounds=True)
            self.items.append((line, text))
        (left, right), (low, high) = plot.view().viewRange()
        area, self.boxes, self.lines = plot.area(), [], []
        self._taken = taken
        drawn = resampled(curves if shown else (), area.left(), area.right())
        for nth, (line, text) in reversed(list(enumerate(self.items))):  # the newest has its words
            x = place(shown[nth].outer_step) if nth < len(shown) else None
            inside = x is not None and bool(left <= x <= right)
            line.setVisible(inside)
            text.setVisible(False)
            if x is None or not inside:
                continue
            line.setPen(plot.pen(theme.muted, Qt.PenStyle.DashLine))
            line.setPos(x)
            pixel = (x - left) / (right - left) * area.width()
            self.lines.append(Box(area.left() + pixel - 0.5, area.top(), 1.0, area.height()))
            boxes = self._room(text, shown[nth].brief, area, pixel)
            if boxes:
                clear = next((one for one in boxes if _keeps_off(one, drawn)), None)
                box = clear or boxes[0]
                # its ground hides the faint curves below, and lets a line be seen
                recolor(text, theme.muted, theme.card, veil=235 if clear else _VEIL)
                # beside the line at an edge, where a half of it would be cut
                text.setAnchor((0.0, 0.0))
                across = left + (box.left - area.left()) / area.width() * (right - left)
                down = high - (box.top - area.top()) / area.height() * (high - low)
                text.setPos(across, down)
                self.boxes.append(box)
                text.setVisible(True)

    def _room(self, text: pg.TextItem, words: str, area: QRectF, pixel: float) -> list[Box]:
        """Boxes in which these words have room, from below; they are written.

        The usual rows come first, and where there is one, those above.
        """
        text.setText(words)
        size = text.textItem.boundingRect()
        begin = max(0.0, min(pixel - size.width() / 2, area.width() - size.width()))
        found: list[Box] = []
        apart, rows = _APART * size.height(), area.height() / size.height()
        usual = max(2, min(_ROWS, int(_SHARE * rows)))
        for row in range(max(usual, int(_HIGHEST * rows))):
            if (row == usual and not found) or size.width() > area.width():
                break
            top = area.bottom() - (row + 1) * size.height()
            box = Box(area.left() + begin, top, size.width(), size.height())
            if not any(
                box.left < other.left + other.width + apart
                and other.left < box.left + box.width + apart
                and box.top < other.bottom - 1.0
                and other.top < box.bottom - 1.0
                for other in (*self.boxes, *self._taken)
            ):
                found.append(box)
        return found


def _keeps_off(box: Box, drawn: tuple[Array, Array]) -> bool:
    """True where no line runs through a box."""
    return clearance(box, *drawn, NO_POINTS, []) > 0
