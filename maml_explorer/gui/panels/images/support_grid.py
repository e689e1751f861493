"""The support set as a grid: a block of columns for each class, its letter on top."""

from __future__ import annotations

import math

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen

from maml_explorer.gui.panels.images.board import Board
from maml_explorer.gui.panels.images.inked import class_color, draw_badge, inked
from maml_explorer.gui.session.image_edits import class_name
from maml_explorer.gui.session.session import Session

GAP = 4
LARGEST = 200
"""Pixels of an image at most."""
_BLOCKS_APART = 10
"""Pixels between the images of two classes, where these stand in several columns."""


class SupportGrid(Board):
    """Images of each class side by side; one that is dragged to another class is of that one.

    A class has as many columns as make the images largest.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.setAccessibleName("Support images")
        self.setAccessibleDescription(
            "A column for each class. Arrows choose an image, Delete removes it, a letter moves it "
            "to that class; dragging it there does too."
        )

    def sizeHint(self) -> QSize:
        """A few images wide."""
        return QSize(150, 240)

    def places(self) -> range:
        """The support set."""
        return range(0 if self.task is None else len(self.task.support))

    @property
    def head(self) -> int:
        """Pixels above the images, for the letters."""
        return self.fontMetrics().height() + 10

    def grid(self) -> tuple[int, int]:
        """(pixels from one image to the next, columns of a class)."""
        longest = max((len(images) for images in self._classes()), default=0)
        cells = {n: self._cell(n, longest) for n in range(1, max(longest, 1) + 1)}
        columns = max(cells, key=lambda n: cells[n])
        return cells[columns], columns

    def _cell(self, columns: int, longest: int) -> int:
        """Pixels from one image to the next where every class has so many columns."""
        ways = max(self.ways, 1)
        wide = (self.width() - (ways - 1) * _apart(columns)) / (ways * columns)
        high = (self.height() - self.head) / max(math.ceil(longest / columns), 1)
        return max(10, int(min(wide, high, LARGEST + GAP)))

    def block(self) -> int:
        """Pixels from the images of one class to those of the next."""
        cell, columns = self.grid()
        return cell * columns + _apart(columns)

    def class_at(self, at: QPoint) -> int | None:
        """The class whose images are there."""
        label = at.x() // self.block()
        return label if 0 <= label < self.ways else None

    def _classes(self) -> list[list[int]]:
        classes: list[list[int]] = [[] for _ in range(self.ways)]
        for place in self.places():
            label = self.label_of(place)
            if label is not None and label < len(classes):
                classes[label].append(place)
        return classes

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the grid."""
        theme, report = self.session.theme, self.report
        painter = QPainter(self)
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
        )
        self.cells = {}
        (cell, columns), block = self.grid(), self.block()
        for label, places in enumerate(self._classes()):
            x, width = label * block, columns * cell - GAP
            wide = min(width, max(28, self.head))
            badge = QRectF(x + (width - wide) / 2 + 1, 2, wide, self.head - 8)
            draw_badge(painter, badge, class_name(label), label, theme)
            for nth, place in enumerate(places):
                row, column = divmod(nth, columns)
                at = QRectF(x + 1 + column * cell, self.head + row * cell, cell - GAP, cell - GAP)
                self.cells[place] = at
                if report is not None:
                    painter.drawImage(at, inked(report.images[place], theme))
                edge = class_color(label, theme)
                edge.setAlphaF(0.6)
                pen = QPen(edge, 1)
                if place == self.chosen:
                    pen = QPen(QColor(theme.accent), 2.4 if self.hasFocus() else 1.6)
                painter.setPen(pen)
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(at, 3, 3)
            if not places:
                painter.setPen(QPen(QColor(theme.border), 1, Qt.PenStyle.DashLine))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(QRectF(x + 1, self.head, cell - GAP, cell - GAP), 3, 3)
        painter.end()


def _apart(columns: int) -> int:
    """Pixels between the images of two classes, beyond those between two images."""
    return _BLOCKS_APART if columns > 1 else 0
