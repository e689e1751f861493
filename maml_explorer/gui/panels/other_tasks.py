"""Further tasks in cells, watched while they are seen; a kind of tasks says what differs."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import numpy as np
from PySide6.QtCore import QEvent, QSize
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QAbstractButton, QVBoxLayout, QWidget

from maml_explorer.gui.session.meta_test_age import age_of_curves
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.view_state import ViewState
from maml_explorer.gui.widgets.cell_grid import SPACING, CellGrid
from maml_explorer.gui.widgets.controls import button, row, type_changed
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.gui.widgets.step_slider import StepSlider
from maml_explorer.settings.settings import Settings

Task = TypeVar("Task")
Cell = TypeVar("Cell", bound=QAbstractButton)


class OtherTasks(QWidget, Generic[Task, Cell]):
    """Cells of tasks that are not shown above, new ones at a click.

    Args:
        shown: the part of the session that shows such tasks.
        slider: what the slider moves, for screen readers.
        new: (words of the button, its tooltip).
    """

    FEWEST, MOST = 1, 8
    """Columns at least; cells at most."""

    def __init__(self, session: Session, shown: Any, slider: str, new: tuple[str, str]) -> None:
        super().__init__()
        self.session, self._shown = session, shown
        self.inner = session.inner
        self.tasks: list[Task] = []
        self.row_shown = 1
        """Number of the row of tasks that is shown: each click brings the next."""
        self._sizes = self.sizes(session.settings)
        self.watched: Any = None
        self._grid: CellGrid[Cell] = CellGrid(self.cell, self.show_above)
        self.cells = self._grid.cells
        self.said = ElidedLabel()
        self.steps = StepSlider("At step", slider)
        self.steps.chosen.connect(self.inner.choose)
        self.new_tasks = button(new[0], self.another, new[1])
        head = row(self.said, self.steps, self.new_tasks)
        head.setStretch(0, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 8, 0, 0)
        box.setSpacing(8)
        box.addLayout(head)
        box.addLayout(self._grid.layout, 1)
        self.inner.changed.connect(self._draw)
        shown.watched.connect(self._take_watched)
        session.link.run_started.connect(self._take_run)
        session.link.status_changed.connect(self._say)
        session.editor.settings_changed.connect(self._take_settings)
        session.hidden_changed.connect(self._fit_and_draw)
        session.theme_changed.connect(self._draw)

    # what a kind of tasks says

    def cell(self) -> Cell:
        """A new cell."""
        raise NotImplementedError

    def sampled(self, random: np.random.Generator) -> list[Task]:
        """Tasks for as many cells as there can be."""
        raise NotImplementedError

    def sizes(self, settings: Settings) -> tuple[int, ...]:
        """The settings without which the tasks there are do not fit."""
        return ()

    def least(self, room: QSize) -> QSize:
        """Pixels that a cell needs, at least, of the room that all have."""
        raise NotImplementedError

    def columns(self, count: int, most: int, room: QSize) -> int:
        """Columns for so many cells: as many as fit, unless fewer look better."""
        return most

    def last_step(self, report: Any) -> int:
        """The last inner step of an answer."""
        raise NotImplementedError

    def words(self) -> tuple[str, ...]:
        """Words above the cells, the longest wording first."""
        raise NotImplementedError

    def draw_cell(self, cell: Cell, report: Any, step: int, nth: int) -> None:
        """Draws the answer to a task after an inner step; None where there is none yet."""
        raise NotImplementedError

    def show_above(self, cell: Cell) -> None:
        """Shows the task of a cell in the hero."""
        raise NotImplementedError

    # the same for all

    @property
    def arms(self) -> list[str]:
        """The arms that are not hidden."""
        hidden = self.session.hidden
        return [arm.name for arm in self.session.settings.arms if arm.name not in hidden]

    def another(self) -> None:
        """Shows other tasks."""
        self._show_row(self.row_shown + 1)

    def drawn(self) -> dict[str, int]:
        """Part of a prepared state that says which tasks are shown."""
        return {"other_tasks": self.row_shown}

    def draw_as(self, state: ViewState) -> None:
        """Shows the tasks of a prepared state."""
        if state.other_tasks not in (None, self.row_shown):
            self._show_row(state.other_tasks)

    def _show_row(self, number: int) -> None:
        self.row_shown = number
        self.sample()

    def sample(self) -> None:
        """Samples the tasks of this row, the same ones for the same settings, and watches them."""
        self.tasks = self.sampled(np.random.default_rng(self.row_shown))
        self._sizes = self.sizes(self.session.settings)
        if not self._fit_cells():
            self._watch()

    def _watch(self) -> None:
        if self.isVisible() and self.tasks:
            self._shown.watch(self.tasks[: len(self.cells)])

    def _take_run(self, _: int) -> None:
        self.watched = None
        self._watch()
        self._draw()

    def _take_watched(self, watched: Any) -> None:
        if watched.watch.tasks == tuple(self.tasks[: len(self.cells)]):
            self.watched = watched
            self._draw()

    def _take_settings(self, settings: Settings) -> None:
        if self.isVisible() and self._sizes != self.sizes(settings):
            self.sample()
        self._fit_and_draw()

    def _fit_and_draw(self) -> None:
        if not self._fit_cells():
            self._draw()

    def _draw(self) -> None:
        if not self.isVisible():
            return
        reports = () if self.watched is None else self.watched.tasks
        last = self.last_step(reports[0]) if reports else 0
        step = self.inner.within(last)
        self.steps.show_step(step, last)
        self._say()
        for nth, cell in enumerate(self.cells):
            self.draw_cell(cell, reports[nth] if nth < len(reports) else None, step, nth)

    def _say(self) -> None:
        age = "" if self.watched is None else age_of_curves(self.session, self.watched.outer_step)
        self.said.say(*(f"{age}{words}" for words in self.words()))

    def _fit_cells(self) -> bool:
        """Cells, up to as many as there is room for; True where they are others now."""
        if not self.isVisible():
            return False
        room = QSize(self.width(), max(self.height() - self.new_tasks.height() - 24, 1))
        gap = QSize(SPACING, SPACING)
        whole, needed = room + gap, self.least(room) + gap
        most = max(self.FEWEST, min(self.MOST, whole.width() // needed.width()))
        count = min(self.MOST, most * max(1, whole.height() // needed.height()))
        other = self._grid.fit(count, self.columns(count, most, room))
        if other:
            self._watch()
            self._draw()
        return other

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Shows more or fewer tasks."""
        super().resizeEvent(event)
        self._fit_cells()

    def changeEvent(self, event: QEvent) -> None:
        """Shows more or fewer tasks where words are of another size."""
        super().changeEvent(event)
        if type_changed(event):
            self._fit_cells()

    def showEvent(self, event: QShowEvent) -> None:
        """Begins to watch."""
        super().showEvent(event)
        self._fit_cells()
        if self.tasks and self._sizes == self.sizes(self.session.settings):
            self._watch()
        else:
            self.sample()
        self._draw()

    def hideEvent(self, event: QHideEvent) -> None:
        """Ends watching: what nobody sees is not computed."""
        super().hideEvent(event)
        self._shown.watch(())
