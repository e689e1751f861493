"""A small popup in which one arm gets settings of its own."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.settings_form.fields import spoken, written
from maml_explorer.gui.widgets.controls import ComboBox, Switch, button, label, mark
from maml_explorer.gui.widgets.number_line import NumberLine
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.settings.declaration import Applies, Hyperparameter, SettingsError, Value
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.settings import Arm


def overridable(algorithm: str) -> list[Hyperparameter]:
    """The settings that an arm of this algorithm reads and may have for itself, as declared."""
    return [
        declared
        for declared in DECLARATIONS.values()
        if declared.per_arm and declared.reads(ALGORITHMS[algorithm])
    ]


class OverridesPopup(QFrame):
    """One line per setting: its value for this arm, and the way back to the shared value."""

    def __init__(self, session: Session, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.session = session
        self.name = name
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("role", "card")
        self.setAccessibleName(f"Overrides of {name}")
        self.fields: dict[str, QWidget] = {}
        self.shared_buttons: dict[str, QPushButton] = {}
        self._names: dict[str, QLabel] = {}
        self._rows: dict[str, Hyperparameter] = {}
        arm = session.editor.at_hand.arm(name)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 10, 12, 12)
        box.setSpacing(8)
        box.addWidget(label(f"Settings that {name} alone has", "title"))
        box.addWidget(
            label(f"{ALGORITHMS[arm.algorithm].label} can have its own value of each.", "muted")
        )
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(6)
        for line, declared in enumerate(overridable(arm.algorithm)):
            self._add_row(grid, line, declared)
        box.addLayout(grid)
        self.error = label("", "error")
        self.error.setWordWrap(True)
        self.error.hide()
        box.addWidget(self.error)
        self._refresh()
        session.editor.settings_changed.connect(self._refresh)

    def open_at(self, point: QPoint, key: str = "") -> None:
        """Shows the popup with its corner here, moved so that it is on the screen.

        Args:
            point: on the screen.
            key: of the setting that is at hand; empty for the first.
        """
        self.adjustSize()
        room = self.screen().availableGeometry()
        x = max(room.left(), min(point.x(), room.right() - self.width()))
        above = point.y() - self.height() - 32
        fits = point.y() + self.height() <= room.bottom()
        self.move(x, point.y() if fits else max(room.top(), above))
        self.show()
        at_hand = self.fields.get(key) or next(iter(self.fields.values()))
        at_hand.setFocus(Qt.FocusReason.PopupFocusReason)

    def _add_row(self, grid: QGridLayout, line: int, declared: Hyperparameter) -> None:
        key = declared.key
        field: QWidget
        if declared.kind == "bool":
            field = switch = Switch()
            switch.toggled.connect(lambda on, key=key: self._set(key, on))
        elif declared.kind == "choice":
            field = choice = ComboBox()
            for word in declared.choices:
                choice.addItem(spoken(word), word)
            choice.activated.connect(lambda _, key=key, of=choice: self._set(key, of.currentData()))
        else:
            field = edit = NumberLine()
            edit.setFixedWidth(96)
            edit.setAlignment(Qt.AlignmentFlag.AlignRight)
            edit.editingFinished.connect(lambda key=key, edit=edit: self._typed(key, edit))
        restart = declared.applies is Applies.RESTART
        note = f"{declared.help}\nAllowed: {declared.allowed}."
        field.setToolTip(plain_tip(note + ("\nNeeds a restart." if restart else "")))
        field.setAccessibleName(f"{declared.label} of {self.name}")
        back = button("shared", partial(self._set, key, None), "", "flat")
        back.setAccessibleName(f"Use the shared {declared.label}")
        words = label(declared.label + (" ⟲" if restart else ""))
        words.setBuddy(field)
        grid.addWidget(words, line, 0)
        grid.addWidget(field, line, 1)
        unit = declared.unit_of(self.session.settings.family)
        grid.addWidget(label(unit, "unit"), line, 2)
        grid.addWidget(back, line, 3)
        self.fields[key], self.shared_buttons[key] = field, back
        self._names[key], self._rows[key] = words, declared

    def _arm(self) -> Arm | None:
        return next(
            (arm for arm in self.session.editor.at_hand.arms if arm.name == self.name), None
        )

    def _refresh(self) -> None:
        """Shows the arm's values; what is shared is muted."""
        arm = self._arm()
        if arm is None:
            self.close()
            return
        settings, own = self.session.editor.at_hand.of_arm(arm), dict(arm.overrides)
        for key, field in self.fields.items():
            value = settings[key]
            field.blockSignals(True)
            if isinstance(field, Switch):
                field.setChecked(bool(value))
            elif isinstance(field, ComboBox):
                field.setCurrentIndex(field.findData(value))
            elif isinstance(field, QLineEdit) and not (field.hasFocus() and field.isModified()):
                field.setText(written(self._rows[key], value))
                field.setModified(False)
                mark(field, invalid="false")
            field.blockSignals(False)
            back = self.shared_buttons[key]
            shared = written(self._rows[key], self.session.editor.at_hand[key])
            back.setEnabled(key in own)
            back.setText(f"use shared {shared}" if key in own else "shared")
            mark(self._names[key], role="mark" if key in own else "")

    def _typed(self, key: str, edit: QLineEdit) -> None:
        if not edit.isModified():
            return
        try:
            value = self._rows[key].parse(edit.text())
        except SettingsError as error:
            self._say(str(error))
            entered = False
        else:
            edit.setModified(False)
            entered = self._set(key, value)
        if not entered:
            edit.setModified(True)
            mark(edit, invalid="true")
            if edit.hasFocus():
                edit.selectAll()  # the next value takes its place

    def _set(self, key: str, value: Value | None) -> bool:
        """Gives the arm its own value, or the shared one again (None); False where refused."""
        arm = self._arm()
        if arm is None:
            return True
        own = {k: v for k, v in arm.overrides if k != key}
        if value is not None:
            own[key] = value
        try:
            changed = replace(arm, overrides=tuple(own.items()))
            self.session.editor.set_arms(
                changed if other.name == self.name else other
                for other in self.session.editor.at_hand.arms
            )
        except SettingsError as error:
            self._say(str(error))
            return False
        self._say("")
        self._refresh()
        return True

    def _say(self, text: str) -> None:
        self.error.setText(text)
        self.error.setVisible(bool(text))
        self.adjustSize()
