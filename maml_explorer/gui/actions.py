"""Everything that has a shortcut, named once: for the keys, the menus and the list of them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)

from maml_explorer.gui.session import Session

SPACE_USERS = (QAbstractButton, QLineEdit, QComboBox, QPlainTextEdit)
"""Widgets that need Space themselves while they have the focus."""


class Actions(QObject):
    """The actions of the window, name → action."""

    def __init__(
        self, window: QWidget, session: Session, quit_window: Callable[[], object]
    ) -> None:
        super().__init__(window)
        self.table: dict[str, QAction] = {}
        table: tuple[tuple[str, str, list[str], Callable[[], object]], ...] = (
            ("train", "Train or pause", ["Space"], session.toggle),
            ("outer_step", "Outer step", ["N"], session.outer_step),
            ("inner_step", "Inner step", ["Shift+N"], session.inner_step),
            ("new_task", "New task", ["T"], session.new_task),
            ("new_points", "New points", ["P"], session.new_points),
            ("undo", "Undo the setting change", ["Ctrl+Z"], session.undo_stack.undo),
            (
                "redo",
                "Redo the setting change",
                ["Ctrl+Shift+Z", "Ctrl+Y"],
                session.undo_stack.redo,
            ),
            ("quit", "Quit", ["Ctrl+Q"], quit_window),
        )
        for name, text, keys, do in table:
            action = QAction(text, self)
            action.setShortcuts([QKeySequence(key) for key in keys])
            action.triggered.connect(_without_arguments(do))
            window.addAction(action)
            self.table[name] = action
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._give_space)

    def _give_space(self, _: QWidget | None, focused: QWidget | None) -> None:
        self.table["train"].setEnabled(not isinstance(focused, SPACE_USERS))


def _without_arguments(do: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        do()

    return run
