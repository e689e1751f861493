"""Slider and play button for the inner step that is looked at."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from maml_explorer.gui.session.inner_step import InnerStep
from maml_explorer.gui.widgets.controls import Slider, button, label

STEPS_PER_SECOND = 3


class StepBar(QWidget):
    """A slider, where it stands, and ▶ to see φ₀ … φ_K one after another."""

    def __init__(self, inner_step: InnerStep) -> None:
        super().__init__()
        self._inner_step = inner_step
        self.slider = Slider()
        self.slider.setAccessibleName("Inner steps shown")
        self.slider.setToolTip("The inner step that all panels show")
        self.slider.setPageStep(1)
        self.slider.setMinimumWidth(60)
        self.text = label("0 / 0")
        self.play = button("▶", self._toggle, "Play the inner steps, φ₀ … φ_K")
        self.play.setAccessibleName("Play the inner steps")
        self.play.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.play.setFixedWidth(36)
        self.timer = QTimer(self)
        self.timer.setInterval(round(1000 / STEPS_PER_SECOND))
        self.timer.timeout.connect(self._play_on)
        box = QHBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        self._words = label("Inner steps shown")
        box.addWidget(self._words)
        box.addWidget(self.slider, 1)
        box.addWidget(self.text)
        box.addWidget(self.play)
        self.slider.valueChanged.connect(inner_step.choose)

    def show_step(self, step: int, last: int, free: bool, ahead: int | None = None) -> None:
        """Shows a step of 0 … `last`; the user may choose another one where it is `free`.

        Args:
            step: that is shown.
            last: K.
            free: nothing else decides which step is shown.
            ahead: the step that the curves are on the way to, from `step`.
        """
        other = last != self.slider.maximum()
        self.slider.blockSignals(True)
        self.slider.setRange(0, last)
        self.slider.setValue(step)
        self.slider.blockSignals(False)
        self.slider.setEnabled(free and last > 0)
        self.play.setEnabled(free and last > 0)
        # which has the room of K / K, so the slider keeps its width
        self.text.setText(f"{step} / {last}" if ahead is None else f"{step} → {ahead}")
        if other:
            self._hold_room()

    def changeEvent(self, event: QEvent) -> None:
        """Keeps room for the figures in another font."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange and hasattr(self, "text"):
            self._hold_room()

    def _hold_room(self) -> None:
        last = self.slider.maximum()
        self.text.setMinimumWidth(self.fontMetrics().horizontalAdvance(f"{last} / {last}") + 2)
        self._fit_words()

    def minimumSizeHint(self) -> QSize:
        """Width without the words, which give way: the slider has a tooltip, and a name."""
        hint = super().minimumSizeHint()
        return QSize(hint.width() - self._room_of_words(), hint.height())

    def _room_of_words(self) -> int:
        line = self.layout()
        if line is None or self._words.isHidden():
            return 0
        return self._words.minimumSizeHint().width() + line.spacing()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leaves the words out where they would be cut."""
        super().resizeEvent(event)
        self._fit_words()

    def _fit_words(self) -> None:
        self._words.show()
        needed = super().minimumSizeHint().width()
        self._words.setVisible(self.width() >= needed)

    def stop(self) -> None:
        """Stops playing."""
        self.timer.stop()
        self._look()

    def _toggle(self) -> None:
        if self.timer.isActive():
            self.stop()
        else:
            self._inner_step.choose(0)
            self.timer.start()
            self._look()

    def _play_on(self) -> None:
        if self.slider.value() < self.slider.maximum() and self.isVisible():
            self._inner_step.choose(self.slider.value() + 1)
        if self.slider.value() >= self.slider.maximum() or not self.isVisible():
            self.stop()

    def _look(self) -> None:
        running = self.timer.isActive()
        self.play.setText("■" if running else "▶")
        self.play.setAccessibleName("Stop playing" if running else "Play the inner steps")
