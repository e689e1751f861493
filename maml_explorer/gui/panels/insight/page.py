"""A page of an insight tab: one view, its controls for the tab's head, the arm it is of."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from maml_explorer.gui.panels.insight.view import InsightView
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.theme import Theme
from maml_explorer.gui.widgets.elided_label import SEPARATOR
from maml_explorer.protocol.insight import InsightRequest

_HIGH = 0.6
"""Height of a place as a part of its width from which two widgets stand one above the other."""


class InsightPage(QWidget):
    """Shows what one view finds; `draw` and `restyle` are what a page adds.

    Args:
        content: what `draw` draws on.
    """

    tip = ""
    """Question that the page answers, on the button that opens it."""
    of_an_arm = True
    """True where it shows the record of one arm."""
    told = Signal()
    """`summary` is new."""
    on_demand = ""
    verb = "Compute"

    def __init__(self, session: Session, request: InsightRequest, content: QWidget) -> None:
        super().__init__()
        self.session = session
        self.controls: tuple[QWidget, ...] = ()
        """Widgets in the head of the tab, or at its foot, while this page is open."""
        self.summary = ""
        """Words and figures for what is drawn; `tell` sets it."""
        self.parts: tuple[str, ...] = ()
        """The same in parts of which the last ones give way first."""
        self.heads: tuple[str, ...] = ()
        """The first part in its wordings, the longest first."""
        self.arm = ""
        self.record: Any = None
        self.view = InsightView(session, content, request, self.on_demand, self.verb)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.view)
        self.view.found.connect(self._take)
        session.theme_changed.connect(self._take_theme)
        session.hidden_changed.connect(self.draw_now)

    def show_arm(self, name: str) -> None:
        """Shows the record of this arm from now on."""
        self.arm = name
        if self.of_an_arm:
            self.view.show_arm(name)

    def draw_now(self) -> None:
        """Draws the newest record where anybody sees it."""
        if self.record is not None and self.view.content.isVisible():
            self.draw(self.record)

    def tell(self, *parts: str, shorter: tuple[str, ...] = ()) -> None:
        """Says what is drawn, in parts of which the last ones give way first.

        Args:
            shorter: other wordings of the first part for a narrow place, the longest first.
        """
        self.parts, self.heads = parts, (parts[0], *shorter)
        self.summary = SEPARATOR.join(parts)
        self.told.emit()

    def draw(self, record: Any) -> None:
        """Draws a record of the view."""
        raise NotImplementedError

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`; a drawing follows."""

    def _take(self, record: object) -> None:
        self.record = record
        self.draw(record)

    def _take_theme(self, theme: Theme) -> None:
        self.restyle(theme)
        self.draw_now()


class Beside(QSplitter):
    """Two widgets side by side; one above the other in a place that is nearly as high as wide.

    Args:
        left: the left or upper one.
        right: the other one; a larger place enlarges it.
        sizes: widths of the two at first.
    """

    def __init__(self, left: QWidget, right: QWidget, sizes: tuple[int, int]) -> None:
        super().__init__()
        self._sizes = sizes
        self.setHandleWidth(12)
        self.setChildrenCollapsible(False)
        for widget in (left, right):
            self.addWidget(widget)
        self.setStretchFactor(0, 0)
        self.setStretchFactor(1, 1)
        self.setSizes(sizes)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Divides the place along its longer side."""
        super().resizeEvent(event)
        high = self.height() > _HIGH * self.width()
        if high != (self.orientation() is Qt.Orientation.Vertical):
            self.setOrientation(Qt.Orientation.Vertical if high else Qt.Orientation.Horizontal)
            self.setSizes((2 * self.height() // 5, 3 * self.height() // 5) if high else self._sizes)
