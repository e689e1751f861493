"""Panel of the adaptation to images, the hero: support set, query images, inner step by step."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from maml_explorer.gui.panels.adaptation.arm_bar import ArmLine
from maml_explorer.gui.panels.adaptation.outer_step_shown import OuterStepShown
from maml_explorer.gui.panels.adaptation.step_bar import StepBar
from maml_explorer.gui.panels.adaptation.words import back_line, step_line
from maml_explorer.gui.panels.images.draw_pad import DrawPad
from maml_explorer.gui.panels.images.query_board import QueryBoard
from maml_explorer.gui.panels.images.support_grid import SupportGrid
from maml_explorer.gui.panels.images.words import accuracy_of, captions, percent, task_line
from maml_explorer.gui.session import image_edits
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.shown_images import last_step
from maml_explorer.gui.style.theme import Theme
from maml_explorer.gui.widgets.controls import ComboBox, button, label, move_closer, row
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.protocol.images import ImagesProbed, ImageTask, Strokes
from maml_explorer.protocol.reports import Status, Stepped

LEFT = 0.3
"""Part of the width that the support set has."""


class ImagesPanel(QWidget):
    """Support set by class, query images with probabilities, inner-step slider, line of arms."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.shown = OuterStepShown(session.inner)
        self._strokes_of: int | None = None
        """The class that the glyph on the pad was added to; −1 for the query set, None for none."""
        self.subtitle = ElidedLabel()
        self.inner = session.inner
        self.support, self.canvas = SupportGrid(session), QueryBoard(session)
        self.pad = DrawPad(session)
        self.target = ComboBox()
        self.bar = StepBar(self.inner)
        self.slider, self.play = self.bar.slider, self.bar.play
        images = session.images
        self.new_task = button("New task", images.new_task, "Sample other classes (T)")
        self.new_points = button(
            "New images", images.new_images, "Sample other images of these classes (P)"
        )
        self.clear = button("Clear", images.clear, "Remove all support images")
        self.undo = button("↶", session.undo, "Undo the last edit of task or settings (Ctrl+Z)")
        self.undo.setAccessibleName("Undo")
        self.draw_button = button("Draw", self._show_pad, "Draw an image with the mouse")
        self.unseen = button(
            "Unseen", lambda: images.choose(unseen=self.unseen.isChecked()),
            "Classes that training never uses; off: classes that it uses",
        )  # fmt: skip
        self.together = button(
            "Transductive", lambda: images.choose(together=self.together.isChecked()),
            "Batch norm takes its statistics from all query images together; off: from one query "
            "image and the support set",
        )  # fmt: skip
        for switch in (self.draw_button, self.unseen, self.together):
            switch.setCheckable(True)
            switch.setChecked(True)
        self.another = button("Next", self._next_glyph, "Keep this image and draw another")
        self.arms = ArmLine(session)
        self._lay_out()
        self._connect()
        self._take_target_classes()
        self._show()

    def _lay_out(self) -> None:
        self._title = label("Adaptation", "title")
        head = row(self._title)
        head.addWidget(self.subtitle, 1)
        for control in (
            self.undo, self.new_task, self.new_points, self.clear, self.draw_button,
        ):  # fmt: skip
            head.addWidget(control)
        self.pad_words = label("Draw as", "muted")
        self.target.setAccessibleName("Class of the drawn image")
        choice = QVBoxLayout()
        choice.setSpacing(6)
        for widget in (self.pad_words, self.target, self.another):
            choice.addWidget(widget)
        choice.addStretch(1)
        self.drawing = QWidget()
        beside = QHBoxLayout(self.drawing)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(8)
        beside.addWidget(self.pad)
        beside.addLayout(choice)
        beside.addStretch(1)
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addWidget(self.support, 1)
        left.addWidget(self.drawing)
        body = QHBoxLayout()
        body.setSpacing(16)
        body.addLayout(left, round(100 * LEFT))
        body.addWidget(self.canvas, round(100 * (1 - LEFT)))
        steps = row(self.bar, self.unseen, self.together)
        steps.setStretch(0, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        box.addLayout(head)
        box.addLayout(body, 1)
        box.addLayout(steps)
        box.addWidget(self.arms)
        for small in (
            self.undo, self.new_task, self.new_points, self.clear, self.draw_button,
            self.unseen, self.together, self.another,
        ):  # fmt: skip
            small.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Moves the buttons of the head closer together before they are cut."""
        super().resizeEvent(event)
        buttons = (self.undo, self.new_task, self.new_points, self.clear, self.draw_button)
        parts = (self._title, *buttons)
        wide = sum(part.sizeHint().width() + 8 for part in parts)
        move_closer(buttons, wide, self.width())

    def _connect(self) -> None:
        session = self.session
        self.inner.changed.connect(self._show_if_seen)
        session.images.probed_arrived.connect(self._show_if_seen)
        session.link.stepped.connect(self._take_stepped)
        session.link.status_changed.connect(self._take_status)
        session.editor.settings_changed.connect(self._take_settings)
        session.link.run_started.connect(self._take_run)
        session.link.run_left.connect(self._take_run)
        session.hidden_changed.connect(self._take_hidden)
        session.theme_changed.connect(self._take_theme)
        self.pad.drawn.connect(self._take_strokes)
        self.target.activated.connect(lambda _: self._next_glyph())
        for one, other in ((self.support, self.canvas), (self.canvas, self.support)):
            one.chosen_changed.connect(lambda one=one, other=other: _alone(one, other))

    # from the session

    def _show_if_seen(self, _: object = None) -> None:
        if self.isVisible():
            self._show()

    def _take_stepped(self, stepped: Stepped) -> None:
        if isinstance(stepped.probed, ImagesProbed):
            self.shown.at = stepped
            self.bar.stop()
            self._show_if_seen()

    def _take_status(self, status: Status) -> None:
        at = self.shown.end_where_over(status)
        if at is not None and self.isVisible():
            self._show()
            self.subtitle.say_in_passing(*back_line(at, status))

    def _take_settings(self, _: object) -> None:
        self.arms.rebuild()
        self._take_target_classes()
        self._show_if_seen()

    def _take_run(self, _: int = 0) -> None:
        self.shown.end()
        self._show_if_seen()

    def _take_hidden(self) -> None:
        self.arms.refresh()
        self._show_if_seen()

    def _take_theme(self, _: Theme) -> None:
        self.arms.refresh()
        for part in (self.support, self.canvas, self.pad):
            part.update()

    def showEvent(self, event: QShowEvent) -> None:
        """Catches up with what arrived while hidden."""
        super().showEvent(event)
        self._show()

    # what is shown

    def report(self) -> ImagesProbed | None:
        """The answer that is drawn."""
        if self.shown.at is not None and isinstance(self.shown.at.probed, ImagesProbed):
            return self.shown.at.probed
        return self.session.images.probed

    @property
    def last_step(self) -> int:
        """The last inner step there is, K."""
        report = self.report()
        return 0 if report is None else last_step(report)

    @property
    def inner_step(self) -> int:
        """The inner step that is shown; at first as many as there are in training."""
        return self.shown.inner_step(self.last_step)

    def _show(self) -> None:
        report, at = self.report(), self.shown.at
        stepping = at is not None
        steps = self.shown.steps(self.session.settings.arms, self.last_step)
        self.bar.show_step(self.inner_step, self.last_step, free=not stepping)
        self.support.show_report(report, not stepping)
        self.canvas.show_report(report, not stepping)
        self.canvas.show_steps(steps)
        task = self.session.images.task
        if self._strokes_of is not None and not _has_strokes(task):
            self._next_glyph()  # another task: what was drawn for the one before is gone
        self.unseen.setChecked(task is None or task.unseen)
        self.together.setChecked(task is None or task.together)
        self.together.setVisible(report is not None and report.by_points)
        self.together.setEnabled(not stepping)
        self.unseen.setEnabled(not stepping)
        free = [self._task_words(report), task_line(task)]
        self.subtitle.say(*(free if at is None else step_line(at, self.session.shown_arms)))
        known = task is None or any(one.label is not None for one in task.query)
        arms = {} if report is None else report.arms
        values = {name: accuracy_of(arm, steps.get(name, 0)) for name, arm in arms.items()}
        self.arms.show_values(values, captions(self.inner_step, known=known))

    def _task_words(self, report: ImagesProbed | None) -> str:
        words = task_line(self.session.images.task)
        if report is None or not report.neighbour:
            return words
        pairs = zip(report.neighbour, report.probe.query, strict=True)
        right = [near == one.label for near, one in pairs if one.label is not None]
        if not right:
            return words
        share = percent(sum(right) / len(right))
        return f"{words} · chance {percent(1 / len(report.names))}, nearest by pixels {share}"

    # drawing

    def _show_pad(self) -> None:
        self.drawing.setVisible(self.draw_button.isChecked())

    def _take_target_classes(self) -> None:
        ways = self.session.settings.images.ways
        if self.target.count() == ways + 1:
            return
        self.target.clear()
        self.target.addItem("query ?", None)
        for nth in range(ways):
            self.target.addItem(f"class {image_edits.class_name(nth)}", nth)
        self._next_glyph()

    def _next_glyph(self) -> None:
        self.pad.clear()
        self._strokes_of = None

    def _take_strokes(self, strokes: Strokes) -> None:
        images = self.session.images
        if images.task is None:
            return
        target: int | None = self.target.currentData()
        place = -1 if target is None else target
        task = images.task
        mine = (one for one in (*task.support, *task.query) if one.strokes and one.label == target)
        if self._strokes_of == place and any(mine):
            images.edit(image_edits.redrawn(task, strokes, target), "Draw")
        else:
            images.edit(image_edits.with_drawn(task, strokes, target), "Draw")
        self._strokes_of = place

    # prepared states

    def drawn(self) -> dict[str, object]:
        """Nothing: a prepared state does not say how this panel draws."""
        return {}


def _has_strokes(task: ImageTask | None) -> bool:
    return task is not None and any(one.strokes for one in (*task.support, *task.query))


def _alone(one: SupportGrid | QueryBoard, other: SupportGrid | QueryBoard) -> None:
    if one.chosen is not None and other.chosen is not None:
        other.chosen = None
        other.update()
