"""Choice of the two axes of a sweep's map."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import QWidget

from maml_explorer.gui.widgets.controls import ComboBox, row, type_changed

_LETTERS = 4
"""Letters of an axis that are seen at least: a symbol comes first."""


class AxisChoice(QWidget):
    """Two boxes that never name the same axis, which would be drawn as a diagonal."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.across, self.up = ComboBox(), ComboBox()
        self.across.setAccessibleName("Axis from left to right")
        self.up.setAccessibleName("Axis from bottom to top")
        for choice in (self.across, self.up):
            choice.activated.connect(lambda _: self._change())
        self.setLayout(row(self.up, self.across))
        self._before = (0, 0)

    @property
    def places(self) -> tuple[int, int]:
        """Places of the axes among those that are offered, across and up."""
        return self.across.currentIndex(), self.up.currentIndex()

    @property
    def several(self) -> bool:
        """True where there is something to choose."""
        return self.across.count() > 1

    def offer(self, names: Sequence[str]) -> None:
        """Offers these axes; the first goes up and the second across."""
        for choice, nth in ((self.across, 1), (self.up, 0)):
            choice.clear()
            choice.addItems(list(names))
            choice.setCurrentIndex(min(nth, len(names) - 1))
        self._before = self.places
        self._fit()

    def _change(self) -> None:
        if self.across.currentIndex() == self.up.currentIndex():
            across, up = self._before
            self.across.setCurrentIndex(up)
            self.up.setCurrentIndex(across)
        self._before = self.places
        self._fit()
        self.changed.emit()

    def _fit(self) -> None:
        for choice in (self.across, self.up):
            choice.may_shrink_to(f"{choice.currentText()[:_LETTERS]}…")

    def changeEvent(self, event: QEvent) -> None:
        """Gives the choices the room of another type."""
        super().changeEvent(event)
        if type_changed(event):
            self._fit()
