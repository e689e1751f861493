"""The list of lessons: their subjects, the progress, and why a file was refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QPushButton, QSizePolicy, QVBoxLayout, QWidget

from maml_explorer.gui.widgets.controls import Card, button, label, mark, row
from maml_explorer.gui.widgets.message import Message
from maml_explorer.gui.widgets.overlay import Overlay
from maml_explorer.gui.widgets.see_through_area import SeeThroughArea, turn_page
from maml_explorer.late_dataclass import dataclass

_WIDTH, _IN_TYPE = 1400, 9.0
"""Pixels of the list at most, in type of so many points; larger type may use more."""
_AROUND_LIST, _LEAST = 200, 240
"""Pixels of the window that the list leaves free, and of the list at least."""
OWN = (
    "Put your own lessons in {folder}. "
    "The README among the program's lessons says how to write them."
)


@dataclass(frozen=True)
class LessonRow:
    """One lesson in the list."""

    title: str
    summary: str
    time: str
    """Roughly how long it takes, in words."""
    state: str
    """A mark such as "✓ 4 of 5 right" or "on page 3 of 8", or nothing."""
    start: Callable[[], object]


class LessonEntry(QPushButton):
    """A lesson's row, clickable as a whole: title, time and mark over two lines about it."""

    def __init__(self, line: LessonRow) -> None:
        super().__init__()
        self.line = line
        self.setProperty("role", "choice")
        self.setAutoDefault(False)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(line.title)
        self.setAccessibleDescription(f"{line.summary} {line.time}. {line.state}".strip())
        summary = Message(line.summary)
        mark(summary, role="muted")
        about = " · ".join(part for part in (line.state, line.time) if part)
        box = QVBoxLayout(self)
        box.setContentsMargins(10, 6, 10, 6)
        box.setSpacing(2)
        box.addLayout(row(label(line.title, "ask"), None, label(about, "muted")))
        box.addWidget(summary)
        for part in self.findChildren(QWidget):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.ensurePolished()
        self._keep_height()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return opens it too, not only Space."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Keeps its height in another type, which the stylesheet has set back."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.StyleChange:
            self._keep_height()

    def _keep_height(self) -> None:
        # a scroll area asks what wraps for its height, and squeezes the two lines in a large font
        self.setMinimumHeight(2 * self.fontMetrics().lineSpacing() + 18)

    def sizeHint(self) -> QSize:
        """Height of its content."""
        box = self.layout()
        return super().sizeHint() if box is None else box.sizeHint()

    def minimumSizeHint(self) -> QSize:
        """The same as its size hint."""
        return self.sizeHint()


class LessonList(Overlay):
    """Offers the lessons as they are when it is opened."""

    def __init__(self, window: QWidget) -> None:
        card = Card(margin=16)
        super().__init__(window, card, _WIDTH)
        self.done = button("Close", self.dismiss, "Close this list (Escape)")
        card.box.addLayout(row(label("Lessons", "title"), None, self.done))
        self.entries: list[LessonEntry] = []
        self.refused: list[str] = []
        self._area = SeeThroughArea()
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        card.box.addWidget(self._area, 1)
        self._foot = label("", "muted")
        self._foot.setWordWrap(True)
        card.box.addWidget(self._foot)

    def offer(self, lines: Sequence[LessonRow], refused: Sequence[str], folder: str) -> None:
        """Opens with these lessons, the reasons why others were refused, and the own folder."""
        inside = QWidget()
        inside.setProperty("role", "scrolled")
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(4)
        self.entries, self.refused = [], list(refused)
        for line in lines:
            entry = LessonEntry(line)
            entry.clicked.connect(self._starts(line))
            self.entries.append(entry)
            column.addWidget(entry)
        for reason in refused:
            words = label(f"Not a lesson: {reason}", "error")
            words.setWordWrap(True)
            words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            column.addWidget(words)
        column.addStretch(1)
        self._area.setWidget(inside)
        self._foot.setText(OWN.format(folder=folder) if folder else "")
        self._foot.setVisible(bool(folder))
        self.open(self.entries[0] if self.entries else self.done)

    def page(self, down: bool) -> None:
        """Scrolls by as many lessons as are in sight."""
        turn_page(self._area, down)

    def fit(self) -> None:
        """Makes the list as high as its lines and the window, and as wide as its type needs."""
        self.widen(round(_WIDTH * max(self.font().pointSizeF() / _IN_TYPE, 1.0)))
        window, inside = self.parentWidget(), self._area.widget()
        most = _LEAST if window is None else max(window.height() - _AROUND_LIST, _LEAST)
        if inside is not None:
            self._area.setMinimumHeight(min(inside.sizeHint().height() + 4, most))

    def _starts(self, line: LessonRow) -> Callable[[], None]:
        def start() -> None:
            self.dismiss()
            line.start()

        return start
