"""The support set as a grid: a column for each class, its letter on top."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen

from maml_explorer.gui.panels.images.board import Board
from maml_explorer.gui.panels.images.inked import class_color, draw_badge, inked
from maml_explorer.gui.session.image_edits import class_name
from maml_explorer.gui.session.session import Session

HEAD, GAP = 26, 4
LARGEST = 64
"""Pixels of an image at most."""


class SupportGrid(Board):
    """Images of each class in a column; one that is dragged to another column changes class."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.setAccessibleName("Support images")
        self.setAccessibleDescription(
            "A column for each class. Arrows choose an image, Delete removes it, a letter moves it "
            "to that class; dragging it to another column does too."
        )

    def sizeHint(self) -> QSize:
        """A few images wide."""
        return QSize(150, 240)

    def places(self) -> range:
        """The support set."""
        return range(0 if self.task is None else len(self.task.support))

    @property
    def cell(self) -> int:
        """Pixels from one image to the next."""
        longest = max((len(column) for column in self._columns()), default=1)
        wide = (self.width() - GAP) / max(self.ways, 1)
        high = (self.height() - HEAD - GAP) / max(longest, 1)
        return max(10, int(min(wide, high, LARGEST + GAP)))

    def class_at(self, at: QPoint) -> int | None:
        """The class of the column there."""
        column = at.x() // self.cell
        return column if 0 <= column < self.ways else None

    def _columns(self) -> list[list[int]]:
        columns: list[list[int]] = [[] for _ in range(self.ways)]
        for place in self.places():
            label = self.label_of(place)
            if label is not None and label < len(columns):
                columns[label].append(place)
        return columns

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the grid."""
        theme, report = self.session.theme, self.report
        painter = QPainter(self)
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
        )
        self.cells = {}
        cell = self.cell
        for label, column in enumerate(self._columns()):
            x = label * cell
            width = min(cell - GAP, 28)
            badge = QRectF(x + (cell - GAP - width) / 2 + 1, 2, width, HEAD - 8)
            draw_badge(painter, badge, class_name(label), label, theme)
            for row, place in enumerate(column):
                at = QRectF(x + 1, HEAD + row * cell, cell - GAP, cell - GAP)
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
            if not column:
                painter.setPen(QPen(QColor(theme.border), 1, Qt.PenStyle.DashLine))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(QRectF(x + 1, HEAD, cell - GAP, cell - GAP), 3, 3)
        painter.end()
