"""Every action, declared once: for keys, menus, the command palette and the list."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)

TYPED_INTO = (QLineEdit, QPlainTextEdit)
"""Widgets that need Space themselves while they have the focus."""
PRESSED = (QAbstractButton, QComboBox, QAbstractItemView)
"""Widgets that need Space where the keyboard brought the focus, not where a click did."""


@dataclass(frozen=True)
class Entry:
    """One thing to do."""

    group: str
    name: str
    text: str
    """Text in menus and in the palette."""
    do: Callable[[], object]
    keys: tuple[str, ...] = ()


class Actions(QObject):
    """The actions of the window, name → action. An action's data is its group."""

    def __init__(self, window: QWidget, entries: Iterable[Entry]) -> None:
        super().__init__(window)
        self.table: dict[str, QAction] = {}
        self._clicked: QWidget | None = None
        """The widget that has the focus from a click."""
        for entry in entries:
            action = action_of(entry, self)
            window.addAction(action)
            self.table[entry.name] = action
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._give_space)

    def _give_space(self, _: QWidget | None, focused: QWidget | None) -> None:
        """Leaves Space to what is typed into, and to what the keyboard went to."""
        if focused is not None and focused.window().windowType() is Qt.WindowType.Popup:
            return  # an open list takes all keys, and gives the focus back where it was
        if QApplication.mouseButtons():
            self._clicked = focused
        elif focused is not self._clicked:
            self._clicked = None
        pressed = isinstance(focused, PRESSED) and focused is not self._clicked
        self.table["train"].setEnabled(not (pressed or isinstance(focused, TYPED_INTO)))


def action_of(entry: Entry, parent: QObject) -> QAction:
    """The action of an entry; its data is the group."""
    action = QAction(entry.text, parent)
    action.setObjectName(entry.name)
    action.setData(entry.group)
    action.setShortcuts([QKeySequence(key) for key in entry.keys])
    action.triggered.connect(_without_arguments(entry.do))
    return action


def grouped(table: dict[str, QAction]) -> dict[str, list[QAction]]:
    """Group → its actions, in the order of the table."""
    groups: dict[str, list[QAction]] = {}
    for action in table.values():
        groups.setdefault(str(action.data()), []).append(action)
    return groups


def keys_text(action: QAction) -> str:
    """The keys of an action as people read them: "Ctrl+Shift+Z or Ctrl+Y"."""
    native = QKeySequence.SequenceFormat.NativeText
    return " or ".join(shortcut.toString(native) for shortcut in action.shortcuts())


def _without_arguments(do: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        do()

    return run
