"""The strip above the hero while a lesson runs: what it says, asks, and where it goes on."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from maml_explorer.gui.lessons.lesson import Lesson, Question
from maml_explorer.gui.widgets.controls import button, label, mark, row
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.gui.widgets.plain_tip import plain_tip

LETTERS = "ABCD"
_PADDING = 26
"""Pixels of a choice beside its words."""
_RIGHT, _WRONG = "✓", "✗"


class LessonStrip(QFrame):
    """Shows texts and buttons; presses come out as signals."""

    back = Signal()
    forward = Signal()
    chosen = Signal(int)
    play = Signal()
    closed = Signal()
    jumped = Signal(int)
    """A step was chosen, from 0."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "banner")
        self.title = label("", "title")
        self.dots = LessonDots(self.jumped.emit)
        self.note = ElidedLabel()
        self.play_button = button(
            "Let me play", self.play.emit, "Leave the lesson for a while; it waits for you"
        )
        self.back_button = button("Back", self.back.emit, "The step before (Alt+Left)")
        self.next_button = button("Next", self.forward.emit, role="primary")
        self.close_button = button(
            "✕", self.closed.emit, "Close the lesson: your own run comes back", role="flat"
        )
        self.close_button.setAccessibleName("Close the lesson")
        self.text = label("")
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.ask = label("")
        self.ask.setProperty("role", "ask")
        self.ask.setWordWrap(True)
        self.choices: list[AnswerChoice] = []
        self._lay_out()
        self.hide()

    def _lay_out(self) -> None:
        head = row(self.title, self.dots)
        head.addWidget(self.note, 1)
        for control in (
            self.play_button, self.back_button, self.next_button, self.close_button
        ):  # fmt: skip
            head.addWidget(control)
        self._asked = QWidget()
        asked = QVBoxLayout(self._asked)
        asked.setContentsMargins(0, 0, 0, 0)
        asked.setSpacing(4)
        asked.addWidget(self.ask)
        self._choices = Answers()
        asked.addWidget(self._choices)
        asked.addStretch(1)
        self._body = QWidget()
        body = QHBoxLayout(self._body)
        body.setContentsMargins(0, 0, 4, 2)
        body.setSpacing(24)
        body.addWidget(self.text, 1, Qt.AlignmentFlag.AlignTop)
        body.addWidget(self._asked, 1, Qt.AlignmentFlag.AlignTop)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 6, 8, 6)
        box.setSpacing(4)
        box.addLayout(head)
        box.addWidget(self._body)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def show_scene(self, lesson: Lesson, nth: int, chosen: int | None, last: bool) -> None:
        """Shows a scene of a lesson; `chosen` is the choice that was made at its question."""
        scene = lesson.scenes[nth]
        asking = scene.question is not None and not scene.revealed
        self.title.setText(lesson.title)
        self.dots.show_step(scene.step, lesson.steps)
        self.text.setText(scene.text)
        self.next_button.setText("Reveal" if asking else "Finish" if last else "Next")
        self.next_button.setAccessibleName(self.next_button.text())
        self.next_button.setToolTip(
            plain_tip("Show the answer (Alt+Right)" if asking else "Go on (Alt+Right)")
        )
        self.back_button.setEnabled(nth > 0)
        for control in (self._body, self.play_button, self.back_button):
            control.show()
        self._show_question(scene.question, chosen, scene.revealed)
        self.show()

    def show_waiting(self, lesson: Lesson, nth: int) -> None:
        """Only says where the lesson waits."""
        step = lesson.scenes[nth].step
        self.say(f"Your turn: the lesson waits at step {step + 1} of {lesson.steps}")
        self.next_button.setText("Return to lesson")
        self.next_button.setAccessibleName("Return to lesson")
        self.next_button.setToolTip("Bring back what the lesson showed (Alt+Right)")
        for control in (self._body, self.play_button, self.back_button):
            control.hide()

    def say(self, note: str) -> None:
        """A few words beside the dots."""
        self.note.say(note)

    def _show_question(self, question: Question | None, chosen: int | None, revealed: bool) -> None:
        self._asked.setVisible(question is not None)
        self.choices = []
        if question is not None:
            self.ask.setText(question.ask)
            for nth, words in enumerate(question.choices):
                if revealed and nth not in (question.answer, chosen):
                    continue
                choice = AnswerChoice(f"{LETTERS[nth]}   {words}", partial(self.chosen.emit, nth))
                if revealed:
                    choice.show_verdict(nth == question.answer, nth == chosen)
                self.choices.append(choice)
        self._choices.show_choices(self.choices)


class Answers(QWidget):
    """Choices in two columns where each fits onto one line there, or else below each other."""

    def __init__(self) -> None:
        super().__init__()
        self._choices: list[AnswerChoice] = []
        self._columns = 0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(4)

    def show_choices(self, choices: list[AnswerChoice]) -> None:
        """Replaces the ones before by these."""
        for choice in self._choices:
            self._grid.removeWidget(choice)
            choice.hide()
            choice.deleteLater()
        self._choices, self._columns = list(choices), 0
        self._arrange()
        self.setVisible(bool(choices))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Arranges again."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        room = (self.width() - self._grid.spacing()) // 2
        columns = 2 if all(choice.whole_width() <= room for choice in self._choices) else 1
        if columns == self._columns:
            return
        self._columns = columns
        for nth, choice in enumerate(self._choices):
            self._grid.addWidget(choice, nth // columns, nth % columns)
        for nth in range(2):
            self._grid.setColumnStretch(nth, 1 if nth < columns else 0)


class AnswerChoice(QPushButton):
    """An answer that wraps onto as many lines as it needs."""

    def __init__(self, words: str, chosen: object) -> None:
        super().__init__()
        self.words = words
        self.setAccessibleName(words)
        self.setAutoDefault(False)
        self.setProperty("role", "choice")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.clicked.connect(chosen)
        self.setText(words)

    def show_verdict(self, right: bool, chosen: bool) -> None:
        """Says whether this was right, and whether the user chose it."""
        sign = f"{_RIGHT} " if right else f"{_WRONG} " if chosen else ""
        said = ["right answer"] if right else []
        said += ["your answer"] if chosen else []
        self.words = sign + self.words
        if chosen:
            self.words += "   (your answer)"
        self.setAccessibleName(f"{self.words}: {', '.join(said)}" if said else self.words)
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
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._wrap()

    def whole_width(self) -> int:
        """The width at which its words stand on one line."""
        return self.fontMetrics().horizontalAdvance(self.words) + _PADDING

    def minimumSizeHint(self) -> QSize:
        """Width of its longest word, height of its lines."""
        hint = super().minimumSizeHint()
        words = max(
            (self.fontMetrics().horizontalAdvance(w) for w in self.words.split()), default=0
        )
        return QSize(words + _PADDING, hint.height())

    def _wrap(self) -> None:
        room, lines = self.width() - _PADDING, [""]
        for word in self.words.split(" "):
            longer = f"{lines[-1]} {word}" if lines[-1] else word
            if lines[-1] and self.fontMetrics().horizontalAdvance(longer) > room:
                lines.append(word)
            else:
                lines[-1] = longer
        text = "\n".join(lines)
        if text != self.text():
            self.setText(text)
            self.updateGeometry()


class LessonDots(QWidget):
    """One dot a step: filled up to where the lesson is; a click goes to a step."""

    def __init__(self, jumped: object) -> None:
        super().__init__()
        self._jumped = jumped
        self._step, self._steps = 0, 1
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_step(self, step: int, steps: int) -> None:
        """Fills the dots up to this step, from 0."""
        self._step, self._steps = step, steps
        self.setAccessibleName(f"Step {step + 1} of {steps}")
        self.setToolTip(plain_tip(f"Step {step + 1} of {steps}; a click goes to a step"))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """12 pixels a dot."""
        return QSize(12 * self._steps, 16)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Goes to the step under the mouse."""
        nth = min(max(int(event.position().x() // 12), 0), self._steps - 1)
        self._jumped(nth)  # type: ignore[operator]

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the dots; the one that is shown is larger."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        accent = self.palette().color(QPalette.ColorRole.Accent)
        rest = self.palette().color(QPalette.ColorRole.PlaceholderText)
        for nth in range(self._steps):
            radius = 4.0 if nth == self._step else 2.8
            painter.setPen(accent if nth <= self._step else rest)
            painter.setBrush(accent if nth <= self._step else Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QPointF(12 * nth + 6, 8), radius, radius)
        painter.end()
