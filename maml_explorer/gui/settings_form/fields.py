"""The field of one setting: text, choice or switch, as its kind asks."""

from __future__ import annotations

import re

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QStandardItemModel,
)
from PySide6.QtWidgets import QStyle, QStyleOptionFrame, QWidget

from maml_explorer.core.families.own_tasks.opened import newest_tasks
from maml_explorer.gui.style.numbers import whole
from maml_explorer.gui.widgets.controls import ComboBox, Switch, mark
from maml_explorer.gui.widgets.number_line import NumberLine
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.settings.declaration import Hyperparameter, SettingsError, Value, shown
from maml_explorer.settings.families import FAMILIES

HOW_OWN_TASKS = "The command line brings them in: maml-explorer gui --own-tasks NAME."
"""The way for tasks of the user's own into a window that has none registered."""
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+(e[+-]?[0-9]+)?", re.IGNORECASE)


class Field(QObject):
    """Field in which the user types or picks one setting. `widget` stands in the form."""

    entered = Signal(object)
    """A value in the setting's own type."""
    rejected = Signal(str)
    """A sentence: why what was typed is no value. Empty when typing was given up."""

    nudged = Signal(int)
    """Up (1) or down (−1) was pressed in a number."""

    widget: QWidget

    def show_value(self, value: Value) -> None:
        """Shows `value`, unless it is being typed over."""
        raise NotImplementedError

    def drop_typing(self) -> None:
        """Shows the value in the place of what was typed and is none."""

    def show_invalid(self, invalid: bool) -> None:
        """Shows whether what is typed is no value."""


class TextField(Field):
    """A number, or layer sizes, typed."""

    def __init__(self, declaration: Hyperparameter) -> None:
        super().__init__()
        self._declaration = declaration
        self._value: Value = declaration.default
        self._text = ""
        self.edit = _Line()
        self.edit.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.edit.editingFinished.connect(self._finish)
        self.edit.returnPressed.connect(self._take_return)
        self.edit.given_up.connect(self._give_up)
        self.edit.nudged.connect(self.nudged)
        self.widget = self.edit

    def show_value(self, value: Value) -> None:
        """Shows `value`; typing that is not finished stays."""
        typing = self.edit.hasFocus() and self.edit.text() != self._text
        if value == self._value and self._text and (typing or self.edit.text() == self._text):
            return
        self._value = value
        self._text = written(self._declaration, value)
        self.edit.setText(self._text)
        self.edit.setCursorPosition(0)

    def show_invalid(self, invalid: bool) -> None:
        """Draws the border in the colour of errors."""
        if bool(self.edit.property("invalid")) != invalid:
            mark(self.edit, invalid=invalid)

    @property
    def _refused(self) -> bool:
        return bool(self.edit.property("invalid"))

    def _take_return(self) -> None:
        """Leaves the field once a value was entered: Space trains again, and Ctrl+Z undoes.

        What was refused stays, selected: the next value takes its place.
        """
        self._finish()
        if self._refused:
            self.edit.selectAll()
        else:
            self.edit.clearFocus()

    def _finish(self) -> None:
        text = self.edit.text()
        if text == self._text:
            if self._refused:  # and was typed over with the value there is
                self.rejected.emit("")
            return
        declaration = self._declaration
        if declaration.kind == "float" and _DECIMAL_COMMA.fullmatch(text.strip()):
            text = text.replace(",", ".")  # one number is wanted, so the comma means one thing
        try:
            value = declaration.parse(text)
        except SettingsError:
            a_number = "a number " if declaration.kind == "float" else ""
            self.rejected.emit(f"Enter {a_number}{declaration.allowed}.")
            return
        # rewritten even where the value is the same: "0.010" becomes "0.01"
        self._text = ""
        self.entered.emit(value)

    def drop_typing(self) -> None:
        """Shows the value in the place of what was typed and is none."""
        self.edit.setText(self._text)

    def _give_up(self) -> None:
        self.edit.setText(self._text)
        self.edit.selectAll()
        self.rejected.emit("")


class ChoiceField(Field):
    """One of a few words."""

    def __init__(self, declaration: Hyperparameter) -> None:
        super().__init__()
        self.box = ComboBox()
        for choice in declaration.choices:
            self.box.addItem(spoken(choice), choice)
        if declaration.key == "family":
            self._say_families()
            # tasks may be registered while the window is open
            self.box.opening.connect(self._say_families)
        self.box.activated.connect(lambda: self.entered.emit(self.box.currentData()))
        self.widget = self.box

    def show_value(self, value: Value) -> None:
        """Shows `value`."""
        self.box.setCurrentIndex(self.box.findData(value))

    def _say_families(self) -> None:
        """Has each family say what it is, and offers own tasks where there are some."""
        model = self.box.model()
        for nth in range(self.box.count()):
            family = FAMILIES[self.box.itemData(nth)]
            offered = not family.own_tasks or newest_tasks() is not None
            tip = family.summary if offered else f"{family.summary} {HOW_OWN_TASKS}"
            self.box.setItemData(nth, plain_tip(tip), Qt.ItemDataRole.ToolTipRole)
            if isinstance(model, QStandardItemModel):
                model.item(nth).setEnabled(offered)


class SwitchField(Field):
    """On or off."""

    def __init__(self, declaration: Hyperparameter) -> None:
        super().__init__()
        self.switch = Switch()
        self.switch.clicked.connect(lambda: self.entered.emit(self.switch.isChecked()))
        self.widget = self.switch

    def show_value(self, value: Value) -> None:
        """Shows `value`."""
        self.switch.setChecked(bool(value))


def field_for(declaration: Hyperparameter) -> Field:
    """The field that suits the kind of `declaration`, with its accessible name."""
    kinds: dict[str, type[TextField | ChoiceField | SwitchField]] = {
        "choice": ChoiceField,
        "bool": SwitchField,
    }
    made = kinds.get(declaration.kind, TextField)(declaration)
    made.widget.setAccessibleName(declaration.label)
    made.widget.setObjectName(declaration.key)
    return made


def written(declaration: Hyperparameter, value: Value) -> str:
    """A value as the form writes it: "70 000", "40, 40", "π"."""
    if declaration.kind == "int" and isinstance(value, int):
        return whole(value)
    if declaration.kind == "choice":
        return spoken(str(value))
    if declaration.kind == "text":
        return str(value)
    return shown(value).replace(",", ", ")


def spoken(choice: str) -> str:
    """A choice as people write it: "ReLU" for "relu"."""
    return _SPOKEN.get(choice, choice.replace("-", " ").capitalize())


_SPOKEN = {
    "relu": "ReLU", "sgd": "SGD", "cpu": "CPU", "cuda": "CUDA", "tanh": "tanh",
    "float32": "float32", "float64": "float64", "pytorch": "PyTorch", "own": "Own tasks",
}  # fmt: skip


class _Line(NumberLine):
    """A line that Escape gives up, and that leaves Undo to the window when nothing was typed."""

    given_up = Signal()
    nudged = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._entered = False
        """True where the mouse that is pressed has brought the focus."""

    def needed(self) -> int:
        """Pixels of the width in which the whole text is seen."""
        option = QStyleOptionFrame()
        self.initStyleOption(option)
        words = self.fontMetrics().horizontalAdvance(self.text())
        # Qt leaves 2 pixels on either side of words, and the cursor needs 2
        inside, kind = QSize(words + 6, 0), QStyle.ContentsType.CT_LineEdit
        return self.style().sizeFromContents(kind, option, inside, self).width()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Notes that a click brings the focus."""
        super().focusInEvent(event)
        self._entered = event.reason() is Qt.FocusReason.MouseFocusReason

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click selects everything, so that what is typed takes its place; a drag does not."""
        super().mouseReleaseEvent(event)
        if self._entered and not self.hasSelectedText():
            self.selectAll()
        self._entered = False

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            undo = event.matches(QKeySequence.StandardKey.Undo) and not self.isUndoAvailable()
            redo = event.matches(QKeySequence.StandardKey.Redo) and not self.isRedoAvailable()
            if undo or redo:
                event.ignore()
                return False
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.given_up.emit()
            self.clearFocus()
        elif event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.nudged.emit(1 if event.key() == Qt.Key.Key_Up else -1)
        else:
            super().keyPressEvent(event)
