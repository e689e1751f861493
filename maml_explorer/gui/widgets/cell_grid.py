"""Small pictures in rows and columns; a click on one shows it large."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QAbstractButton, QGridLayout, QSizePolicy

from maml_explorer.gui.style.qt_style import base_font
from maml_explorer.gui.style.theme import Theme

Cell = TypeVar("Cell", bound=QAbstractButton)
SPACING = 4
"""Pixels between two cells."""


class CellGrid(Generic[Cell]):
    """Grid of cells, as many as were asked for last.

    Args:
        make: a new cell.
        clicked: called with the cell that was clicked.
    """

    def __init__(self, make: Callable[[], Cell], clicked: Callable[[Cell], None]) -> None:
        self._make, self._clicked = make, clicked
        self.layout = QGridLayout()
        self.layout.setSpacing(SPACING)
        self.cells: list[Cell] = []
        self._columns = 0

    def fit(self, count: int, columns: int) -> bool:
        """True where it had another number of cells or columns, and has these now."""
        if (count, columns) == (len(self.cells), self._columns):
            return False
        while len(self.cells) > count:
            self.cells.pop().deleteLater()
        while len(self.cells) < count:
            cell = self._make()
            _dress(cell)
            cell.clicked.connect(lambda _=False, cell=cell: self._clicked(cell))
            self.cells.append(cell)
        self._columns = columns
        for nth, cell in enumerate(self.cells):
            self.layout.addWidget(cell, nth // columns, nth % columns)
        return True


def _dress(cell: QAbstractButton) -> None:
    cell.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    cell.setAttribute(Qt.WidgetAttribute.WA_Hover)
    cell.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
    cell.setToolTip("Show this task above")
    cell.setFont(base_font())


def paint_ground(painter: QPainter, cell: QAbstractButton, theme: Theme) -> None:
    """Fills the cell, with a frame where the mouse or the keyboard is on it."""
    painter.fillRect(cell.rect(), QColor(theme.card))
    if cell.underMouse() or cell.hasFocus():
        painter.setPen(QPen(QColor(theme.accent if cell.hasFocus() else theme.border), 1))
        painter.drawRoundedRect(QRectF(cell.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
