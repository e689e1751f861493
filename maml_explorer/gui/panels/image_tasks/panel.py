"""Panel of the tasks where they are of images: other tasks as strips, from the same θ."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from maml_explorer.gui.panels.image_tasks.strip import HEIGHT, WIDTH, TaskStrip
from maml_explorer.gui.session.image_edits import sampled
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.shown_images import last_step
from maml_explorer.gui.widgets.cell_grid import CellGrid
from maml_explorer.gui.widgets.controls import button, row
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.gui.widgets.step_slider import StepSlider
from maml_explorer.protocol.images import ImagesWatched, ImageTask
from maml_explorer.settings.settings import Settings

FEWEST, MOST = 2, 9


class ImageTasksPanel(QWidget):
    """Strips of unseen classes, new ones at a click."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.inner = session.inner
        self.tasks: list[ImageTask] = []
        self._sizes = _sizes(session.settings)
        self.watched: ImagesWatched | None = None
        self._grid = CellGrid(lambda: TaskStrip(session), self._show_above)
        self.strips = self._grid.cells
        self.said = ElidedLabel()
        self.steps = StepSlider("At step", "Inner step of the strips")
        self.steps.chosen.connect(self.inner.choose)
        self.new_tasks = button("New tasks", self.sample, "Sample other tasks")
        head = row(self.said, self.steps, self.new_tasks)
        head.setStretch(0, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 8, 0, 0)
        box.setSpacing(8)
        box.addLayout(head)
        box.addLayout(self._grid.layout, 1)
        self.inner.changed.connect(self._draw)
        session.images.watched.connect(self._take_watched)
        session.link.run_started.connect(self._take_run)
        session.editor.settings_changed.connect(self._take_settings)
        session.hidden_changed.connect(self._draw)
        session.theme_changed.connect(lambda _: self._draw())

    @cached_property
    def _random(self) -> np.random.Generator:
        # NumPy's generators load when the first task is drawn, not with the window
        return np.random.default_rng(1)

    def sample(self) -> None:
        """Samples other tasks and watches them."""
        settings = self.session.settings
        seeds = self._random.integers(2**31, size=(MOST, 2)).tolist()
        self.tasks = [sampled(settings, seed, drawings) for seed, drawings in seeds]
        self._sizes = _sizes(settings)
        self._watch()

    def _watch(self) -> None:
        if self.isVisible() and self.tasks:
            self.session.images.watch(self.tasks[: len(self.strips)])

    def _take_run(self, _: int) -> None:
        self.watched = None
        self._watch()
        self._draw()

    def _take_watched(self, watched: ImagesWatched) -> None:
        if watched.watch.tasks == tuple(self.tasks[: len(self.strips)]):
            self.watched = watched
            self._draw()

    def _take_settings(self, settings: Settings) -> None:
        if self.isVisible() and self._sizes != _sizes(settings):
            self.sample()
        self._draw()

    def _draw(self) -> None:
        if not self.isVisible():
            return
        reports = () if self.watched is None else self.watched.tasks
        last = last_step(reports[0]) if reports else 0
        step = self.inner.within(last)
        self.steps.show_step(step, last)
        self.said.say(
            f"{len(self.strips)} other tasks of unseen classes · query accuracy, dashed: chance",
            f"{len(self.strips)} other tasks",
        )
        for nth, strip in enumerate(self.strips):
            strip.show_report(reports[nth] if nth < len(reports) else None, step)

    def _fit_strips(self) -> None:
        """Strips, up to as many as there is room for."""
        room = max(self.height() - self.new_tasks.height() - 24, 1)
        columns = max(FEWEST, min(MOST, self.width() // WIDTH))
        count = min(MOST, columns * max(1, room // HEIGHT))
        if self._grid.fit(count, columns):
            self._watch()
            self._draw()

    def _show_above(self, strip: TaskStrip) -> None:
        if strip.report is not None:
            self.session.images.edit(strip.report.probe, "Show task")

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Shows more or fewer tasks."""
        super().resizeEvent(event)
        if self.isVisible():
            self._fit_strips()

    def showEvent(self, event: QShowEvent) -> None:
        """Begins to watch."""
        super().showEvent(event)
        self._fit_strips()
        if self.tasks and self._sizes == _sizes(self.session.settings):
            self._watch()
        else:
            self.sample()
        self._draw()

    def hideEvent(self, event: QHideEvent) -> None:
        """Ends watching: what nobody sees is not computed."""
        super().hideEvent(event)
        self.session.images.watch(())


def _sizes(settings: Settings) -> tuple[int, int]:
    return settings.images.ways, settings.inner.shots
