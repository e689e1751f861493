"""The box of values beside the pointer, the same on every plot."""

from __future__ import annotations

from collections.abc import Callable

import pyqtgraph as pg
from PySide6.QtCore import QPoint, QPointF, QRectF

from maml_explorer.gui.plots.hover import Hover
from maml_explorer.gui.plots.label_placement import Box
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.plot_text import label, recolor
from maml_explorer.gui.plots.readout_beside import BoxBeside
from maml_explorer.gui.style.theme import Theme

_MOST = 0.5
"""Part of the plot that the box may hide."""


class ReadOut(Hover):
    """A hairline at the pointer and a box of lines beside it, or beside the plot it would hide.

    Args:
        taken: boxes of words that it keeps clear of where it can.
    """

    def __init__(self, plot: Plot, taken: Callable[[], list[Box]] = list) -> None:
        self._plot, self._taken = plot, taken
        plot.hover = self
        self.pointer = None
        """Position of the resting pointer on the plot, so that new data can be read off too."""
        self.text = ""
        self._beside: BoxBeside | None = None
        self._hair = pg.InfiniteLine(angle=90, movable=False)
        self._box = label("", plot.theme.text, plot.theme.card)
        for z, item in ((0, self._hair), (50, self._box)):
            item.setZValue(z)
            plot.getPlotItem().addItem(item, ignoreBounds=True)
            item.hide()
        self.restyle(plot.theme)

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`."""
        self._hair.setPen(self._plot.pen(theme.border))
        recolor(self._box, theme.text, theme.card)
        self._box.border = self._plot.pen(theme.border)

    def over(self, pixel: QPoint) -> float | None:
        """The x of the data under the pointer; None outside the axes."""
        if not self._plot.area().contains(QPointF(pixel)):
            self.hide()
            return None
        self.pointer = pixel
        return self._plot.to_data(pixel)[0]

    def show(self, html: str) -> None:
        """Shows lines of HTML beside the pointer."""
        if self.pointer is None:
            return
        self.text = html
        self._hair.setPos(self._plot.to_data(self.pointer)[0])
        self._hair.show()
        area = self._plot.area()
        self._write(html)
        if self._covers(area) > _MOST and self._shown_beside(html, self.pointer):
            self._box.hide()
            return
        self._end_beside()
        if self._box.textItem.boundingRect().height() > area.height() - 8:
            self._write(in_pairs(html))
        size = self._box.textItem.boundingRect().size()
        places = self._places(size.width(), size.height(), self.pointer)
        taken = self._taken()
        clear = (one for one in places if all(one.gap(other) >= 0 for other in taken))
        place = next(clear, places[0])
        self._box.setPos(*self._plot.to_data(QPoint(round(place.left), round(place.top))))
        self._box.show()

    def _covers(self, area: QRectF) -> float:
        size = self._box.textItem.boundingRect().size()
        return float(size.width() * size.height() / max(area.width() * area.height(), 1.0))

    def _shown_beside(self, html: str, pointer: QPoint) -> bool:
        if not self._plot.isVisible():
            return False
        if self._beside is None:
            self._beside = BoxBeside(self._plot)
        return self._beside.show_beside(html, pointer)

    def _end_beside(self) -> None:
        if self._beside is not None:
            self._beside.end()

    def _places(self, width: float, height: float, pointer: QPoint) -> list[Box]:
        """Boxes beside the pointer, the best first.

        Away from the pointer what it points at stays in sight, and words near the top do too.
        """
        area = self._plot.area()
        sides = [pointer.x() + 14, pointer.x() - 14 - width]
        ends = [area.top() + 6, max(area.bottom() - height - 6, area.top() + 6)]
        if pointer.x() > area.center().x():
            sides.reverse()
        if pointer.y() < area.center().y():
            ends.reverse()
        lefts = [max(area.left() + 2, min(x, area.right() - width - 2)) for x in sides]
        return [Box(left, top, width, height) for top in ends for left in lefts]

    def _write(self, html: str) -> None:
        """Writes lines into the box; one that is wider than the plot goes on in the next."""
        self._box.setTextWidth(-1)
        self._box.setHtml(f'<span style="color:{self._plot.theme.text}">{html}</span>')
        most = self._plot.area().width() - 4
        if self._box.textItem.boundingRect().width() > most:
            self._box.setTextWidth(most)

    def hide(self) -> None:
        """Ends the read-out."""
        self.pointer, self.text = None, ""
        self._box.hide()
        self._hair.hide()
        self._end_beside()


def in_pairs(html: str) -> str:
    """The first line, and the others two by two: for a plot that is lower than all of them."""
    first, *rest = html.split("<br>")
    pairs = ["&nbsp; ".join(rest[at : at + 2]) for at in range(0, len(rest), 2)]
    return "<br>".join([first, *pairs])
