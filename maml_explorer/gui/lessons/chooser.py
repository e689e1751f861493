"""The list of lessons: their subjects, the progress, and why a file was refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QPushButton, QScrollArea, QSizePolicy, QWidget

from maml_explorer.gui.widgets.controls import Card, button, label, row
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.gui.widgets.overlay import Overlay

_WIDTH = 900
OWN = "Your own lessons lie in {folder}; the README of the lessons says how to write one."


@dataclass(frozen=True)
class LessonRow:
    """One lesson in the list."""

    title: str
    summary: str
    state: str
    """The mark "✓", "at step 3 of 8", or nothing."""
    start: Callable[[], object]


class LessonList(Overlay):
    """Offers the lessons as they are when it is opened."""

    def __init__(self, window: QWidget) -> None:
        card = Card(margin=16)
        super().__init__(window, card, _WIDTH)
        self.done = button("Close", self.dismiss, "Close this list (Escape)")
        card.box.addLayout(row(label("Lessons", "title"), None, self.done))
        self.entries: list[QPushButton] = []
        self.refused: list[str] = []
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.viewport().setAutoFillBackground(False)
        card.box.addWidget(self._area, 1)
        self._foot = label("", "muted")
        self._foot.setWordWrap(True)
        card.box.addWidget(self._foot)

    def offer(self, lines: Sequence[LessonRow], refused: Sequence[str], folder: str) -> None:
        """Opens with these lessons, the reasons why others were refused, and the own folder."""
        inside = QWidget()
        inside.setProperty("role", "scrolled")
        grid = QGridLayout(inside)
        grid.setContentsMargins(0, 0, 8, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        self.entries, self.refused = [], list(refused)
        for nth, line in enumerate(lines):
            entry = button(line.title, self._starts(line), line.summary, role="choice")
            entry.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
            entry.setAccessibleDescription(line.summary)
            self.entries.append(entry)
            summary = ElidedLabel()
            summary.say(line.summary)
            grid.addWidget(entry, nth, 0)
            grid.addWidget(summary, nth, 1)
            grid.addWidget(label(line.state, "muted"), nth, 2)
        for nth, reason in enumerate(refused, len(lines)):
            words = label(f"Not a lesson: {reason}", "error")
            words.setWordWrap(True)
            words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            grid.addWidget(words, nth, 0, 1, 3)
        grid.setRowStretch(grid.rowCount(), 1)
        self._area.setWidget(inside)
        inside.setAutoFillBackground(False)
        self._area.setMinimumHeight(min(inside.sizeHint().height() + 4, 480))
        self._foot.setText(OWN.format(folder=folder) if folder else "")
        self._foot.setVisible(bool(folder))
        self.open(self.entries[0] if self.entries else self.done)

    def _starts(self, line: LessonRow) -> Callable[[], None]:
        def start() -> None:
            self.dismiss()
            line.start()

        return start
