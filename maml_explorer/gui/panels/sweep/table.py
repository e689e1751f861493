"""Table of the runs of a sweep: a model, so that ten thousand rows are listed at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    Qt,
    Signal,
)
from PySide6.QtWidgets import QAbstractItemView, QTableView

from maml_explorer.gui.panels.sweep.point_words import short_name, value_words
from maml_explorer.gui.style.numbers import MISSING, number, whole
from maml_explorer.storage.report.sweep_table import SweepAxis, SweepRow

_NOWHERE = QModelIndex()
_TEXT = Qt.ItemDataRole.DisplayRole
_LOOKED_AT = 20
"""Rows that the widths of the columns go by: all of ten thousand would take a while."""


class SweepRows(QAbstractTableModel):
    """Rows of runs; texts are made when they are drawn."""

    moving, moved = Signal(), Signal()
    """Rows are about to change places, and have done so."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[SweepRow] = []
        self.axes: tuple[SweepAxis, ...] = ()
        self.objective = ""
        self._order: tuple[int, Qt.SortOrder] | None = None

    @property
    def columns(self) -> list[str]:
        """Words of the header."""
        return ["Run", *(short_name(axis) for axis in self.axes), "Seed", "State", self.objective,
                "Steps", "Seconds"]  # fmt: skip

    def put(self, axes: Sequence[SweepAxis], objective: str, rows: Sequence[SweepRow]) -> None:
        """Lists these rows, in the order that was chosen before."""
        if (tuple(axes), objective, len(rows)) != (self.axes, self.objective, len(self.rows)):
            self.beginResetModel()
            self.axes, self.objective, self.rows = tuple(axes), objective, list(rows)
            self._sort()
            self.endResetModel()
            return
        if self._order is None and all(
            new.name == old.name for new, old in zip(rows, self.rows, strict=True)
        ):
            self.rows = list(rows)
            self.dataChanged.emit(
                self.index(0, 0), self.index(len(rows) - 1, len(self.columns) - 1)
            )
            return
        self.moving.emit()
        self.layoutAboutToBeChanged.emit()
        kept = self._kept()
        self.rows = list(rows)
        self._sort()
        self._restore(kept)
        self.layoutChanged.emit()
        self.moved.emit()

    def rowCount(self, parent: Any = _NOWHERE) -> int:
        """Number of runs."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Any = _NOWHERE) -> int:
        """Number of columns."""
        return 0 if parent.isValid() else len(self.columns)

    def headerData(self, section: int, way: Qt.Orientation, role: int = _TEXT) -> Any:
        """Words of the header; the whole name of an axis is its tooltip."""
        if way is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.ToolTipRole and 0 < section <= len(self.axes):
            return self.axes[section - 1].label
        return self.columns[section] if role == _TEXT else None

    def data(self, index: Any, role: int = _TEXT) -> Any:
        """Text of a cell."""
        if role != _TEXT or not index.isValid():
            return None
        return self._cell(self.rows[index.row()], index.column())

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sorts by a column; runs without a figure come last."""
        self.moving.emit()
        self.layoutAboutToBeChanged.emit()
        kept = self._kept()
        self._order = (column, order) if column >= 0 else None
        self._sort()
        self._restore(kept)
        self.layoutChanged.emit()
        self.moved.emit()

    def _kept(self) -> list[tuple[QModelIndex, str]]:
        return [(at, self.rows[at.row()].name) for at in self.persistentIndexList()]

    def _restore(self, kept: list[tuple[QModelIndex, str]]) -> None:
        if not kept:
            return
        places = {row.name: nth for nth, row in enumerate(self.rows)}
        # all at once: one after the other, an index would be taken for another that has moved
        self.changePersistentIndexList(
            [at for at, _ in kept],
            [
                self.index(places[name], at.column()) if name in places else QModelIndex()
                for at, name in kept
            ],
        )

    def _sort(self) -> None:
        if self._order is None:
            return
        column, order = self._order
        down = order is Qt.SortOrder.DescendingOrder
        keys = [self._key(row, column) for row in self.rows]
        known = [nth for nth, key in enumerate(keys) if key is not None]
        known.sort(key=lambda nth: keys[nth], reverse=down)  # type: ignore[arg-type, return-value]
        missing = [nth for nth, key in enumerate(keys) if key is None]
        self.rows = [self.rows[nth] for nth in [*known, *missing]]

    def _key(self, row: SweepRow, column: int) -> tuple[int, Any] | None:
        if column == len(self.axes) + 3:
            value: Any = row.objective
        else:
            value = self._values(row)[column]
        if value is None:
            return None
        return (0, value) if isinstance(value, int | float) else (1, str(value))

    def _values(self, row: SweepRow) -> tuple[Any, ...]:
        point = dict(row.point)
        steps = row.outer_step or None
        return (row.name, *(point.get(axis.key) for axis in self.axes), row.seed, row.state.value,
                row.objective, steps, row.seconds)  # fmt: skip

    def _cell(self, row: SweepRow, column: int) -> str:
        value = self._values(row)[column]
        last = len(self.axes) + 3
        if column == last and row.diverged:
            return "diverged"
        if value is None:
            return MISSING
        if column == last or column == last + 2:
            return number(value, fixed=column == last)
        if column == last + 1:
            return whole(value)
        return value_words(value) if 0 < column <= len(self.axes) else str(value)


class SweepTable(QTableView):
    """The runs; several can be chosen."""

    chosen_changed = Signal(tuple)
    """Names of the chosen runs, in the order of the table."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = SweepRows()
        self.setModel(self.runs)
        self.setAccessibleName("Runs of the sweep")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 10)
        self.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.horizontalHeader().setResizeContentsPrecision(_LOOKED_AT)
        self.runs.modelReset.connect(self.resizeColumnsToContents)
        self.setSortingEnabled(True)
        self.selectionModel().selectionChanged.connect(self._tell)
        self._held: tuple[str, ...] = ()
        self.runs.moving.connect(self._hold)
        self.runs.moved.connect(self._take_back)

    @property
    def chosen(self) -> tuple[str, ...]:
        """Names of the chosen runs, in the order of the table."""
        # of ranges, since thousands of rows may be chosen, and Qt looks at each pair of them
        ranges: Any = self.selectionModel().selection()
        rows = sorted({row for one in ranges for row in range(one.top(), one.bottom() + 1)})
        return tuple(self.runs.rows[row].name for row in rows)

    def choose(self, names: Sequence[str]) -> None:
        """Chooses these runs and no others."""
        self._select(names)
        self._tell()

    def _hold(self) -> None:
        """Holds the choice by names: Qt would move each of its cells on its own."""
        self._held = self.chosen
        self._select(())

    def _take_back(self) -> None:
        self._select(self._held)

    def _select(self, names: Sequence[str]) -> None:
        """Marks these rows and tells nobody."""
        wanted, model, last = set(names), self.selectionModel(), self.runs.columnCount() - 1
        places = [nth for nth, row in enumerate(self.runs.rows) if row.name in wanted]
        selection = QItemSelection()
        for first, end in _stretches(places) if names else ():
            selection.select(self.runs.index(first, 0), self.runs.index(end, last))
        model.blockSignals(True)
        model.select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        model.blockSignals(False)
        self.viewport().update()

    def _tell(self) -> None:
        self.chosen_changed.emit(self.chosen)


def _stretches(places: Sequence[int]) -> list[tuple[int, int]]:
    """(first, last) of the stretches of neighbours in a sorted list."""
    found: list[tuple[int, int]] = []
    for at in places:
        if found and found[-1][1] == at - 1:
            found[-1] = found[-1][0], at
        else:
            found.append((at, at))
    return found
