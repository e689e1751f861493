"""A small table of figures that stands beside a plot."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
)

from maml_explorer.gui.widgets.plain_tip import plain_tip

MOST_WIDTH = 340
"""Pixels that the table may ask for at most in usual type; a narrower place scrolls it."""
_HEIGHT = 14
"""Pixels of a line in usual type."""
_LEAST = 36
"""Pixels of the narrowest column."""


class FigureTable(QTableWidget):
    """Words in the first column, figures in the others; one row can be chosen.

    Args:
        name: accessible name.
        columns: header of each column.
        tips: what each column means.
    """

    def __init__(self, name: str, columns: Sequence[str], tips: Sequence[str] = ()) -> None:
        super().__init__(0, len(columns))
        self.setAccessibleName(name)
        self.setHorizontalHeaderLabels(list(columns))
        for nth, tip in enumerate(tips):
            item = self.horizontalHeaderItem(nth)
            if item is not None:
                item.setToolTip(plain_tip(tip))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.setCornerButtonEnabled(False)
        if (corner := self.findChild(QAbstractButton)) is not None:
            corner.setAccessibleName("Select all")
        self.setFrameShape(self.Shape.NoFrame)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(_LEAST)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        first = self.horizontalHeaderItem(0)
        if first is not None:
            first.setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)

    def fill(self, rows: Sequence[Sequence[str]]) -> None:
        """Shows these cells; the chosen row stays chosen by its place."""
        chosen = self.chosen
        self.blockSignals(True)
        self.setRowCount(len(rows))
        for at, cells in enumerate(rows):
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                if column:
                    item.setTextAlignment(right)
                self.setItem(at, column, item)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 10)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        needed = header.length() + 4
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)
        self._widen()
        if chosen is not None and chosen < len(rows):
            self.selectRow(chosen)
        self.blockSignals(False)
        most = round(MOST_WIDTH * max(self.fontMetrics().height() / _HEIGHT, 1.0))
        self.setMinimumWidth(min(most, needed))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Gives the words what the figures leave."""
        super().resizeEvent(event)
        self._widen()

    def _widen(self) -> None:
        """Gives the words what the figures leave, and no less than they need.

        A place that is too narrow scrolls: cut words would all look alike.
        """
        header = self.horizontalHeader()
        left = self.viewport().width() - sum(
            header.sectionSize(nth) for nth in range(1, self.columnCount())
        )
        wanted = max(self.sizeHintForColumn(0), left)
        if self.rowCount() and wanted != header.sectionSize(0):
            header.resizeSection(0, wanted)

    @property
    def chosen(self) -> int | None:
        """The row that is selected."""
        rows = self.selectionModel().selectedRows()
        return rows[0].row() if rows else None
