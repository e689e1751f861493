"""A slider over the inner steps, with the number beside it."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from maml_explorer.gui.widgets.controls import Slider, label


class StepSlider(QWidget):
    """Words, the slider, and where it stands: "3 / 10".

    Args:
        words: before the slider.
        name: accessible name of the slider.
    """

    chosen = Signal(int)

    def __init__(self, words: str, name: str) -> None:
        super().__init__()
        self.slider, self.text = Slider(), label("0 / 0")
        self.slider.setAccessibleName(name)
        self.slider.setPageStep(1)
        self.slider.setFixedWidth(80)
        self.slider.valueChanged.connect(self._choose)
        box = QHBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        for widget in (label(words), self.slider, self.text):
            box.addWidget(widget)

    def show_step(self, step: int, last: int) -> None:
        """Stands at `step` of `last`."""
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, last)
            self.slider.setValue(step)
        self.slider.setEnabled(last > 0)
        self._write()

    def _choose(self, step: int) -> None:
        self._write()
        self.chosen.emit(step)

    def _write(self) -> None:
        self.text.setText(f"{self.slider.value()} / {self.slider.maximum()}")
