"""One setting as a single row: name, slider and field, for where the whole form has no room."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, QSignalBlocker
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from maml_explorer.gui.session.settings_editor import SettingsEditor
from maml_explorer.gui.settings_form.fields import ChoiceField, TextField, field_for
from maml_explorer.gui.settings_form.row import FIELD_WIDTH, help_text
from maml_explorer.gui.settings_form.slider_scale import SliderScale
from maml_explorer.gui.widgets.controls import Slider, type_changed
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.settings.declaration import Hyperparameter, SettingsError, Value
from maml_explorer.settings.settings import Settings


class SliderRow(QWidget):
    """Shows one setting and changes it; a value that is refused leaves the old one standing.

    Args:
        words: plain words instead of its name; empty for its name.
    """

    def __init__(
        self, declaration: Hyperparameter, editor: SettingsEditor, words: str = ""
    ) -> None:
        super().__init__()
        self.declaration, self._editor = declaration, editor
        self._drag = 0
        self.name = ElidedLabel(whole=True)
        self.name.setProperty("role", "name")
        self.name.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        short = declaration.short or declaration.symbol or declaration.label
        self.name.say(words or declaration.label, short)
        self.field = field_for(declaration)
        self.field.setParent(self)
        if isinstance(self.field, TextField):
            self.field.edit.textChanged.connect(self._fit_field)
        self._fit_field()
        self.slider: Slider | None = None
        box = QHBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        box.addWidget(self.name)
        if declaration.kind in ("int", "float"):
            self._scale = SliderScale(declaration)
            self.slider = Slider()
            self.slider.setRange(0, self._scale.last)
            self.slider.setMinimumWidth(60)
            self.slider.setAccessibleName(f"{declaration.label}, as one row")
            self.slider.sliderPressed.connect(self._begin_drag)
            self.slider.valueChanged.connect(self._slide)
            box.addWidget(self.slider, 1)
        box.addWidget(self.field.widget)
        self.setToolTip(plain_tip(help_text(declaration)))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.field.entered.connect(partial(self._put, merge_key=None))
        self.field.rejected.connect(lambda why: self.field.show_invalid(bool(why)))
        # a method, not a lambda: the connection ends with this row
        editor.settings_changed.connect(self._take_settings)
        self.show_value()

    def _fit_field(self) -> None:
        """Gives the field the room that its number needs, or the longest of its choices."""
        width = FIELD_WIDTH
        if isinstance(self.field, TextField):
            width = max(width, self.field.edit.needed())
        elif isinstance(self.field, ChoiceField):
            width = max(width, self.field.box.sizeHint().width())
        self.field.widget.setFixedWidth(width)

    def changeEvent(self, event: QEvent) -> None:
        """Keeps the field as wide as the font needs."""
        super().changeEvent(event)
        if type_changed(event):
            self._fit_field()

    def show_value(self) -> None:
        """Shows the value as it is edited now."""
        value = self._editor.edited[self.declaration.key]
        self.field.show_value(value)
        self.field.show_invalid(False)
        slider = self.slider
        # a slider whose rounded value is already this one stays, or it would stick while dragged
        if (
            slider is not None
            and isinstance(value, int | float)
            and self._scale.value(slider.value()) != value
        ):
            with QSignalBlocker(slider):
                slider.setValue(self._scale.position(value))

    def _take_settings(self, _: Settings) -> None:
        self.show_value()

    def _begin_drag(self) -> None:
        self._drag += 1

    def _slide(self, position: int) -> None:
        self._put(self._scale.value(position), f"{self.declaration.key} row {self._drag}")

    def _put(self, value: Value, merge_key: str | None) -> None:
        try:
            self._editor.edit({self.declaration.key: value}, merge_key)
        except SettingsError as error:
            self.field.show_invalid(True)
            self.field.widget.setToolTip(plain_tip(str(error)))
