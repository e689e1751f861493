"""Numbers over a plane as colours: a bar says which, a read-out, and a click takes a cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPen
from PySide6.QtWidgets import QGraphicsRectItem

from maml_explorer.gui.plots.color_scale import SEQUENTIAL, ColorScale, value_range
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.readout import ReadOut
from maml_explorer.gui.style.theme import Theme
from maml_explorer.protocol.commands import Array

_WAYS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Down: (0, -1),
    Qt.Key.Key_Up: (0, 1),
}


class HeatPlot(Plot):
    """An image of values [column, row] with a colour scale.

    Args:
        kind: of the colours, see :mod:`maml_explorer.gui.plots.color_scale`.
        hint: what a click does, for the accessible description; empty where it does nothing.
    """

    picked = Signal(int, int)
    """The column and row that were clicked, or chosen by Enter."""

    def __init__(
        self,
        theme: Theme,
        name: str,
        x_label: str = "",
        y_label: str = "",
        *,
        kind: str = SEQUENTIAL,
        hint: str = "",
    ) -> None:
        super().__init__(theme, name, x_label, y_label)
        self.values: Array = np.zeros((0, 0))
        """[column, row]"""
        self.box = QRectF(0, 0, 1, 1)
        """Box of the image, in data: left, bottom, width, height."""
        self.cell: tuple[int, int] | None = None
        """The cell that the keyboard has chosen."""
        self.cell_text: Callable[[int, int], str] = lambda column, row: ""
        """Text of the read-out for a cell, as HTML."""
        self.pickable = bool(hint)
        self.scale = ColorScale(theme, kind)
        self.image = pg.ImageItem(axisOrder="col-major")
        self.cursor_box = QGraphicsRectItem()
        self.cursor_box.hide()
        self.frames: list[QGraphicsRectItem] = []
        self.getPlotItem().layout.addItem(self.scale, 2, 3)
        for z, item in ((-10, self.image), (45, self.cursor_box)):
            item.setZValue(z)
            self.getPlotItem().addItem(item, ignoreBounds=True)
        self.readout = ReadOut(self)
        self.setAccessibleDescription(
            f"Arrow keys choose a cell and read it off. {hint} "
            "The menu shows the numbers as a table.".replace("  ", " ")
        )
        self.take_colors(theme)

    def show_values(
        self,
        values: Array,
        box: QRectF,
        span: tuple[float, float, bool] | None = None,
        kind: str = "",
    ) -> None:
        """Draws values [column, row]; those that are not finite are left blank.

        Args:
            box: (left, bottom, width, height) of the image in data.
            span: (low, high, logarithmic) of the colours; that of the values unless given.
            kind: of the colours; that before unless given.
        """
        self.values, self.box = values, box
        self.scale.show_range(*(span or value_range(values, kind or self.scale.kind)), kind)
        self._paint_image()
        self.view().setRange(
            xRange=(box.left(), box.right()), yRange=(box.top(), box.bottom()), padding=0
        )
        self._place_cursor()
        if self.readout.pointer is not None:
            self._read(self.readout.pointer)

    def _paint_image(self) -> None:
        if not self.values.size:
            self.image.clear()
            return
        self.image.setColorMap(self.scale.colors)
        self.image.setImage(self.scale.scaled(self.values), levels=self.scale.ends)
        self.image.setRect(self.box)

    def show_frames(self, *boxes: QRectF) -> None:
        """Frames parts of the plane."""
        for frame in self.frames:
            self.getPlotItem().removeItem(frame)
        self.frames = []
        for rect in boxes:
            # a dark line on a light one is seen on every colour
            for color, width in (("#ffffff", 3.0), ("#000000", 1.2)):
                frame = QGraphicsRectItem(rect)
                frame.setPen(self.pen(color, width=width))
                frame.setZValue(5)
                self.getPlotItem().addItem(frame, ignoreBounds=True)
                self.frames.append(frame)

    def name_ticks(
        self, columns: Sequence[str] | None = None, rows: Sequence[str] | None = None
    ) -> None:
        """Words instead of numbers on the axes, one for each column or row."""
        for axis, words in ((self.bottom, columns), (self.left, rows)):
            if words is not None:
                # axes of words have one cell per unit, the first around 0
                axis.setTicks([[(nth, text) for nth, text in enumerate(words) if text]])

    def take_colors(self, theme: Theme) -> None:
        """Draws everything in the colours of `theme`."""
        self.restyle(theme)
        self.scale.restyle(theme)
        self.readout.restyle(theme)
        pen = QPen(self.pen(theme.text, width=2.0))
        self.cursor_box.setPen(pen)
        self._paint_image()

    def cell_at(self, x: float, y: float) -> tuple[int, int] | None:
        """The cell at a place of the data; None beside the image."""
        columns, rows = self.values.shape
        if not columns or not rows:
            return None
        column = int(np.floor((x - self.box.left()) / self.box.width() * columns))
        row = int(np.floor((y - self.box.top()) / self.box.height() * rows))
        return (column, row) if 0 <= column < columns and 0 <= row < rows else None

    def cell_box(self, column: int, row: int) -> QRectF:
        """Box of a cell, in data."""
        columns, rows = self.values.shape
        width, height = self.box.width() / columns, self.box.height() / rows
        return QRectF(
            self.box.left() + column * width, self.box.top() + row * height, width, height
        )

    def _place_cursor(self) -> None:
        columns, rows = self.values.shape
        if self.cell is not None and (self.cell[0] >= columns or self.cell[1] >= rows):
            self.cell = None
        self.cursor_box.setVisible(self.cell is not None and self.hasFocus())
        if self.cell is not None:
            self.cursor_box.setRect(self.cell_box(*self.cell))

    # what the user does

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Takes the cell under the pointer."""
        event.accept()
        pixel = event.position().toPoint()
        if event.button() is Qt.MouseButton.LeftButton and self.pickable:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            cell = self._cell_under(pixel)
            if cell is not None:
                self.picked.emit(*cell)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Reads off values."""
        self._read(event.position().toPoint())

    def leaveEvent(self, event: QEvent) -> None:
        """Ends the read-out."""
        super().leaveEvent(event)
        self.readout.hide()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrow keys choose a cell, Enter takes it."""
        key = Qt.Key(event.key())
        columns, rows = self.values.shape
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.pickable and self.cell is not None:
            self.picked.emit(*self.cell)
        elif key in _WAYS and columns and rows:
            right, up = _WAYS[key]
            column, row = self.cell or (columns // 2, rows // 2)
            self.cell = (
                max(0, min(column + right, columns - 1)), max(0, min(row + up, rows - 1)),
            )  # fmt: skip
            self._place_cursor()
            middle = self.cell_box(*self.cell).center()
            self._read(self.to_pixel(middle.x(), middle.y()))
        else:
            event.ignore()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Takes the cursor away."""
        super().focusOutEvent(event)
        self._place_cursor()

    def _cell_under(self, pixel: QPoint) -> tuple[int, int] | None:
        return self.cell_at(*self.to_data(pixel)) if self.area().contains(pixel) else None

    def _read(self, pixel: QPoint) -> None:
        cell = self._cell_under(pixel)
        if cell is None:
            self.readout.hide()
            return
        self.readout.over(pixel)
        self.readout.show(self.cell_text(*cell))
