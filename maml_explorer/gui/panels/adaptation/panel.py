"""Panel of the adaptation, the hero: every arm on the task shown, inner step by inner step."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QMenu, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from maml_explorer.gui.panels.adaptation.arm_bar import ArmLine
from maml_explorer.gui.panels.adaptation.bending import Bending
from maml_explorer.gui.panels.adaptation.outer_step_shown import OuterStepShown
from maml_explorer.gui.panels.adaptation.step_bar import StepBar
from maml_explorer.gui.panels.adaptation.task_curves import REFERENCES, has_data
from maml_explorer.gui.panels.adaptation.task_legend import TaskLegend
from maml_explorer.gui.panels.adaptation.task_plot import TaskPlot, has_points
from maml_explorer.gui.panels.adaptation.words import (
    back_line,
    beyond_tip,
    captions,
    error_of,
    own_task_tip,
    step_line,
    task_line,
)
from maml_explorer.gui.session import task_edits, task_sampling
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.view_state import ViewState
from maml_explorer.gui.style.theme import Theme
from maml_explorer.gui.widgets.controls import button, label, row
from maml_explorer.gui.widgets.elided_label import SEPARATOR, ElidedLabel
from maml_explorer.protocol.commands import ProbeTask
from maml_explorer.protocol.reports import Probed, Status, Stepped
from maml_explorer.settings.settings import Settings


class AdaptationPanel(QWidget):
    """Plot, inner-step slider and the line of arms."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.shown = OuterStepShown(session.inner)
        self.subtitle = ElidedLabel()
        self.canvas = TaskPlot(session)
        self.canvas.caption = self._caption
        self.bending = Bending(self.canvas, session.task)
        self.legend = TaskLegend(session)
        self.new_task = button("New task", session.task.new_task, "Sample a different task (T)")
        self.new_points = button(
            "New points ▾", self._open_places, "Sample other support points of this task (P)"
        )
        self.new_points.setAccessibleName("New points")
        self.clear = button("Clear", self._clear, "Remove all support points")
        self.undo = button("↶", session.undo, "Undo the last edit of task or settings (Ctrl+Z)")
        self.undo.setAccessibleName("Undo")
        self.inner = session.inner
        self.bar = StepBar(self.inner)
        self.slider, self.play, self.step_text = self.bar.slider, self.bar.play, self.bar.text
        self.before = button("Show θ", self._show, "Every arm's curve before adaptation too, faint")
        self.before.setCheckable(True)
        self.lines = button("Lines ▾", self._open_lines, "Which exact answers are drawn")
        self.lines.setAccessibleName("Lines")
        self.residuals = button(
            "Residuals", self._show, "Query points: distance to the first visible arm"
        )
        self.residuals.setCheckable(True)
        self.arms = ArmLine(session)
        self._lay_out()
        self._connect()
        self._reload()

    def _lay_out(self) -> None:
        for small in self._buttons():
            small.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        head = row(label("Adaptation", "title"))
        head.addWidget(self.subtitle, 1)
        for control in (self.undo, self.new_task, self.new_points, self.clear):
            head.addWidget(control)
        steps = row(self.bar, self.before, self.residuals, self.lines)
        steps.setStretch(0, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        box.addLayout(head)
        box.addWidget(self.canvas, 1)
        box.addWidget(self.legend)
        box.addLayout(steps)
        box.addWidget(self.arms)

    def _buttons(self) -> tuple[QPushButton, ...]:
        return (
            self.undo, self.new_task, self.new_points, self.clear,
            self.before, self.residuals, self.lines,
        )  # fmt: skip

    def _connect(self) -> None:
        session = self.session
        self.inner.changed.connect(self._take_inner_step)
        self.bending.changed.connect(self._say_step)
        session.task.probe_changed.connect(self._take_probe)
        self.canvas.editor.edited = self.legend.touched
        session.task.probed_arrived.connect(self._take_probed)
        session.link.stepped.connect(self._take_stepped)
        session.link.status_changed.connect(self._take_status)
        session.editor.settings_changed.connect(self._take_settings)
        session.link.run_started.connect(self._take_run)
        session.link.run_left.connect(self._take_run)
        for changed in (
            session.hidden_changed, session.pins.ghost_changed, session.divergences.changed
        ):  # fmt: skip
            changed.connect(self._take_drawn)
        session.theme_changed.connect(self._take_theme)

    # from the session

    def _reload(self) -> None:
        """Shows what the session has now, as after having been hidden."""
        self.canvas.show_task(self._probe())
        self._show()

    def _take_probe(self, probe: ProbeTask) -> None:
        self.shown.end()
        if self.isVisible():
            self.canvas.show_task(probe)
            if not self.canvas.editor.dragging:  # the answer is about to come, and writes it
                self._write()

    def _take_probed(self, probed: Probed) -> None:
        if self.isVisible() and self.shown.at is None:
            # together: near divergence, two answers of one arm have little in common
            self._show()

    def _take_stepped(self, stepped: Stepped) -> None:
        self.shown.at = stepped
        self.bar.stop()
        if self.isVisible():
            self.canvas.show_task(self._probe())
            self._show()

    def _take_status(self, status: Status) -> None:
        at = self.shown.end_where_over(status)
        if at is not None and self.isVisible():
            self._reload()
            self.subtitle.say_in_passing(*back_line(at, status))

    def _take_settings(self, settings: Settings) -> None:
        self.arms.rebuild()
        if self.isVisible():
            self._reload()

    def _take_run(self, _: int = 0) -> None:
        if (self.shown.end() or self.session.link.left) and self.isVisible():
            self._reload()

    def _take_inner_step(self) -> None:
        if self.isVisible():
            self._show()

    def _take_drawn(self) -> None:
        """Follows which arms are drawn, and how."""
        self.arms.refresh()
        if self.isVisible():
            self.canvas.redraw()
            self._write()

    def _take_theme(self, theme: Theme) -> None:
        self.canvas.take_colors(theme)
        self.arms.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """Catches up with what arrived while hidden."""
        super().showEvent(event)
        self._reload()

    # what is shown

    def _report(self) -> Probed | None:
        if self.shown.at is None:
            return self.session.task.probed
        found = self.shown.at.probed
        return found if isinstance(found, Probed) else None

    def _probe(self) -> ProbeTask | None:
        if self.shown.at is None:
            return self.session.task.probe
        found = self.shown.at.probe
        return found if isinstance(found, ProbeTask) else None

    @property
    def last_step(self) -> int:
        """The last inner step there is, K."""
        report = self._report()
        if report is None or not report.arms:
            return 0
        return max(len(arm.curves) for arm in report.arms.values()) - 1

    @property
    def inner_step(self) -> int:
        """The inner step that is shown; at first as many as there are in training."""
        return self.shown.inner_step(self.last_step)

    @property
    def _said_step(self) -> int:
        """The inner step that slider and chips say: 0 until the curves have bent, which is said."""
        return 0 if self.bending.under_way else self.inner_step

    def _steps(self) -> dict[str, int]:
        return self.shown.steps(self.session.settings.arms, self.last_step)

    def _show(self) -> None:
        """Draws the curves and writes the numbers."""
        self._draw()
        self._write()

    def _draw(self) -> None:
        stepping = self.shown.at is not None
        self._show_step()
        self.canvas.curves.before = self.before.isChecked()
        self.canvas.curves.residuals = self.residuals.isChecked() or stepping
        self.canvas.show_report(self._report(), self._steps())
        curves, probe = self.canvas.curves, self._probe()
        # without a truth there are no query points
        self.residuals.setEnabled(probe is None or probe.known)
        self.legend.show_items(
            support=has_points(curves.support), query=has_points(curves.query),
            truth=has_data(curves.truth), known=probe is None or probe.known,
        )  # fmt: skip

    def _show_step(self) -> None:
        ahead = self.inner_step if self.bending.moves else None
        self.bar.show_step(self._said_step, self.last_step, self.shown.at is None, ahead)

    def _say_step(self) -> None:
        """Writes slider and chips anew: the curves bend by themselves."""
        self._show_step()
        self._write()

    def _write(self) -> None:
        self.subtitle.say(*self._subtitle())
        probe, report = self._probe(), self._report()
        steps = {} if self.bending.under_way else self._steps()  # θ, where there is none
        known = probe is None or probe.known
        arms, drawn = {} if report is None else report.arms, has_points(self.canvas.curves.query)
        beyond = self.canvas.beyond()
        values = {
            name: error_of(arm, steps.get(name, 0), known=known, beyond=beyond.get(name, ""))
            for name, arm in arms.items()
        }
        own = {} if known or report is None else {
            name: own_task_tip(report, name, steps.get(name, 0)) for name in arms
        }  # fmt: skip
        own |= {name: beyond_tip(own.get(name, ""), arrow) for name, arrow in beyond.items()}
        words = captions(self._said_step, known=known, drawn=drawn)
        if self.bending.moves:
            words = [f"{words[0]} · the curves move on to step {self.inner_step}", *words]
        self.arms.show_values(values, words, "" if known else "support MSE", own)

    def _subtitle(self) -> list[str]:
        at = self.shown.at
        if at is not None:
            return step_line(at, self.session.shown_arms)
        task = task_line(self.session.task.probe, self.session.settings.tasks)
        points = task.rpartition(SEPARATOR)[2]
        brief = [points, points.replace(" support point", " point"), ""]
        # a formula is whole or not there
        return [task, task.replace(" support point", " point"), *brief]

    def _caption(self) -> str:
        return f"{self._subtitle()[0]} · after inner step {self.inner_step}"

    # prepared states

    def drawn(self) -> dict[str, bool | tuple[str, ...]]:
        """Part of a prepared state that says how this panel draws."""
        return {
            "before": self.before.isChecked(),
            "residuals": self.residuals.isChecked(),
            "lines_off": tuple(sorted(self.canvas.curves.off)),
        }

    def draw_as(self, state: ViewState) -> None:
        """Draws as a prepared state says."""
        for control, on in ((self.before, state.before), (self.residuals, state.residuals)):
            if on is not None:
                control.setChecked(on)
        if state.lines_off is not None:
            self.canvas.curves.off = frozenset(state.lines_off) & REFERENCES.keys()
        self._reload()

    # choices

    def lines_menu(self) -> QMenu:
        """The exact answers, and other runs of which one may be drawn, faint."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for key, words in REFERENCES.items():
            action = menu.addAction(words)
            action.setCheckable(True)
            action.setChecked(self.canvas.curves.shows(key))
            action.toggled.connect(partial(self._show_line, key))
        pins = self.session.pins
        ghosts = [run.ghost for run in reversed(pins.runs)]
        if pins.replaced is not None:
            ghosts.insert(0, pins.replaced)
        for ghost in ghosts:
            if not pins.comparable(ghost.settings):
                continue
            action = menu.addAction(f"Faint: {ghost.words}")
            action.setCheckable(True)
            action.setChecked(ghost == pins.ghost)
            action.toggled.connect(lambda on, ghost=ghost: pins.show(ghost if on else None))
        return menu

    def _open_lines(self) -> None:
        self.lines_menu().popup(self.lines.mapToGlobal(QPoint(0, self.lines.height())))

    def _show_line(self, key: str, shown: bool) -> None:
        off = self.canvas.curves.off - {key}
        self.canvas.curves.off = off if shown else off | {key}
        self._reload()

    def places_menu(self) -> QMenu:
        """Menu that "New points" opens."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for place in task_sampling.PLACES:
            words = place.capitalize()
            menu.addAction(words, lambda place=place: self.session.task.new_points(place))
        return menu

    def _open_places(self) -> None:
        below = QPoint(0, self.new_points.height())
        self.places_menu().popup(self.new_points.mapToGlobal(below))

    def _clear(self) -> None:
        if self.session.task.probe is not None:
            self.session.task.edit(task_edits.cleared(self.session.task.probe), "Clear")
