"""The choices of a question: buttons in one row, whose words wrap, and the verdict on them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QPushButton, QSizePolicy, QWidget

from maml_explorer.gui.widgets.controls import mark, type_changed

_PADDING = 26
"""Pixels of a choice beside its words."""
_AROUND = 12
"""Pixels of a choice above and below its words."""
_BETWEEN = 4
"""Pixels between two choices."""
_MOST_LINES = 3
"""Lines of a choice that stands beside others."""
_RIGHT, _WRONG = "✓", "✗"
_YOURS = "   (your answer)"


class Answers(QWidget):
    """Choices in one row, or below each other where one would take more than three lines."""

    def __init__(self) -> None:
        super().__init__()
        self._choices: list[AnswerChoice] = []
        self._columns = 0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(_BETWEEN)

    def show_choices(self, choices: list[AnswerChoice]) -> None:
        """Replaces the ones before by these."""
        for choice in self._choices:
            self._grid.removeWidget(choice)
            choice.hide()
            choice.deleteLater()
        self._choices, self._columns = list(choices), 0
        self._arrange()
        self.setVisible(bool(choices))

    def height_for(self, words: Sequence[str], room: int, metrics: QFontMetrics) -> int:
        """Pixels that choices of these words need at a width, in type of these metrics (bold)."""
        if not words:
            return 0
        words = [with_verdict(one) for one in words]
        rows = 1
        each = (room - _BETWEEN * (len(words) - 1)) // len(words) - _PADDING
        lines = max(wrapped_words(metrics, each, one).count("\n") + 1 for one in words)
        if lines > _MOST_LINES:
            rows = len(words)
            lines = max(
                wrapped_words(metrics, room - _PADDING, one).count("\n") + 1 for one in words
            )
        return rows * (lines * metrics.lineSpacing() + _AROUND) + (rows - 1) * _BETWEEN

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Arranges again."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        if not self._choices:
            return
        count = len(self._choices)
        each = (self.width() - _BETWEEN * (count - 1)) // count - _PADDING
        columns = count if all(one.lines(each) <= _MOST_LINES for one in self._choices) else 1
        if columns == self._columns:
            return
        self._columns = columns
        for nth, choice in enumerate(self._choices):
            self._grid.addWidget(choice, nth // columns, nth % columns)
        for nth in range(4):
            self._grid.setColumnStretch(nth, 1 if nth < columns else 0)


def wrapped_words(metrics: QFontMetrics, room: int, words: str) -> str:
    """Words with a line break wherever the next one has no room."""
    lines = [""]
    for word in words.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1] and metrics.horizontalAdvance(longer) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)


def with_verdict(words: str) -> str:
    """The most that is written on a choice: that it is right, and the user's own."""
    return f"{_RIGHT} {words}{_YOURS}"


class AnswerChoice(QPushButton):
    """An answer that wraps onto as many lines as it needs.

    It has the room of a verdict, in heavier type, from the first: nothing moves when that comes.
    """

    def __init__(self, words: str, chosen: object) -> None:
        super().__init__()
        self.words = words
        self._longest, self._reserved = with_verdict(words), 1
        self.setAccessibleName(words)
        self.setAutoDefault(False)
        self.setProperty("role", "choice")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.clicked.connect(chosen)
        self.setText(words)

    def show_verdict(self, right: bool, chosen: bool) -> None:
        """Says whether this was right, and whether the user chose it."""
        sign = f"{_RIGHT} " if right else f"{_WRONG} "
        said = ["right answer" if right else "wrong answer"]
        said += ["your answer"] if chosen else []
        self.words = sign + self.words
        if chosen:
            self.words += _YOURS
        self.setAccessibleName(f"{self.words}: {', '.join(said)}")
        mark(self, verdict="right" if right else "wrong" if chosen else "none")
        self.setEnabled(False)
        self._wrap()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Wraps again."""
        super().resizeEvent(event)
        self._wrap()

    def changeEvent(self, event: QEvent) -> None:
        """Wraps again in another font."""
        super().changeEvent(event)
        if type_changed(event):
            self._wrap()

    def minimumSizeHint(self) -> QSize:
        """Width of its longest word, height of its lines with a verdict."""
        metrics = self._bold()
        words = max((metrics.horizontalAdvance(word) for word in self.words.split()), default=0)
        return QSize(words + _PADDING, self._reserved * metrics.lineSpacing() + _AROUND)

    def lines(self, room: int) -> int:
        """Number of lines that it takes with a verdict, where words have so much room."""
        return wrapped_words(self._bold(), room, self._longest).count("\n") + 1

    def _bold(self) -> QFontMetrics:
        font = QFont(self.font())
        font.setWeight(QFont.Weight.DemiBold)
        return QFontMetrics(font)

    def _wrap(self) -> None:
        # lines end where they will with a sign before the words, in heavier type
        judged = self.words.startswith((_RIGHT, _WRONG))
        sign = "" if judged else f"{_RIGHT} "
        text = wrapped_words(self._bold(), self.width() - _PADDING, sign + self.words)
        self.setText(text.removeprefix(sign))
        lines = self.lines(self.width() - _PADDING)
        if lines != self._reserved:
            self._reserved = lines
            self.updateGeometry()
