"""The box of values beside the pointer, the same on every plot."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QPoint, QPointF

from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.plot_text import label, recolor
from maml_explorer.gui.style.theme import Theme


class ReadOut:
    """A hairline at the pointer and a box of lines beside it."""

    def __init__(self, plot: Plot) -> None:
        self._plot = plot
        plot.hover = self
        self.pointer: QPoint | None = None
        """Position of the resting pointer on the plot, so that new data can be read off too."""
        self.text = ""
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
        area = self._plot.area()
        self._write(html)
        if self._box.textItem.boundingRect().height() > area.height() - 8:
            self._write(in_pairs(html))
        width = self._box.textItem.boundingRect().width()
        right = self.pointer.x() > area.center().x()
        left = self.pointer.x() - 14 - width if right else self.pointer.x() + 14
        left = max(area.left() + 2, min(left, area.right() - width - 2))
        # away from the pointer: what it points at, and the words near the top, stay in sight
        height = self._box.textItem.boundingRect().height()
        upper = self.pointer.y() < area.center().y()
        top = max(area.bottom() - height - 6, area.top() + 6) if upper else area.top() + 6
        self._box.setPos(*self._plot.to_data(QPoint(round(left), round(top))))
        self._hair.setPos(self._plot.to_data(self.pointer)[0])
        self._box.show()
        self._hair.show()

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


def in_pairs(html: str) -> str:
    """The first line, and the others two by two: for a plot that is lower than all of them."""
    first, *rest = html.split("<br>")
    pairs = ["&nbsp; ".join(rest[at : at + 2]) for at in range(0, len(rest), 2)]
    return "<br>".join([first, *pairs])
