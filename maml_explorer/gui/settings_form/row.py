"""One line of the settings form: label, field or pair of fields, unit, marks, slider, sentence."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QGridLayout, QLabel, QLineEdit, QMenu, QWidget

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.gui.settings_form.fields import ChoiceField, Field, TextField, field_for, written
from maml_explorer.gui.settings_form.slider_scale import SliderScale
from maml_explorer.gui.style.theme import LIGHT
from maml_explorer.gui.widgets.controls import Dot, Slider, label, mark, row, type_changed
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.settings.declaration import Applies, Hyperparameter, SettingsError, Value
from maml_explorer.settings.restart import differs
from maml_explorer.settings.settings import Settings

FIELD_WIDTH = 82
UNIT_WIDTH = 36
RESTART_SIGN = "⟲"
TAKES_NO_CLICKS = 500
"""Milliseconds in which a slider that came by a click takes none: it was meant for the field that
stood there."""
_UNTOLD = Settings()
"""Settings of a line that was not told any; made once, as every value is checked."""

Edit = Callable[[Mapping[str, object], str | None], None]
"""Function that changes settings: (key → value, merge key); raises SettingsError."""


class SettingRow(QWidget):
    """The line of one setting, or of a minimum and a maximum."""

    grown = Signal()
    """A slider or a sentence appeared under the field."""
    let_go = Signal()
    """The mouse no longer holds its slider."""

    def __init__(self, declarations: list[Hyperparameter], edit: Edit) -> None:
        super().__init__()
        self.declarations = declarations
        self._edit = edit
        self._settings = self._baseline = _UNTOLD
        self._drag = 0
        first = declarations[0]
        self.fields: dict[str, Field] = {}
        self.sliders: dict[str, Slider] = {}
        self._scales = {d.key: SliderScale(d) for d in declarations if d.kind in ("int", "float")}
        self.name = label(first.row or first.label)
        self.dot = Dot()
        self.error = label(role="error")
        self.error.setWordWrap(True)
        self.error.hide()
        self.note = label(role="muted")
        self.note.setWordWrap(True)
        self.note.hide()
        self.restart_mark = label(RESTART_SIGN, "muted")
        self.restart_mark.setVisible(any(d.applies is Applies.RESTART for d in declarations))
        self.restart_mark.setToolTip("A change needs a restart of the run.")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(6)
        self._grid.setVerticalSpacing(2)
        beside = self._beside = QWidget()
        self.unit = label(first.unit, "unit")
        units = [self.unit] if first.unit else []
        beside.setLayout(row(*units, self.restart_mark, None, spacing=4))
        self._grid.addWidget(self.name, 0, 0)
        self._grid.addWidget(self.dot, 0, 1)
        self._cell = self._field_cell()
        for field in self.fields.values():
            field.widget.installEventFilter(self)
        self._grid.addWidget(self._cell, 0, 2)
        self._grid.addWidget(beside, 0, 3)
        self._fit_widths()
        self._grid.setColumnStretch(0, 1)
        self._grid.addWidget(self.error, 2, 0, 1, 4)
        self._grid.addWidget(self.note, 3, 0, 1, 4)
        self.setToolTip(plain_tip("\n\n".join(help_text(d) for d in declarations)))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(lambda at: self._menu(self, first.key, at))

    def show_settings(self, settings: Settings, baseline: Settings, in_force: Settings) -> None:
        """Shows the values, what differs from the preset, and what waits for a restart."""
        keys = list(self.fields)
        if (settings, baseline) != (self._settings, self._baseline) and self.error.text():
            # undo, a preset or a lesson: what was typed before is over
            self._say("")
            for field in self.fields.values():
                field.drop_typing()
        self._settings, self._baseline = settings, baseline
        self.unit.setText(self.declarations[0].unit_of(settings.family))
        for key, field in self.fields.items():
            field.show_value(settings[key])
            self._show_on_slider(key)
        self.dot.show_dot(any(differs(baseline, settings, key) for key in keys))
        self.dot.setToolTip(plain_tip("Differs from the preset." if self.dot.shown else ""))
        waits = any(settings[key] != in_force[key] for key in keys)
        role = "mark" if waits else "muted"
        if self.restart_mark.property("role") != role:
            mark(self.restart_mark, role=role)

    def explain(self, said: Mapping[str, str]) -> None:
        """Shows what is said of its settings, key → sentence, under the field."""
        text = " ".join(said[key] for key in self.fields if key in said)
        if text != self.note.text():
            self.note.setText(text)
            self.note.setVisible(bool(text))

    def show_read(self, algorithms: Collection[str]) -> None:
        """Mutes the label where none of the algorithms in the run reads the setting."""
        records = [ALGORITHMS[key] for key in algorithms]
        role = "" if any(d.readers(records) for d in self.declarations) else "muted"
        if (self.name.property("role") or "") != role:
            mark(self.name, role=role)

    def changeEvent(self, event: QEvent) -> None:
        """Keeps fields and units as wide as the font needs."""
        super().changeEvent(event)
        if type_changed(event):
            self._fit_widths()

    def _fit_widths(self) -> None:
        scale = max(1.0, QApplication.font().pointSizeF() / LIGHT.points)
        field, room = round(FIELD_WIDTH * scale), round((FIELD_WIDTH + UNIT_WIDTH) * scale)
        if self.declarations[0].kind in ("choice", "text"):  # words take the room of units
            restarts = self.declarations[0].applies is Applies.RESTART
            field = room - (self.restart_mark.sizeHint().width() + 4 if restarts else 0)
        # long numbers and words take room that the label leaves; the form grows for none
        self._cell.setMinimumWidth(field)
        self._cell.setMaximumWidth(max(field, self._wanted()))
        self._beside.setFixedWidth(room - field)

    def _wanted(self) -> int:
        """Pixels that what stands in the fields needs; gives numbers their parts."""
        first = next(iter(self.fields.values()))
        if isinstance(first, ChoiceField):
            return first.box.sizeHint().width()
        numbers = [one for one in self.fields.values() if isinstance(one, TextField)]
        for one in numbers:
            one.edit.setMinimumWidth(one.edit.needed())
        between = sum(one.sizeHint().width() + 6 for one in self._cell.findChildren(QLabel))
        return sum(one.edit.minimumWidth() for one in numbers) + between

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Shows the slider of the field that has the focus; follows the type of fields."""
        if type_changed(event):
            self._fit_widths()
        elif event.type() is QEvent.Type.FocusIn:
            self._show_slider(watched.objectName())
        elif isinstance(event, QFocusEvent) and event.lostFocus():
            clicked = event.reason() is Qt.FocusReason.MouseFocusReason
            # a double click must not meet another row at its second press
            wait = QGuiApplication.styleHints().mouseDoubleClickInterval() if clicked else 0
            QTimer.singleShot(wait, self, self._hide_sliders)
        return False

    def _field_cell(self) -> QWidget:
        cell = QWidget()
        widgets: list[QWidget] = []
        for declaration in self.declarations:
            field = field_for(declaration)
            # its connections hold this row: without a parent both would outlive the window
            field.setParent(self)
            field.entered.connect(partial(self._enter, declaration.key))
            field.rejected.connect(partial(self._reject, declaration.key))
            field.nudged.connect(partial(self._nudge, declaration.key))
            field.widget.setToolTip(plain_tip(help_text(declaration)))
            field.widget.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            field.widget.customContextMenuRequested.connect(
                partial(self._menu, field.widget, declaration.key)
            )
            if isinstance(field, TextField) and declaration.kind != "text":
                field.edit.textChanged.connect(self._fit_widths)
            self.fields[declaration.key] = field
            widgets.append(field.widget)
        if len(widgets) == 1:
            cell.setLayout(row(widgets[0], spacing=0))
        else:
            for widget in widgets:
                mark(widget, pair=True)
            cell.setLayout(row(widgets[0], label("–", "muted"), widgets[1], spacing=3))
        return cell

    def _enter(self, key: str, value: Value) -> None:
        self._try({key: value}, None)

    def _try(self, changes: dict[str, object], merge_key: str | None) -> None:
        key = next(iter(changes))
        try:
            self._edit(changes, merge_key)
        except SettingsError as error:
            self._reject(key, str(error))
            return
        self._say("")
        self.fields[key].show_value(self._settings[key])

    def _reject(self, key: str, sentence: str) -> None:
        if sentence:
            declaration = next(d for d in self.declarations if d.key == key)
            sentence += f" Still {written(declaration, self._settings[key])}."
            if declaration.kind == "choice":  # there is nothing to correct in it, as in a text
                self.fields[key].show_value(self._settings[key])
        self._say(sentence, key)

    def _say(self, sentence: str, key: str = "") -> None:
        self.error.setText(sentence)
        self.error.setVisible(bool(sentence))
        for other, field in self.fields.items():
            field.show_invalid(bool(sentence) and other == key)
        if sentence:
            self.grown.emit()

    def _show_slider(self, key: str) -> None:
        if key not in self._scales:
            return
        if key not in self.sliders:
            self.sliders[key] = self._new_slider(key)
        came = self.sliders[key].isHidden()
        for other, slider in self.sliders.items():
            slider.setVisible(other == key)
        if came:
            self._make_deaf(self.sliders[key])
        self._show_on_slider(key)
        self.grown.emit()

    def _make_deaf(self, slider: Slider) -> None:
        """Has a slider take no clicks for a moment."""
        deaf = Qt.WidgetAttribute.WA_TransparentForMouseEvents
        slider.setAttribute(deaf)
        QTimer.singleShot(TAKES_NO_CLICKS, slider, partial(slider.setAttribute, deaf, False))

    def _new_slider(self, key: str) -> Slider:
        slider = Slider()
        slider.setRange(0, self._scales[key].last)
        slider.setSingleStep(1 if self._scales[key].last < 400 else 10)
        slider.setPageStep(max(1, self._scales[key].last // 10))
        slider.setAccessibleName(f"{self.fields[key].widget.accessibleName()} slider")
        slider.installEventFilter(self)
        self._show_value_on(slider, key)
        slider.sliderPressed.connect(self._begin_drag)
        slider.let_go.connect(self.let_go)
        slider.valueChanged.connect(partial(self._slide, key))
        self._grid.addWidget(slider, 1, 0, 1, 4)
        return slider

    def _nudge(self, key: str, way: int) -> None:
        if key in self.sliders:
            slider = self.sliders[key]
            slider.setValue(slider.value() + way * slider.singleStep())

    def _begin_drag(self) -> None:
        self._drag += 1

    def _slide(self, key: str, position: int) -> None:
        self._try({key: self._scales[key].value(position)}, f"{key} {self._drag}")

    def _show_on_slider(self, key: str) -> None:
        if key in self.sliders:
            self._show_value_on(self.sliders[key], key)

    def _show_value_on(self, slider: Slider, key: str) -> None:
        value, scale = self._settings[key], self._scales[key]
        # a slider whose rounded value is already this one stays, or it would stick while dragged
        if isinstance(value, int | float) and scale.value(slider.value()) != value:
            slider.blockSignals(True)
            slider.setValue(scale.position(value))
            slider.blockSignals(False)

    def _hide_sliders(self) -> None:
        if QGuiApplication.mouseButtons() != Qt.MouseButton.NoButton:
            # hiding now would move what is being clicked away from under the mouse
            QTimer.singleShot(50, self, self._hide_sliders)
            return
        inside = [*self.sliders.values(), *(field.widget for field in self.fields.values())]
        if not any(widget.hasFocus() for widget in inside):
            for slider in self.sliders.values():
                slider.hide()

    def _menu(self, widget: QWidget, key: str, at: QPoint) -> None:
        menu = self.context_menu(widget, key)
        menu.popup(widget.mapToGlobal(at))

    def context_menu(self, widget: QWidget, key: str) -> QMenu:
        """The menu of a field: back to the preset, and what a text field offers anyway."""
        menu = (
            widget.createStandardContextMenu() if isinstance(widget, QLineEdit) else QMenu(widget)
        )
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        first = menu.actions()[0] if menu.actions() else None
        differing = [d for d in self.declarations if self._settings[d.key] != self._baseline[d.key]]
        values = " – ".join(written(d, self._baseline[d.key]) for d in self.declarations)
        back = menu.addAction(f"Back to preset value ({values})")
        back.setEnabled(bool(differing))
        changes: dict[str, object] = {d.key: self._baseline[d.key] for d in self.declarations}
        back.triggered.connect(lambda: self._try(changes, None))
        if first is not None:
            menu.removeAction(back)
            menu.insertAction(first, back)
            menu.insertSeparator(first)
        return menu


def help_text(declaration: Hyperparameter) -> str:
    """The tooltip of a setting: help, symbol, what is allowed, when it applies, who reads it."""
    symbol = f" Symbol {declaration.symbol}." if declaration.symbol else ""
    lines = [
        f"{declaration.label}: {declaration.help}{symbol}",
        f"Allowed: {declaration.allowed}{' ' + declaration.unit if declaration.unit else ''}.",
    ]
    readers = declaration.readers(ALGORITHMS.values())
    if len(readers) < len(ALGORITHMS):
        lines.append(f"Used by {', '.join(one.label for one in readers)}.")
    if declaration.applies is Applies.RESTART:
        lines.append("A change needs a restart.")
    return "\n".join(lines)
