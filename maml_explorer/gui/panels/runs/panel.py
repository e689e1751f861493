"""Panel of the runs: pinned ones beside the one that is there, their differences and errors."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from maml_explorer.settings.words import counted
from maml_explorer.gui.panels.runs.ablation_window import show_ablation
from maml_explorer.gui.panels.runs.table import Cell, RunTable
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.gui.style.numbers import MISSING, difference, number, whole
from maml_explorer.gui.session.pinned_run import PinnedRun, differing, figure, figures_of
from maml_explorer.gui.session.pins import OTHER_TASKS
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.widgets.controls import button, row, type_changed
from maml_explorer.gui.widgets.plain_tip import plain_tip

HERE = "This run"
_FAINT = "Draw the chosen run’s adaptation beside that of this run"
_FIXED = ("Run", "Steps", "Differs in")


class RunsPanel(QWidget):
    """The table of runs, and what can be done with one."""

    title = "Runs"

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._baseline = ""
        """Folder of the run that was chosen for it."""
        self._least = ""
        """The shortest words on the figures."""
        self.words = ElidedLabel()
        self.table = RunTable()
        self.table.drawn_changed.connect(self.compare)
        self.table.delete_pressed.connect(self.delete)
        self.table.menu_asked.connect(self._open_menu)
        self.restore = button("Use settings", self.restore_settings,
                              "Edit with the settings of the chosen run")  # fmt: skip
        self.baseline = button("Baseline", self.use_as_baseline,
                               "Differences are counted from the chosen run")  # fmt: skip
        self.ghost = button("Draw faint", self.show_ghost, _FAINT)
        self.ghost.setCheckable(True)
        self.remove = button("Delete", self.delete, "Delete the chosen run (undo brings it back)")
        self.ablation = button("Ablation…", lambda: show_ablation(self),
                               "What each trick does by itself, measured beforehand")  # fmt: skip
        self._buttons = row(None, *self._controls, self.ablation)
        self._head = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._head.setSpacing(6)
        self._head.addWidget(self.words, 1)
        self._head.addLayout(self._buttons)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 4, 0, 0)
        box.setSpacing(6)
        box.addLayout(self._head)
        box.addWidget(self.table, 1)
        self.table.itemSelectionChanged.connect(self._look)
        for signal in (
            session.pins.changed, session.pins.compared_changed, session.pins.ghost_changed,
            session.measured.meta_tested, session.editor.settings_changed, session.link.run_started,
            session.link.status_changed,
        ):  # fmt: skip
            signal.connect(self._later)
        self._fresh: object = None
        self._show()

    @property
    def _controls(self) -> tuple[QPushButton, ...]:
        return self.restore, self.baseline, self.ghost, self.remove

    @property
    def chosen(self) -> PinnedRun | None:
        """The pinned run whose row is selected; None for the run that is there."""
        nth, pinned = self.table.chosen, self.session.pins.runs
        return pinned[nth] if 0 <= nth < len(pinned) else None

    @property
    def reference(self) -> PinnedRun | None:
        """Baseline of the differences: the run chosen for it, or the first pinned one.

        One of the task family that is trained on comes before others.
        """
        pinned, family = self.session.pins.runs, self.session.settings.family
        picked = [run for run in pinned if run.folder == self._baseline]
        alike = [run for run in pinned if run.settings.family is family]
        return next(iter((*picked, *alike, *pinned)), None)

    def restore_settings(self) -> None:
        """Edits with the chosen run's settings, as one undo step.

        Where they need another run they wait for it as a whole.
        """
        if self.chosen is not None:
            text = f"Restore settings of {self.chosen.name}"
            self.session.control.restore(self.chosen.settings, text)

    def use_as_baseline(self) -> None:
        """Counts differences from the chosen run."""
        if self.chosen is not None:
            self._baseline = self.chosen.folder
            self._show()

    def show_ghost(self) -> None:
        """Draws the chosen run beside the adaptation, or no longer."""
        pins = self.session.pins
        if self.chosen is not None:
            pins.show(None if self.chosen.ghost == pins.ghost else self.chosen.ghost)
            self._look()

    def compare(self, nth: int, on: bool) -> None:
        """Draws the nth pinned run among the losses, or no longer."""
        pins = self.session.pins
        name = {pins.runs[nth].name}
        pins.compare(pins.compared | name if on else pins.compared - name)

    def delete(self) -> None:
        """Deletes the chosen run; undo brings it back."""
        if self.chosen is not None:
            self.session.pins.delete(self.chosen)

    def menu(self) -> QMenu:
        """Menu of the chosen run."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for control in self._controls:
            action = menu.addAction(control.text(), control.click)
            action.setEnabled(control.isEnabled())
            action.setCheckable(control.isCheckable())
            action.setChecked(control.isChecked())
        return menu

    def _open_menu(self, at: QPoint) -> None:
        self.menu().popup(at)

    def _later(self, _: object = None) -> None:
        session, status = self.session, self.session.status
        step = 0 if status is None else status.outer_step
        pins = session.pins
        figures = tuple(len(run.figures) for run in pins.runs)
        fresh = (
            pins.runs, figures, pins.compared, pins.ghost, session.measured.meta_test, session.settings,
            session.run, step // 1000, session.losses.history.changed_keys,
        )  # fmt: skip
        if fresh != self._fresh:
            self._fresh = fresh
            self._show()

    def _show(self) -> None:
        session, status, tested = self.session, self.session.status, self.session.measured.meta_test
        # of the outer step that the figures beside it are of
        at = tested if tested is not None else status
        here = PinnedRun(HERE, session.settings, 0 if at is None else at.outer_step,
                         figures_of(tested), arm_steps={} if at is None else at.arm_steps,
                         changed=session.losses.history.changed_keys)  # fmt: skip
        runs = [here, *session.pins.runs]
        arms = list(dict.fromkeys(arm.name for run in runs for arm in run.settings.arms))
        step = session.settings.inner.inner_steps
        wordings = self._wordings(step)
        self._least = wordings[-1]
        self.words.say(*wordings)
        self._arrange()
        chosen = self.chosen
        rows = [self._cells(run, arms, step) for run in runs]
        drawn = [None, *(self._is_drawn(run) for run in session.pins.runs)]
        self.table.fill([*_FIXED, *arms], rows, drawn)
        if chosen is not None and chosen in session.pins.runs:
            self.table.choose(session.pins.runs.index(chosen))
        self._look()

    def _arrange(self) -> None:
        """Gives the words a line of their own where the shortest have no room beside buttons."""
        needed = self.words.fontMetrics().horizontalAdvance(self._least) + self._head.spacing()
        beside = needed + self._buttons.sizeHint().width() <= self.width()
        way = QBoxLayout.Direction
        self._head.setDirection(way.LeftToRight if beside else way.TopToBottom)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Arranges the head anew."""
        super().resizeEvent(event)
        self._arrange()

    def changeEvent(self, event: QEvent) -> None:
        """Arranges the head anew where words are of another size."""
        super().changeEvent(event)
        if type_changed(event):
            self._arrange()

    def _is_drawn(self, run: PinnedRun) -> bool | None:
        """True for a run among the losses; None where it has no place there."""
        fits = self.session.losses.fits(run)
        return run.name in self.session.pins.compared if fits else None

    def _wordings(self, step: int) -> tuple[str, ...]:
        """Words on the figure and what it is compared with; the longest wording first."""
        family, reference = self.session.settings.family, self.reference
        query = f"query {family.figure}, step {step}"  # else a change of K looks like other runs
        whole = f"Query {family.figure} after {counted(step, 'inner step')}"
        tested = self.session.measured.meta_test
        if tested is not None and tested.declared is not None:
            whole += f", this run: first {tested.tasks} of {tested.declared} tasks"
        if reference is None:
            return whole, query
        name = reference.name
        if reference.settings.family is family:
            figure = f"{family.figure}, step {step}"
            return (  # what stands in brackets is said in every wording
                f"{whole} (difference to {name})",
                f"{query} (minus {name})",
                f"{figure} (minus {name})",
                f"{figure} (− {name})",
            )
        return (
            f"{whole}. {name} learns other tasks: it is not drawn, no difference shown.",
            f"{query} ({name}: other tasks)",
            f"{family.figure}; {name}: {reference.settings.family.figure}",
            query,
        )

    def _cells(self, run: PinnedRun, arms: list[str], step: int) -> list[Cell]:
        """(text, what it sorts by) of each column."""
        reference = self.reference
        base = reference.settings if reference is not None else self.session.editor.baseline
        differs = differing(run, base)
        family = run.settings.family
        here = self.session.settings.family.figure
        alike = reference is not None and family is reference.settings.family
        tested = self.session.measured.meta_test
        part = tested is not None and tested.declared is not None  # means over other tasks
        cells: list[Cell] = [
            (run.name, run.name), (whole(run.outer_step), float(run.outer_step)),
            (differs if differs[0] else MISSING, differs[0]),
        ]  # fmt: skip
        for arm in arms:
            value = figure(run.figures, arm, step)
            if value is None:
                cells.append((MISSING, float("inf")))
                continue
            own, behind = run.own_step(arm), ""
            if own != run.outer_step:
                behind = f", step\u00a0{whole(own)}"  # in one piece
            text = number(value, fixed=True)
            if family.figure != here:
                cells.append((f"{text} {family.figure}{behind}", float("inf")))
                continue
            other = figure(reference.figures, arm, step) if reference and alike else None
            if other is not None and run is not reference and not (part and run.name == HERE):
                text += f" ({difference(value, other)})"
            cells.append((f"{text}{behind}", value))
        return cells

    def _look(self) -> None:
        chosen, pins = self.chosen, self.session.pins
        for control in self._controls:
            control.setEnabled(chosen is not None)
        curves = chosen is None or pins.comparable(chosen.settings)
        self.ghost.setEnabled(chosen is not None and curves)
        self.ghost.setToolTip(plain_tip(_FAINT if curves else OTHER_TASKS))
        self.ghost.setChecked(chosen is not None and curves and chosen.ghost == pins.ghost)
