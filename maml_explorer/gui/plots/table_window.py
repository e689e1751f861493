"""The numbers behind a plot in a window: to look at, to read aloud, to copy."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QAbstractTableModel, QEvent, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QTableView, QVBoxLayout, QWidget

from maml_explorer.gui.plots.table import Table
from maml_explorer.gui.style.numbers import MISSING, number, whole
from maml_explorer.gui.widgets.controls import button, label, row
from maml_explorer.settings.words import counted

_Index = QModelIndex | QPersistentModelIndex
_ROLE = Qt.ItemDataRole
_LEAST_WIDE, _HIGH, _BESIDE = 640, 420, 48
"""Pixels of the window: width at least, height, and width beside the columns."""


class TableModel(QAbstractTableModel):
    """Rows that do not change; numbers are written as everywhere in the window."""

    def __init__(self, table: Table, digits: int = 5) -> None:
        super().__init__()
        self._digits = digits
        self.header = list(table[0])
        self.rows: list[Sequence[object]] = list(table[1])

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """Number of rows."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """Number of columns."""
        return 0 if parent.isValid() else len(self.header)

    def data(self, index: _Index, role: int = _ROLE.DisplayRole) -> object:
        """A cell's text and how it is aligned."""
        value = self.rows[index.row()][index.column()]
        if role == _ROLE.DisplayRole:
            return _shown(value, self._digits)
        if role == _ROLE.TextAlignmentRole and not isinstance(value, str):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(
        self, section: int, way: Qt.Orientation, role: int = _ROLE.DisplayRole
    ) -> object:
        """A column's name, a row's number."""
        if role != _ROLE.DisplayRole:
            return None
        return self.header[section] if way is Qt.Orientation.Horizontal else section + 1


class TableView(QTableView):
    """A table whose selection Ctrl+C copies, with the columns' names, as spreadsheets take it."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copies, or moves as tables do."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

    def copy(self) -> None:
        """Puts the selected cells, or all where none is, on the clipboard with all digits."""
        model = self.model()
        assert isinstance(model, TableModel)
        chosen = self.selectionModel().selectedIndexes()
        rows = sorted({index.row() for index in chosen}) or range(len(model.rows))
        columns = sorted({index.column() for index in chosen}) or range(len(model.header))
        lines = [[model.header[column] for column in columns]]
        lines += [[_exact(model.rows[row][column]) for column in columns] for row in rows]
        QGuiApplication.clipboard().setText("\n".join("\t".join(line) for line in lines))


class TableWindow(QWidget):
    """A title, the table, "Copy".

    Args:
        words: what the table is of; empty for how many rows there are.
        digits: significant digits that are shown; "Copy" copies all.
    """

    def __init__(
        self, name: str, table: Table, parent: QWidget, words: str = "", digits: int = 5
    ) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"{name}: numbers")
        self.setProperty("role", "ground")
        model = TableModel(table, digits)
        self.view = TableView()
        self.view.setAccessibleName(f"{name}, as a table")
        self.view.setModel(model)
        model.setParent(self.view)
        if (corner := self.view.findChild(QAbstractButton)) is not None:
            corner.setAccessibleName("Select all")
        self.copy = button("Copy", self.view.copy, "Copy the selected cells, or all (Ctrl+C)")
        close = button("Close", self.close, "Close this window (Esc)")
        opened = f"{counted(len(model.rows), 'row', whole)}, as of when this window opened"
        self.words = label(words or opened, "muted")
        self.words.setWordWrap(True)
        head = row()
        head.addWidget(self.words, 1)
        head.addWidget(self.copy)
        head.addWidget(close)
        box = QVBoxLayout(self)
        box.addLayout(head)
        box.addWidget(self.view, 1)
        self.ensurePolished()
        self._fit_cells()
        most = 0.95 * parent.screen().availableGeometry().width()
        self.resize(round(min(max(_LEAST_WIDE, self._wide()), most)), _HIGH)
        self.view.setFocus()

    def changeEvent(self, event: QEvent) -> None:
        """Keeps cells as large as their words in another type."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.StyleChange and hasattr(self, "view"):
            self._fit_cells()

    def _fit_cells(self) -> None:
        self.view.ensurePolished()
        self.view.verticalHeader().setDefaultSectionSize(self.view.fontMetrics().height() + 6)
        self.view.resizeColumnsToContents()

    def _wide(self) -> int:
        """Pixels in which all columns are seen."""
        head = self.view.horizontalHeader().length() + self.view.verticalHeader().sizeHint().width()
        return head + _BESIDE

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)


def _shown(value: object, digits: int) -> str:
    if isinstance(value, int):
        return whole(value)
    if isinstance(value, float):
        return whole(value) if value.is_integer() and abs(value) < 1e12 else number(value, digits)
    return MISSING if value is None else str(value)


def _exact(value: object) -> str:
    missing = value is None or (isinstance(value, float) and not math.isfinite(value))
    return "" if missing else str(value)
