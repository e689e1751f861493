"""The strip above the hero while a lesson runs: what it says, asks, and where it goes on."""

from __future__ import annotations

from bisect import bisect_right
from functools import partial

from PySide6.QtCore import QEvent, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QFont, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QProgressBar,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from maml_explorer.gui.lessons.answers import AnswerChoice, Answers
from maml_explorer.gui.lessons.lesson import Lesson, Question, Scene
from maml_explorer.gui.lessons.lesson_dots import LessonDots
from maml_explorer.gui.style.typeset import typeset, unbroken
from maml_explorer.gui.widgets.controls import button, label, mark, row, type_changed
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.gui.widgets.plain_tip import native_keys, plain_tip
from maml_explorer.gui.widgets.see_through_area import SeeThroughArea

LETTERS = "ABCD"
AWAITED = "Opening the run of this page… The panels do not show it yet."
_BESIDE_BODY = 34
"""Pixels of the strip beside its text: borders, and a scroll bar's room."""
_GROWTH = tuple(1 + 0.05 * nth for nth in range(17))
"""Factors by which a lesson is written larger in a hall, where its longest page has room."""
_LARGEST_IN_A_HALL = 0.22
"""Part of the window's height up to which larger type makes text and choices higher in a hall."""
_REST = 600
"""Milliseconds in which the button that goes on does nothing where it has just revealed."""
_LARGEST = 0.26
"""Part of the window's height that text and choices take; beyond that they scroll."""


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
        self.title = ElidedLabel()
        self.title.setProperty("role", "title")
        self.title.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.dots = LessonDots(self.jumped.emit)
        self.note = ElidedLabel()
        self.play_button = button(
            "Let me play", self.play.emit, "Leave the lesson for a while; it waits for you"
        )
        self.back_button = button("Back", self.back.emit, "Previous page (Alt+Left)")
        self.next_button = button("Next", self._press_next, role="primary")
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
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(3)
        self.progress.setAccessibleName("Training for this page")
        self._lesson: Lesson | None = None
        self._goes_on = "Next"
        """Words of the button that goes on while nothing is waited for."""
        self._end = ""
        """Text of the page after the last one; empty on all others."""
        self._asking = False
        self.words = ""
        """The text of the page, without marks of type."""
        self._awaited = False
        self._scene: Scene | None = None
        """The scene that is shown; None on the last page."""
        self.in_a_hall = False
        self.rest = QTimer(self)
        """Runs for a moment after an answer was shown: a second click would skip why."""
        self.rest.setSingleShot(True)
        self.rest.setInterval(_REST)
        self._lay_out()
        self.hide()

    def _lay_out(self) -> None:
        head = row(self.title, self.dots)
        head.addWidget(self.note, 1)
        for control in (
            self.play_button, self.back_button, self.next_button, self.close_button
        ):  # fmt: skip
            head.addWidget(control)
        self._choices = Answers()
        self._page = body = QWidget()
        body.setProperty("role", "scrolled")
        self._inside = inside = QVBoxLayout(body)
        inside.setContentsMargins(0, 0, 4, 2)
        inside.setSpacing(4)
        inside.addStretch(0)
        for part in (self.text, self.ask, self._choices):
            inside.addWidget(part)
        inside.addStretch(1)
        self._body = SeeThroughArea()
        self._body.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._body.setWidget(body)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 6, 8, 6)
        box.setSpacing(4)
        box.addLayout(head)
        box.addWidget(self.progress)
        box.addWidget(self._body)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def show_training(self, part: float | None) -> None:
        """Shows how far the training is that the scene speaks of, 0 to 1; None for no waiting.

        Meanwhile the text is quiet, and going on is skipping ahead.
        """
        waits = part is not None
        self.progress.setValue(round(1000 * part) if part is not None else 0)
        role = "primary"
        if self._goes_on in ("Next", "Finish"):
            role = "" if waits else "primary"
            self._name_next("Skip ahead" if waits else self._goes_on)
        quiet = self._awaited or (waits and not self._asking)
        for widget, wanted in ((self.next_button, role), (self.text, "muted" if quiet else "")):
            if (widget.property("role") or "") != wanted:
                mark(widget, role=wanted)
        if self._goes_on in ("Next", "Finish"):
            # training ends by itself: the buttons beside must not move then
            asked = self.next_button.sizeHint().width()
            self.next_button.setMinimumWidth(max(self.next_button.minimumWidth(), asked))

    def show_awaited(self, awaited: bool) -> None:
        """Says that the page's run is opened, in place of a text that speaks of what it shows."""
        if awaited != self._awaited:
            self._awaited = awaited
            self._say_text(self.words)

    def _press_next(self) -> None:
        if not self.rest.isActive():
            self.forward.emit()

    def _name_next(self, words: str) -> None:
        if self.next_button.text() != words:
            self.next_button.setText(words)
            self.next_button.setAccessibleName(words)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Takes the height that the lesson needs at this width."""
        super().resizeEvent(event)
        self._fit_height()

    def changeEvent(self, event: QEvent) -> None:
        """Takes the height that the lesson needs in this font."""
        super().changeEvent(event)
        if type_changed(event):
            self.next_button.setMinimumWidth(0)
            self._fit_height()

    def show_in_a_hall(self, on: bool) -> None:
        """Writes all pages as large as the longest one allows, or in the type of the window."""
        self.in_a_hall = on
        self._fit_height()

    def _fit_height(self) -> None:
        """One height and one size of type for a lesson, so that nothing jumps from page to page."""
        if self._lesson is None:
            return
        room = max(self.width() - _BESIDE_BODY, 100)
        window, growth = self.window(), 1.0
        whole = window.height() if window is not self else 1080
        if self.in_a_hall:
            most = round(_LARGEST_IN_A_HALL * whole)
            fitting = bisect_right(_GROWTH, most, key=lambda one: self._longest(room, one))
            growth = _GROWTH[max(fitting - 1, 0)]
        needs = self._longest(room, growth)
        height = min(needs, max(round(_LARGEST * whole), 3 * self.fontMetrics().lineSpacing()))
        if self._body.height() != height:
            self._body.setFixedHeight(height)
        self._write_in(growth)
        # a page that only says something stands in the middle of the room that others need
        alone = self.in_a_hall and self.ask.isHidden()
        self._inside.setStretch(0, 1 if alone else 0)

    def _longest(self, room: int, growth: float = 1.0) -> int:
        """Pixels that the longest page of the lesson needs at this width, in larger type."""
        scenes = () if self._lesson is None else self._lesson.scenes
        last = _wrapped(QFontMetrics(self._font(growth)), self._end, room) + 8
        return max(last, *(self._needed(scene, room, growth) for scene in scenes))

    def _font(self, growth: float) -> QFont:
        font = QFont(self.font())
        font.setPointSizeF(growth * self.font().pointSizeF())
        return font

    def _write_in(self, growth: float) -> None:
        """Writes the page in type larger than the window's by a factor."""
        points = growth * self.font().pointSizeF()
        rule = f"QWidget {{ font-size: {points:g}pt; }}" if growth > 1 else ""
        if rule != self._page.styleSheet():
            self._page.setStyleSheet(rule)

    def _needed(self, scene: Scene, room: int, growth: float = 1.0) -> int:
        """Pixels of a scene's text, question and choices at this width, in larger type."""
        font, bold = self._font(growth), self._font(growth)
        bold.setWeight(QFont.Weight.DemiBold)
        plain = QFontMetrics(font)
        height = _wrapped(plain, unbroken(scene.text), room) + 4
        if typeset(scene.text) != scene.text:
            height += plain.lineSpacing() // 2  # indices reach below the line
        if scene.question is not None:
            height += _wrapped(QFontMetrics(bold), unbroken(scene.question.ask), room) + 4
            words = [f"{LETTERS[0]}   {words}" for words in scene.question.choices]
            height += self._choices.height_for(words, room, QFontMetrics(bold)) + 4
        return height + 4

    def show_scene(self, lesson: Lesson, nth: int, chosen: int | None, last: bool) -> None:
        """Shows a scene of a lesson; `chosen` is the choice that was made at its question."""
        scene = lesson.scenes[nth]
        asking = scene.question is not None and not scene.revealed
        if scene.revealed and self._asking:
            self.rest.start()
        self.title.say(lesson.title)
        self.dots.show_step(scene.step, lesson.steps)
        self._say_text(scene.text)
        self._lesson, self._asking, self._end, self._scene = lesson, asking, "", scene
        self._goes_on = "Reveal" if asking else "Finish" if last else "Next"
        self._name_next(self._goes_on)
        self.next_button.setToolTip(
            plain_tip(native_keys(f"{'Show the answer' if asking else 'Go on'} (Alt+Right)"))
        )
        self.back_button.setEnabled(nth > 0)
        for control in (self._body, self.play_button, self.back_button):
            control.show()
        self._show_question(scene.question, chosen, scene.revealed)
        self._body.verticalScrollBar().setValue(0)
        self._fit_height()
        self.show()

    def show_waiting(self, lesson: Lesson, nth: int) -> None:
        """Only says where the lesson waits."""
        step = lesson.scenes[nth].step
        self.say(f"Your turn: the lesson waits on page {step + 1} of {lesson.steps}")
        self._goes_on = "Return to the lesson"
        self._name_next(self._goes_on)
        self.show_training(None)
        self.next_button.setToolTip(
            plain_tip(native_keys("Bring back what the lesson showed (Alt+Right)"))
        )
        for control in (self._body, self.play_button, self.back_button):
            control.hide()

    def show_end(self, lesson: Lesson, text: str, follows: str) -> None:
        """Shows the page after the last one; `follows` is the next lesson, or empty for none."""
        self._lesson, self._asking, self._end, self._scene = lesson, False, text, None
        self._awaited = False
        self.title.say(lesson.title)
        self.dots.show_step(lesson.steps - 1, lesson.steps)
        self._say_text(text)
        self.say("")
        self._show_question(None, None, False)
        self._goes_on = "Next lesson" if follows else "Close"
        self._name_next(self._goes_on)
        self.show_training(None)
        tip = f"Next lesson: {follows} (Alt+Right)" if follows else "Close the lesson (Alt+Right)"
        self.next_button.setToolTip(plain_tip(native_keys(tip)))
        self._body.show()
        self.play_button.hide()
        self.back_button.show()
        self.back_button.setEnabled(True)
        self._body.verticalScrollBar().setValue(0)
        self._fit_height()

    def show_return(self, lesson: Lesson, text: str) -> None:
        """Says, quietly, that the user's run is on its way back after a lesson was closed."""
        self.show_end(lesson, text, "")
        self.back_button.hide()
        mark(self.text, role="muted")
        self.show()

    def _say_text(self, text: str) -> None:
        self.words = native_keys(text)
        text = AWAITED if self._awaited else self.words
        plain = unbroken(text)
        rich = typeset(plain)
        kind = Qt.TextFormat.PlainText if rich == plain else Qt.TextFormat.RichText
        self.text.setTextFormat(kind)
        self.text.setText(rich)
        self.text.setAccessibleName(text)

    def say(self, note: str, *shorter: str) -> None:
        """A few words beside the dots."""
        self.note.say(note, *shorter)

    def answer(self, words: str) -> None:
        """Words in the place of the question: what a drawing is worth."""
        if self.ask.accessibleName() != words:
            self.ask.setText(words)
            self.ask.setAccessibleName(words)

    def _show_question(self, question: Question | None, chosen: int | None, revealed: bool) -> None:
        self.ask.setVisible(question is not None)
        # what was asked and answered is read first, and then why
        self._inside.insertWidget(3 if revealed and question is not None else 1, self.text)
        self.choices = []
        if question is not None:
            self.ask.setText(unbroken(question.ask))
            self.ask.setAccessibleName(question.ask)
            for nth, words in enumerate(question.choices):
                choice = AnswerChoice(f"{LETTERS[nth]}   {words}", partial(self.chosen.emit, nth))
                if revealed:
                    choice.show_verdict(nth == question.answer, nth == chosen)
                self.choices.append(choice)
        self._choices.show_choices(self.choices)


def _wrapped(metrics: QFontMetrics, text: str, room: int) -> int:
    """Pixels of the height of a text at a width."""
    area = QRect(0, 0, room, 10_000)
    return metrics.boundingRect(area, Qt.TextFlag.TextWordWrap, text).height()
