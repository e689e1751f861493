"""The sheet of keyboard shortcuts, made from the table of actions."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QBoxLayout, QGridLayout, QLabel, QScrollArea, QWidget

from maml_explorer.gui.widgets.controls import Card, button, label, row
from maml_explorer.gui.widgets.overlay import MARGIN, Overlay
from maml_explorer.gui.widgets.see_through_area import SeeThroughArea, turn_page
from maml_explorer.gui.window.action import grouped, keys_text

MOUSE = (
    ("Click in the plot", "Add a support point on the truth"),
    ("Shift+click in the plot", "Add a point off the truth: your own task"),
    ("Drag a point", "Move it"),
    ("Right click on a point", "Remove it"),
    ("Click on an arm", "Hide or show it"),
    ("Right click on an arm", "Solo, overrides, remove"),
)
"""Actions of the mouse in the adaptation panel."""
_WIDTH = 1140
_AROUND = 150
"""Pixels of the window above, below and around the list."""
_BESIDE = 60
"""Pixels of the card beside the list."""


class ShortcutSheet(Overlay):
    """Lists what has a key, by group, in two columns or one; written when it is first opened."""

    def __init__(self, window: QWidget, table: dict[str, QAction]) -> None:
        card = Card(margin=16)
        super().__init__(window, card, _WIDTH)
        self.done = button("Close", self.dismiss, "Close this sheet (Escape)")
        card.box.addLayout(row(label("Keyboard and mouse", "title"), None, self.done))
        self._actions = table
        self._area: QScrollArea | None = None
        """The list; None before it was opened."""

    def show_sheet(self) -> None:
        """Opens the sheet, or closes it where it is open."""
        if self.isVisible():
            self.dismiss()
            return
        if self._area is None:
            self._area = self._written()
        self.open(self.done)

    def page(self, down: bool) -> None:
        """Scrolls by as much as is in sight."""
        if self._area is not None:
            turn_page(self._area, down)

    def fit(self) -> None:
        """Takes two columns where they have room, and the height that the window leaves."""
        window, area = self.parentWidget(), self._area
        inside = None if area is None else area.widget()
        columns = None if inside is None else inside.layout()
        if window is None or area is None or inside is None or not isinstance(columns, QBoxLayout):
            return
        for words in inside.findChildren(QLabel):
            words.ensurePolished()
            # the text size may be another since it was open, and layouts remember the old one
            words.setMinimumHeight(words.fontMetrics().height())
        columns.setDirection(QBoxLayout.Direction.LeftToRight)
        room = min(_WIDTH, window.width() - 2 * MARGIN) - _BESIDE
        if columns.minimumSize().width() > room:
            columns.setDirection(QBoxLayout.Direction.TopToBottom)
        most = max(window.height() - _AROUND, 100)
        area.setMinimumHeight(min(inside.sizeHint().height() + 4, most))

    def _written(self) -> QScrollArea:
        lists = [
            (group, [(keys_text(action), action.text()) for action in actions])
            for group, actions in grouped(self._actions).items()
        ]
        all_lines = [
            (group, [line for line in lines if line[0]])
            for group, lines in [*lists, ("Mouse", list(MOUSE))]
        ]
        inside = QWidget()
        inside.setProperty("role", "scrolled")
        columns = QBoxLayout(QBoxLayout.Direction.LeftToRight, inside)
        columns.setContentsMargins(0, 0, 8, 0)
        columns.setSpacing(32)
        shown = [one for one in all_lines if one[1]]
        split = min(range(1, len(shown)), key=lambda at: max(_rows(shown[:at]), _rows(shown[at:])))
        for part in (shown[:split], shown[split:]):
            columns.addLayout(_table(part), 1)
        area = SeeThroughArea()
        area.setWidget(inside)
        self.card.box.addWidget(area, 1)
        return area


def _rows(groups: list[tuple[str, list[tuple[str, str]]]]) -> float:
    """Height of some groups, in rows."""
    return sum(len(lines) + 1.5 for _, lines in groups)


def _table(groups: list[tuple[str, list[tuple[str, str]]]]) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(3)
    top = Qt.AlignmentFlag.AlignTop
    for group, lines in groups:
        at = grid.rowCount()
        grid.setRowMinimumHeight(at, 8)
        grid.addWidget(label(group, "muted"), at + 1, 0, 1, 2)
        for nth, (keys, words) in enumerate(lines, at + 2):
            grid.addWidget(label(keys), nth, 0, top)
            grid.addWidget(label(words), nth, 1, top)
    grid.setRowStretch(grid.rowCount(), 1)
    grid.setColumnMinimumWidth(0, 140)
    grid.setColumnStretch(1, 1)
    return grid
