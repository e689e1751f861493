"""Panel of the tasks where they are streams: other streams, from the same θ."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from maml_explorer.gui.panels.stream_tasks.cell import HEIGHT, WIDTH, StreamCell
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.shown_streams import last_step
from maml_explorer.gui.widgets.cell_grid import CellGrid
from maml_explorer.gui.widgets.controls import button, row
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.gui.widgets.step_slider import StepSlider
from maml_explorer.protocol.streams import StreamsWatched, StreamTask
from maml_explorer.settings.words import counted

MOST = 8


class StreamTasksPanel(QWidget):
    """Tables of errors on other held-out streams, new ones at a click."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.inner = session.inner
        self.tasks: list[StreamTask] = []
        self.watched: StreamsWatched | None = None
        self._grid = CellGrid(lambda: StreamCell(session), self._show_above)
        self.cells = self._grid.cells
        self.said = ElidedLabel()
        self.steps = StepSlider("At step", "Inner step of the tables")
        self.steps.chosen.connect(self.inner.choose)
        self.new_tasks = button("New streams", self.sample, "Sample other streams")
        head = row(self.said, self.steps, self.new_tasks)
        head.setStretch(0, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 8, 0, 0)
        box.setSpacing(8)
        box.addLayout(head)
        box.addLayout(self._grid.layout, 1)
        self.inner.changed.connect(self._draw)
        session.streams.watched.connect(self._take_watched)
        session.link.run_started.connect(self._take_run)
        session.editor.settings_changed.connect(lambda _: self._draw())
        session.hidden_changed.connect(self._draw)
        session.theme_changed.connect(lambda _: self._draw())

    @cached_property
    def _random(self) -> np.random.Generator:
        # NumPy's generators load when the first stream is drawn, not with the window
        return np.random.default_rng(1)

    def sample(self) -> None:
        """Samples other streams and watches them."""
        self.tasks = [StreamTask(seed) for seed in self._random.integers(2**31, size=MOST).tolist()]
        self._watch()

    def _watch(self) -> None:
        if self.isVisible() and self.tasks:
            self.session.streams.watch(self.tasks[: len(self.cells)])

    def _take_run(self, _: int) -> None:
        self.watched = None
        self._watch()
        self._draw()

    def _take_watched(self, watched: StreamsWatched) -> None:
        if watched.watch.tasks == tuple(self.tasks[: len(self.cells)]):
            self.watched = watched
            self._draw()

    def _draw(self) -> None:
        if not self.isVisible():
            return
        reports = () if self.watched is None else self.watched.tasks
        last = last_step(reports[0]) if reports else 0
        step = self.inner.within(last)
        self.steps.show_step(step, last)
        other = counted(len(self.cells), "other stream")
        self.said.say(
            f"{other} · error on each function (rows) after each (columns)",
            other,
        )
        for nth, cell in enumerate(self.cells):
            cell.show_report(reports[nth] if nth < len(reports) else None, step, nth)

    def _fit_cells(self) -> None:
        """Cells, up to as many as there is room for."""
        room = max(self.height() - self.new_tasks.height() - 24, 1)
        columns = max(1, min(MOST, self.width() // WIDTH))
        count = min(MOST, columns * max(1, room // HEIGHT))
        if self._grid.fit(count, columns):
            self._watch()
            self._draw()

    def _show_above(self, cell: StreamCell) -> None:
        if cell.report is not None:
            self.session.streams.edit(cell.report.probe)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Shows more or fewer streams."""
        super().resizeEvent(event)
        if self.isVisible():
            self._fit_cells()

    def showEvent(self, event: QShowEvent) -> None:
        """Begins to watch."""
        super().showEvent(event)
        self._fit_cells()
        if self.tasks:
            self._watch()
        else:
            self.sample()
        self._draw()

    def hideEvent(self, event: QHideEvent) -> None:
        """Ends watching: what nobody sees is not computed."""
        super().hideEvent(event)
        self.session.streams.watch(())
