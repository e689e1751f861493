"""The command palette: every action, found by typing a few letters of its words."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QAction, QFontMetrics, QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import (
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from maml_explorer.gui.widgets.controls import Card, label
from maml_explorer.gui.widgets.elided_label import SEPARATOR
from maml_explorer.gui.widgets.overlay import Overlay
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.gui.window.action import Entry, action_of, keys_text

ROWS = 12
_ROW_PADDING = 10
_WIDTH = 560
_BESIDE_ROW = 80
"""Pixels of the palette's width beside the words of a row, and between them."""
_EDGE, _GAP = 8, 16
"""Pixels between a row's words and its edge, and between its words and its keys, at least."""
_BESIDE = Qt.ItemDataRole.UserRole + 1
_STEPS = {
    Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: ROWS, Qt.Key.Key_PageUp: -ROWS,
}  # fmt: skip


class CommandPalette(Overlay):
    """A search field over a list of actions; Return does the one that is marked."""

    def __init__(self, window: QWidget, table: dict[str, QAction]) -> None:
        card = Card()
        super().__init__(window, card, _WIDTH)
        self._always, self._table = table, table
        self.search = _Search(self)
        self.search.textChanged.connect(self._filter)
        self.list = QListWidget()
        self.list.setAccessibleName("Actions")
        self.list.setItemDelegate(_ActionRow(self.list))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemClicked.connect(lambda _: self.perform())
        self.nothing = label("No match.", "muted")
        card.box.addWidget(self.search)
        card.box.addWidget(self.list, 1)
        card.box.addWidget(self.nothing)

    def ask(self, more: Iterable[Entry] = ()) -> None:
        """Opens with an empty search; `more` can be found too, until it is opened again."""
        for name, action in self._table.items():
            if name not in self._always:
                action.deleteLater()
        self._table = {**self._always, **{entry.name: action_of(entry, self) for entry in more}}
        self.search.clear()
        self._filter("")
        self.open(self.search)

    @property
    def found(self) -> list[str]:
        """The names of the actions that are listed."""
        role = Qt.ItemDataRole.UserRole
        return [self.list.item(nth).data(role) for nth in range(self.list.count())]

    def perform(self) -> None:
        """Does the marked action."""
        if self.list.currentRow() < 0:
            return
        action = self._table[self.found[self.list.currentRow()]]
        self.dismiss()
        # a key may be given up to the field that has the focus; what is picked here is meant
        enabled = action.isEnabled()
        action.setEnabled(True)
        action.trigger()
        action.setEnabled(enabled)

    def mark(self, rows: int) -> None:
        """Marks the action so many rows further."""
        last = self.list.count() - 1
        self.list.setCurrentRow(max(0, min(last, self.list.currentRow() + rows)))

    def fit(self) -> None:
        """Takes the width of the longest row in this type, where the window has it."""
        width = self.fontMetrics().horizontalAdvance
        rows = (width(one.text()) + width(_beside(one)) for one in self._table.values())
        self.widen(max(_WIDTH, max(rows, default=0) + _BESIDE_ROW))

    def _filter(self, text: str) -> None:
        self.list.clear()
        for name in found(self._table, text):
            action = self._table[name]
            item = QListWidgetItem(self.list)
            item.setData(Qt.ItemDataRole.UserRole, name)
            item.setText(action.text())
            item.setData(_BESIDE, _beside(action))
            if action.toolTip() != action.text():
                item.setToolTip(plain_tip(action.toolTip()))
            item.setSizeHint(QSize(0, self.fontMetrics().height() + _ROW_PADDING))
        window = self.parentWidget()
        room = 400 if window is None else window.height() - 160
        rows = ROWS * (self.fontMetrics().height() + _ROW_PADDING) + 4
        self.list.setFixedHeight(min(rows, max(room, 100)))
        self.list.setVisible(self.list.count() > 0)
        self.nothing.setVisible(self.list.count() == 0)
        self.list.setCurrentRow(0)


def _beside(action: QAction) -> str:
    """Group and keys of an action."""
    return SEPARATOR.join(part for part in (str(action.data()), keys_text(action)) if part)


def found(table: dict[str, QAction], text: str) -> list[str]:
    """Names of the actions with all words of `text`; those that begin with them come first."""
    words = text.casefold().split()

    def misses(name: str) -> tuple[int, bool, int]:
        action = table[name]
        said = action.text().casefold().split()
        starts = sum(any(part.startswith(word) for part in said) for word in words)
        first = bool(words) and action.text().casefold().startswith(words[0])
        # a preset changes the whole run: an action of the same words is meant first
        return (len(words) - starts, bool(words) and action.data() == "Presets", 0 if first else 1)

    def fits(action: QAction) -> bool:
        where = f"{action.text()} {action.data()} {keys_text(action)}".casefold()
        return all(word in where for word in words)

    return sorted((name for name, action in table.items() if fits(action)), key=misses)


def row_words(words: str, beside: str, room: int, metrics: QFontMetrics) -> tuple[str, str]:
    """Words at the left and right of a row of so many pixels: the group goes first, then letters.

    Args:
        beside: group and keys, or one of them.
    """
    width, keys = metrics.horizontalAdvance, beside.partition(SEPARATOR)[2]
    for at_right in (beside, keys):
        if width(words) + width(at_right) + _GAP <= room:
            return words, at_right
    left = room - width(keys) - _GAP
    return metrics.elidedText(words, Qt.TextElideMode.ElideRight, left), keys


class _ActionRow(QStyledItemDelegate):
    """The action's words, and at the right its group and keys."""

    def initStyleOption(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Ends words that have no room with an ellipsis."""
        super().initStyleOption(option, index)
        option.text = self._words(option, index)[0]  # type: ignore[attr-defined]

    def _words(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> tuple[str, str]:
        room = option.rect.width() - 2 * _EDGE  # type: ignore[attr-defined]
        words, metrics = index.data(Qt.ItemDataRole.DisplayRole), option.fontMetrics  # type: ignore[attr-defined]
        return row_words(words, index.data(_BESIDE), room, metrics)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Draws one row."""
        super().paint(painter, option, index)
        view: QWidget = option.widget  # type: ignore[attr-defined]
        rect: QRect = option.rect  # type: ignore[attr-defined]
        painter.setPen(view.palette().color(QPalette.ColorRole.PlaceholderText))
        painter.drawText(
            rect.adjusted(0, 0, -_EDGE, 0),
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
            self._words(option, index)[1],
        )


class _Search(QLineEdit):
    """Types, and moves the mark with the arrow keys."""

    def __init__(self, palette: CommandPalette) -> None:
        super().__init__()
        self._palette = palette
        self.setPlaceholderText("Find an action…")
        self.setAccessibleName("Find an action")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in _STEPS:
            self._palette.mark(_STEPS[Qt.Key(event.key())])
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._palette.perform()
        elif event.key() == Qt.Key.Key_Escape:
            self._palette.dismiss()
        else:
            super().keyPressEvent(event)
