"""An area that scrolls up and down, over the colour of what it lies on."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractSlider, QScrollArea, QWidget


class SeeThroughArea(QScrollArea):
    """Scrolls a widget that is as wide as itself; neither fills its background."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # to find the class of a viewport that Qt made, PySide builds the classes of all widgets
        self.setViewport(QWidget())

    def setWidget(self, inside: QWidget) -> None:
        """Scrolls `inside`."""
        super().setWidget(inside)
        inside.setAutoFillBackground(False)


def turn_page(area: QScrollArea, down: bool) -> None:
    """Scrolls an area by what is in sight of it."""
    way = QAbstractSlider.SliderAction
    turn = way.SliderPageStepAdd if down else way.SliderPageStepSub
    area.verticalScrollBar().triggerAction(turn)
