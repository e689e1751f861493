"""Table of runs: this one, and the pinned ones below it."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem
from maml_explorer.gui.widgets.plain_tip import plain_tip

_DIFFERS = 120
"""Pixels of the column of differences, at least."""
_DIFFERENCES = 2
"""Its place; those of the arms follow."""
_BESIDE = 10
"""Pixels beside the words of a cell."""
_ROLE = Qt.ItemDataRole.UserRole
Cell = tuple[str | tuple[str, ...], float | str]
"""(text, or wordings of it with the longest first; what it sorts by)."""


class RunTable(QTableWidget):
    """Sorts by any column; the last data role of a row's items is its place among the pinned."""

    drawn_changed = Signal(int, bool)
    """The nth pinned run is to be drawn among the losses, or no longer."""
    delete_pressed = Signal()
    menu_asked = Signal(QPoint)
    """The pixel of the screen where the menu is to open."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Runs")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.verticalHeader().hide()
        self.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setMinimumSectionSize(40)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._open_menu)
        self.horizontalHeader().sortIndicatorChanged.connect(lambda *_: self._fit())
        self.itemChanged.connect(self._checked)

    def fill(
        self,
        columns: list[str],
        rows: list[list[Cell]],
        drawn: list[bool | None],
    ) -> None:
        """Shows rows of cells; the first is the run that is there.

        `drawn` says which are drawn among the losses; None where that is no choice.
        """
        self.setSortingEnabled(False)
        self.blockSignals(True)
        self.clearContents()
        self.setRowCount(len(rows))
        self.setColumnCount(len(columns))
        self.setHorizontalHeaderLabels(columns)
        for nth, cells in enumerate(rows):
            for column, (words, key) in enumerate(cells):
                wordings = (words,) if isinstance(words, str) else words
                text = wordings[0]
                item = _SortedCell(text)
                item.setData(_ROLE + 2, wordings)
                item.setData(_ROLE, nth - 1)
                item.setData(_ROLE + 1, key)
                item.setToolTip(plain_tip(text))
                checked = drawn[nth]
                if column == 0 and checked is not None:
                    state = Qt.CheckState.Checked if checked else Qt.CheckState.Unchecked
                    item.setCheckState(state)
                    item.setToolTip(plain_tip(f"{text}: draw it among the losses"))
                elif column == 0 and nth:
                    item.setToolTip(plain_tip(f"{text}: it has no losses on tasks of this family"))
                self.setItem(nth, column, item)
        self.blockSignals(False)
        self._fit()
        self.setSortingEnabled(True)

    def _fit(self) -> None:
        """Gives what differs the room that is left, and enough to be read.

        Where there is not that much, a figure, its difference and its step stand one below the
        other.
        """
        header, columns = self.horizontalHeader(), range(self.columnCount())
        if not columns:
            return
        self.setWordWrap(False)  # else hints follow the widths there are
        heads = self._head_widths()
        widths = [max(self.sizeHintForColumn(n), heads[n]) for n in columns]
        room, lines, least = self.viewport().width(), 1, _DIFFERS
        if _others(widths) + least > room:
            lines, least = 2, heads[_DIFFERENCES]
            for n in columns[_DIFFERENCES + 1 :]:
                widths[n] = max(heads[n], self._broken_width(n))
                lines = max([lines, *(text.count(" ") + 1 for text in self._texts(n))])
        widths[_DIFFERENCES] = max(least, room - _others(widths))
        for n in columns:
            header.resizeSection(n, widths[n])
        self.setWordWrap(lines > 1)
        self.verticalHeader().setDefaultSectionSize(lines * self.fontMetrics().height() + 10)
        self._word_differences(widths[_DIFFERENCES] - _BESIDE, lines)

    def _word_differences(self, width: int, lines: int) -> None:
        """Says what differs as fully as so many lines of this width allow."""
        metrics, flag = self.fontMetrics(), int(Qt.TextFlag.TextWordWrap)
        room = QRect(0, 0, width, 1)
        for at in range(self.rowCount()):
            item = self.item(at, _DIFFERENCES)
            if item is not None:
                wordings = item.data(_ROLE + 2)
                fits = (
                    words
                    for words in wordings
                    if metrics.boundingRect(room, flag, words).width() <= width
                    and metrics.boundingRect(room, flag, words).height() <= lines * metrics.height()
                )
                item.setText(next(fits, wordings[-1]))

    def _head_widths(self) -> list[int]:
        """Pixels of the columns' names; that which sorts has an arrow beside its name."""
        header = self.horizontalHeader()
        header.setSortIndicatorShown(False)  # shown, it has room in every column
        widths = [header.sectionSizeHint(n) for n in range(self.columnCount())]
        header.setSortIndicatorShown(True)
        sorting = header.sortIndicatorSection()
        if 0 <= sorting < len(widths):
            widths[sorting] = header.sectionSizeHint(sorting)
        return widths

    def _texts(self, column: int) -> list[str]:
        cells = (self.item(at, column) for at in range(self.rowCount()))
        return [cell.text() for cell in cells if cell is not None]

    def _broken_width(self, column: int) -> int:
        """Pixels of a column whose texts go on in a second line after a space."""
        texts = self._texts(column)
        measure = self.fontMetrics().horizontalAdvance
        beside = self.sizeHintForColumn(column) - max(map(measure, texts), default=0)
        beside += 4  # a broken text needs a little more than its parts
        return beside + max((measure(part) for text in texts for part in text.split(" ")), default=0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fits again."""
        super().resizeEvent(event)
        self._fit()

    @property
    def chosen(self) -> int:
        """The place of the selected row among the pinned runs; −1 for the run that is there."""
        items = self.selectedItems()
        return int(items[0].data(_ROLE)) if items else -1

    def choose(self, nth: int) -> None:
        """Selects the row of the nth pinned run."""
        for at in range(self.rowCount()):
            item = self.item(at, 0)
            if item is not None and item.data(_ROLE) == nth:
                self.selectRow(at)

    def _checked(self, item: QTableWidgetItem) -> None:
        if item.column() == 0 and item.data(_ROLE) >= 0:
            on = item.checkState() is Qt.CheckState.Checked
            self.drawn_changed.emit(item.data(_ROLE), on)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete asks for the chosen run to be deleted."""
        if event.key() == Qt.Key.Key_Delete:
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)

    def _open_menu(self, at: QPoint) -> None:
        self.menu_asked.emit(self.viewport().mapToGlobal(at))


def _others(widths: list[int]) -> int:
    """Pixels of all columns but that of the differences."""
    return sum(width for n, width in enumerate(widths) if n != _DIFFERENCES)


class _SortedCell(QTableWidgetItem):
    """Sorts by its key, not by its text."""

    def __lt__(self, other: QTableWidgetItem) -> bool:
        one, two = self.data(_ROLE + 1), other.data(_ROLE + 1)
        return bool(one < two) if type(one) is type(two) else str(one) < str(two)
