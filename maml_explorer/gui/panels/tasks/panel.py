"""Panel of the tasks: other tasks of the family as small multiples, from the same θ."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from maml_explorer.gui.panels.tasks.task_cell import WIDTH, TaskCell
from maml_explorer.gui.session.meta_test_age import age_of_curves
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.task_sampling import sampled_task, task_words
from maml_explorer.gui.session.view_state import ViewState
from maml_explorer.gui.style.theme import Theme
from maml_explorer.gui.widgets.cell_grid import CellGrid
from maml_explorer.gui.widgets.controls import button, row, type_changed
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.gui.widgets.step_slider import StepSlider
from maml_explorer.protocol.commands import ProbeTask, WatchTasks
from maml_explorer.protocol.reports import Watched
from maml_explorer.settings.settings import Settings

FEWEST, MOST = 3, 12
HEIGHT = 120
"""Pixels of height from which on there are two rows of them."""
_TITLES = ("A 0.0  φ 0.0", "A 0.0  φ 0.0  ω 0.0")
"""Longest titles that must fit above a plot: the second where frequencies vary."""
_NONE = np.zeros((0, 0))


class TasksPanel(QWidget):
    """A row of tasks, new ones at a click."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._settings = session.settings
        self.inner = session.inner
        self.tasks: list[ProbeTask] = []
        self.row_shown = 1
        """Number of the row of tasks that is shown: each click brings the next."""
        self.watched: Watched | None = None
        self._grid = CellGrid(lambda: TaskCell(session), self._show_above)
        self.cells = self._grid.cells
        self.said = ElidedLabel()
        self.steps = StepSlider("At step", "Inner step of the small plots")
        self.steps.chosen.connect(self.inner.choose)
        self.inner.changed.connect(self._draw)
        self.new_tasks = button("New tasks", self.another, "Sample other tasks")
        head = row(self.said, self.steps, self.new_tasks)
        head.setStretch(0, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 8, 0, 0)
        box.setSpacing(8)
        box.addLayout(head)
        box.addLayout(self._grid.layout, 1)
        session.task.watched.connect(self._take_watched)
        session.link.run_started.connect(self._watch)
        session.link.status_changed.connect(self._say)
        session.editor.settings_changed.connect(self._take_settings)
        session.hidden_changed.connect(self._draw)
        session.theme_changed.connect(self._take_theme)

    def drawn(self) -> dict[str, int]:
        """Part of a prepared state that says which tasks are shown."""
        return {"other_tasks": self.row_shown}

    def draw_as(self, state: ViewState) -> None:
        """Shows the tasks of a prepared state."""
        if state.other_tasks not in (None, self.row_shown):
            self._show_row(state.other_tasks)

    def another(self) -> None:
        """Shows other tasks."""
        self._show_row(self.row_shown + 1)

    def _show_row(self, number: int) -> None:
        self.row_shown = number
        self.sample()

    def sample(self) -> None:
        """Samples the tasks of this row, the same ones for the same settings, and watches them."""
        settings = self.session.settings
        random = np.random.default_rng(self.row_shown)
        self.tasks = [sampled_task(settings, random) for _ in range(MOST)]
        if not self._fit_cells():  # their titles may need other room
            self._watch()
            self._draw()

    @property
    def inner_step(self) -> int:
        """The inner step that is drawn."""
        return self.inner.within(self.last_step)

    @property
    def last_step(self) -> int:
        """The last inner step there is."""
        if self.watched is None or not self.watched.arms:
            return 0
        return max(len(curves) for curves in self.watched.arms.values()) - 1

    def _watch(self) -> None:
        """Asks for the adapted curves of as many tasks as fit."""
        if self.isVisible() and self.tasks:
            shown = self.tasks[: len(self.cells)]
            points = [np.stack([getattr(t, axis) for t in shown]) for axis in _AXES]
            for values in points:
                values.setflags(write=False)
            self.session.link.post(WatchTasks(*points))

    def _take_watched(self, watched: Watched) -> None:
        if self.isVisible():
            self.watched = watched
            self._draw()

    def _take_settings(self, settings: Settings) -> None:
        before, self._settings = self._settings, settings
        if (before.tasks, before.inner.shots) != (settings.tasks, settings.inner.shots):
            self.tasks = []
        if self.isVisible():
            if not self.tasks:
                self.sample()
            elif not self._fit_cells():
                self._draw()

    def _take_theme(self, theme: Theme) -> None:
        for cell in self.cells:
            cell.update()

    def _draw(self) -> None:
        if not self.isVisible():
            return
        k, last, watched = self.inner_step, self.last_step, self.watched
        self.steps.show_step(k, last)
        self._say()
        fits = watched is not None and _is_about(watched, self.tasks[: len(self.cells)])
        for n, (cell, task) in enumerate(zip(self.cells, self.tasks, strict=False)):
            if watched is not None and fits:
                arms = watched.arms.items()
                cell.show_task(
                    task, watched.grid, {name: c[min(k, len(c) - 1), n] for name, c in arms}
                )
            else:
                cell.show_task(task, np.zeros(0), {})

    def _say(self) -> None:
        age = "" if self.watched is None else age_of_curves(self.session, self.watched.outer_step)
        self.said.say(f"{age}{len(self.cells)} other tasks")

    def _fit_cells(self) -> bool:
        """Shows as many small plots as there is room for, in one row or two; True if others."""
        family = self.session.settings.tasks
        three = not family.frequency_min == family.frequency_max == 1
        titles = [_TITLES[three]]
        if family.family != "sine":
            titles = [task_words(task, family) for task in self.tasks]
        title = max(map(self.fontMetrics().horizontalAdvance, titles), default=0)
        needed = max(WIDTH, title + 12) + 4
        rows = 2 if self.height() - self.new_tasks.height() > 2 * HEIGHT else 1
        columns = max(FEWEST, min(MOST // rows, self.width() // needed))
        other = self._grid.fit(rows * columns, columns)
        if other:
            self._watch()
            self._draw()
        return other

    def _show_above(self, cell: TaskCell) -> None:
        if cell.task is not None:
            self.session.task.edit(cell.task)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Shows more or fewer tasks."""
        super().resizeEvent(event)
        if self.isVisible():
            self._fit_cells()

    def changeEvent(self, event: QEvent) -> None:
        """Shows more or fewer tasks where words are of another size."""
        super().changeEvent(event)
        if type_changed(event) and self.isVisible():
            self._fit_cells()

    def showEvent(self, event: QShowEvent) -> None:
        """Begins to watch."""
        super().showEvent(event)
        if not self.tasks:
            self.sample()
        elif not self._fit_cells():
            self._watch()
            self._draw()

    def hideEvent(self, event: QHideEvent) -> None:
        """Ends watching: what nobody sees is not computed."""
        super().hideEvent(event)
        self.session.link.post(WatchTasks(_NONE, _NONE))


_AXES = ("support_x", "support_y")


def _is_about(watched: Watched, tasks: list[ProbeTask]) -> bool:
    """True where a report is about these tasks, not about ones shown before."""
    x = watched.watch.support_x
    return len(x) == len(tasks) and all(
        np.array_equal(row, task.support_x) for row, task in zip(x, tasks, strict=True)
    )
