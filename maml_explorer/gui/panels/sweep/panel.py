"""Panel of a sweep: heat map, parallel coordinates, run table, and losses of the chosen runs."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from maml_explorer.files.opening import is_file
from maml_explorer.files.reader import StorageError
from maml_explorer.gui.panels.sweep.axis_choice import AxisChoice
from maml_explorer.gui.panels.sweep.cell_map import SweepMap
from maml_explorer.gui.panels.sweep.chosen_losses import ChosenLosses
from maml_explorer.gui.panels.sweep.coordinates import SweepCoordinates
from maml_explorer.gui.panels.sweep.folder_dialog import ask_folder
from maml_explorer.gui.panels.sweep.new_sweep import NewSweep
from maml_explorer.gui.panels.sweep.point_words import (
    leading_symbol,
    name_of,
    names_apart,
    objective_words,
)
from maml_explorer.gui.panels.sweep.progress_row import ProgressRow
from maml_explorer.gui.panels.sweep.reader import MOST_DRAWN, SweepReader, SweepSeen
from maml_explorer.gui.panels.sweep.table import SweepTable
from maml_explorer.gui.session.pinned_run import GhostRun
from maml_explorer.gui.session.proposed_path import proposed_path
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.theme import Theme
from maml_explorer.gui.widgets.controls import ComboBox, button, label, row, type_changed
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.protocol.commands import ShowGhost
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.storage.report.sweep_table import SweepRow, higher_is_better
from maml_explorer.storage.run.folder import CHECKPOINT, METRICS
from maml_explorer.storage.run.metrics import last_outer_step
from maml_explorer.storage.sweep.trials import Trial

READ_EVERY = 2000
"""Milliseconds between two readings while it is visible and the sweep has not ended."""
VIEWS = ("Map", "Coordinates", "Runs")
HINTS = ("Click a cell to see its losses", "Drag along an axis to see losses",
         "Choose runs to see losses")  # fmt: skip
NOTHING = "No sweep is open: “Open…” opens the folder of one, “New…” sets one up."


class SweepPanel(QWidget):
    """Shows a sweep folder as it is on disk; a process of its own trains it, on request."""

    title = "Sweep"

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.path: Path | None = None
        self.seen: SweepSeen | None = None
        self._ghost: GhostRun | None = None
        self.reader = SweepReader(self)
        self.reader.seen.connect(self._take)
        self.reader.failed.connect(self._say)
        self.progress = ProgressRow(
            button("Open…", self._choose_folder, "Open the folder of a sweep"),
            button("New…", self.ask, "Describe a sweep over the settings in the form"),
        )
        self.words = self.progress.words
        self.view = ComboBox()
        self.view.addItems(VIEWS)
        self.view.setAccessibleName("View of the sweep")
        self.axes = AxisChoice()
        self.beside = button("Beside", self.show_beside,
                             "The chosen run adapts beside yours, faint")  # fmt: skip
        self.beside.setCheckable(True)
        self.here = button("Train here", self.train_here,
                           "Begin a run with the settings and seed of the chosen run")  # fmt: skip
        self.map = SweepMap(session.theme)
        self.coordinates = SweepCoordinates(session.theme)
        self.table = SweepTable()
        self.losses = ChosenLosses(session.theme)
        self.views = QStackedWidget()
        for view in (self.map, self.coordinates, self.table):
            self.views.addWidget(view)
        self.describe = NewSweep(session, self.open_folder, self.progress.train)
        self.describe.shown.connect(lambda _: self._look())
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 4, 0, 0)
        box.setSpacing(6)
        head = row(self.view, self.axes)
        head.addStretch(1)
        for control in (self.beside, self.here):
            head.addWidget(control)
        box.addLayout(head)
        box.addWidget(self.progress)
        box.addWidget(self.describe, 1)
        self.both = QSplitter(Qt.Orientation.Horizontal)
        self.both.setHandleWidth(12)
        self.both.setChildrenCollapsible(False)
        self.meaning = ElidedLabel()
        seen = QWidget()
        below = QVBoxLayout(seen)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(2)
        below.addWidget(self.views, 1)
        below.addWidget(self.meaning)
        self.both.addWidget(seen)
        self.both.addWidget(self.losses)
        self.both.setSizes([600, 300])
        box.addWidget(self.both, 1)
        self.nothing = label(NOTHING, "muted")
        self.nothing.setWordWrap(True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        box.addWidget(self.nothing, 1)
        self.view.activated.connect(self._look)
        self.axes.changed.connect(self._draw)
        self.progress.asked.connect(self._follow)
        self.map.picked.connect(self.choose_cell)
        self.coordinates.brushed.connect(self._brush)
        self.table.chosen_changed.connect(self._take_chosen)
        session.theme_changed.connect(self._take_theme)
        session.pins.ghost_changed.connect(self._look_at_ghost)
        session.link.run_started.connect(self._look_at_ghost)
        self.timer = QTimer(self)
        self.timer.setInterval(READ_EVERY)
        self.timer.timeout.connect(self.read)
        self._say(NOTHING)
        self._look()
        self._enable()

    @property
    def chosen(self) -> Trial | None:
        """The first of the chosen runs; None where none is."""
        names = self.table.chosen
        return self.seen.trials.get(names[0]) if self.seen is not None and names else None

    def ask(self) -> None:
        """Shows the form of a new sweep, in the place of the sweep that is open."""
        self.describe.ask()

    def open_folder(self, path: str, command: str = "") -> None:
        """Shows the sweep in a folder.

        Args:
            path: the folder.
            command: that trains it, where it was copied; it is said until something trains.
        """
        self.path, self.seen = Path(path), None
        if self.table.chosen:
            self.table.choose(())  # those of the sweep before are none of this one
        self.progress.open(self.path, command)
        self._look()
        self.read()
        self.timer.start()

    def read(self) -> None:
        """Reads the folder again, and the losses of the chosen runs."""
        if self.path is not None:
            self.reader.ask(self.path, self.table.chosen[:MOST_DRAWN])

    def _follow(self) -> None:
        """Reads at once, and then now and then: its training begins or ends."""
        self.read()
        self.timer.start()

    def choose_cell(self, column: int, line: int) -> None:
        """Chooses the runs of a cell of the map; the first adapts to the shown task."""
        cell, seen = self.map.cells.get((column, line)), self.seen
        if cell is None or seen is None:
            return
        wanted = set(cell.point)
        inside = [found for found in seen.rows if wanted <= set(found.point)]
        best = _best(inside, higher_is_better(seen.sweep.spec.objective))
        names = [found.name for found in inside if found.point == best.point]
        self.table.choose(names)
        self._show_ghost()

    def show_beside(self) -> None:
        """The chosen run adapts to the shown task, faint, or no longer."""
        if self.beside.isChecked():
            self._show_ghost()
        else:
            self.session.pins.show_as_before()

    def train_here(self) -> None:
        """Begins a run with the settings and seed of the chosen run, and trains it."""
        trial = self.chosen
        if trial is None:
            return
        control, stack = self.session.control, self.session.editor.undo_stack
        stack.beginMacro("Train a run of the sweep")
        try:
            self.session.editor.adopt(trial.settings)
            control.restart(train=True, from_seed=True)
        except SettingsError as error:
            self._say(str(error))
            return
        finally:
            stack.endMacro()
        if self.seen is not None:
            name = name_of(trial, self.seen.axes)
            control.began_other.emit(stack.command(stack.index() - 1), name)

    def showEvent(self, event: QShowEvent) -> None:
        """Reads at once, and then now and then."""
        super().showEvent(event)
        if self.path is not None:
            self._follow()

    def changeEvent(self, event: QEvent) -> None:
        """Gives the choice of views the room of another type."""
        super().changeEvent(event)
        if type_changed(event):
            self._fit()

    def hideEvent(self, event: QHideEvent) -> None:
        """Reads no more."""
        super().hideEvent(event)
        self.timer.stop()

    def _take(self, seen: SweepSeen) -> None:
        if seen.sweep.path != self.path:
            return
        before, self.seen = self.seen, seen
        if before is None:
            self.axes.offer([leading_symbol(axis.label) for axis in seen.axes])
        self.progress.take(seen)
        self.meaning.say(*objective_words(seen.sweep.spec))
        if before is None or seen.rows is not before.rows:
            self.table.runs.put(seen.axes, seen.sweep.spec.objective, seen.rows)
        if before is None or seen.cells is not before.cells:
            self._draw()
        drawn = [seen.trials[name] for name in seen.losses]
        settings = {trial.name: trial.settings for trial in drawn}
        self.losses.put(seen.losses, names_apart(drawn, seen.axes), settings)
        if self.beside.isChecked():
            self._show_ghost()
        if seen.ended:
            self.timer.stop()
        self.timer.setInterval(READ_EVERY if seen.complete else 200)
        self._look()

    def _draw(self) -> None:
        """Draws the view that is looked at."""
        seen = self.seen
        if seen is None:
            return
        across, up = self.axes.places
        objective = seen.sweep.spec.objective
        if self.view.currentIndex() == 0:
            line = seen.axes[up] if up != across else None
            self.map.put(seen.cells, seen.axes[across], line, objective)
        elif self.view.currentIndex() == 1:
            self.coordinates.put(seen.cells, seen.axes, objective)

    def _show_ghost(self) -> None:
        """Shows the chosen run as its newest checkpoint has it."""
        trial, seen = self.chosen, self.seen
        if trial is None or seen is None or not self.session.pins.comparable(trial.settings):
            return
        place = seen.sweep.run(trial.name)
        if not is_file(place / CHECKPOINT):
            self._say(f"{name_of(trial, seen.axes)} has saved nothing yet.")
            self.beside.setChecked(False)
            return
        try:
            step = last_outer_step(place / METRICS)
        except (StorageError, OSError) as error:
            self._say(" ".join(str(error).split()))
            return
        name = name_of(trial, seen.axes)
        self._ghost = GhostRun(name, trial.settings, step, ShowGhost(str(place)))
        self.session.pins.show_in_passing(self._ghost)
        self.beside.setChecked(True)

    def _look_at_ghost(self) -> None:
        """Another run, or none, may be drawn beside yours by now."""
        self.beside.setChecked(self._ghost is not None and self.session.pins.faint == self._ghost)
        self._enable()

    def _brush(self) -> None:
        """Chooses the runs of the lines that are kept; none where all are."""
        seen = self.seen
        if seen is None:
            return
        points = {cell.point for cell in self.coordinates.kept}
        some = bool(self.coordinates.ranges)
        self.table.choose([r.name for r in seen.rows if some and r.point in points])

    def _take_chosen(self, names: tuple[str, ...]) -> None:
        self._enable()
        trials = {} if self.seen is None else self.seen.trials
        self.map.mark({trials[name].point for name in names if name in trials})
        self._hint()
        self.read()

    def _enable(self) -> None:
        self.here.setEnabled(self.chosen is not None)
        # what is drawn faintly can be taken away, whatever is chosen
        self.beside.setEnabled(self.chosen is not None or self.beside.isChecked())
        if self.chosen is not None:
            self.beside.setEnabled(self.session.pins.comparable(self.chosen.settings))

    def _look(self) -> None:
        nth, asking = self.view.currentIndex(), not self.describe.isHidden()
        opened = self.path is not None and not asking
        for part in (self.view, self.words, self.beside, self.here, self.both):
            part.setVisible(opened)
        self.progress.setVisible(not asking)
        self.nothing.setVisible(self.path is None and not asking)
        self.views.setCurrentIndex(nth)
        self._fit()
        self._hint()
        if nth == 1:
            self._draw()

    def _hint(self) -> None:
        """Says where losses are empty what shows some."""
        chosen = bool(self.table.chosen)
        self.losses.hint("Nothing is saved yet" if chosen else HINTS[self.view.currentIndex()])

    def _fit(self) -> None:
        """Shows the choices of axes where they matter; the view keeps its name."""
        self.view.may_shrink_to(self.view.currentText())
        mapped = not self.both.isHidden() and self.view.currentIndex() == 0
        self.axes.setVisible(mapped and self.axes.several)

    def _say(self, text: str) -> None:
        self.progress.say(text)

    def _take_theme(self, theme: Theme) -> None:
        for part in (self.map, self.coordinates, self.losses):
            part.take_colors(theme)

    def _choose_folder(self) -> None:
        # where sweeps are: beside the one that is open, or where a new one is proposed
        there = (self.path or Path(proposed_path("sweep"))).parent
        ask_folder(self, "Open a sweep", there, self.open_folder)


def _best(rows: list[SweepRow], higher: bool) -> SweepRow:
    """The row with the best objective; the first where none has one."""
    known = [row for row in rows if row.objective is not None]
    sign = -1 if higher else 1
    return min(known, key=lambda row: sign * (row.objective or 0.0), default=rows[0])
