"""Panel of the tasks where they are of images: other tasks as strips, from the same θ."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QSize

from maml_explorer.gui.panels.image_tasks.strip import TaskStrip, image_size, least_size
from maml_explorer.gui.panels.other_tasks import OtherTasks
from maml_explorer.gui.session.image_edits import sampled
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.shown_images import last_step
from maml_explorer.protocol.images import ImagesProbed, ImageTask
from maml_explorer.settings.settings import Settings


class ImageTasksPanel(OtherTasks[ImageTask, TaskStrip]):
    """Strips of unseen classes, new ones at a click."""

    FEWEST, MOST = 2, 9

    def __init__(self, session: Session) -> None:
        new = "New tasks", "Sample other tasks"
        super().__init__(session, session.images, "Inner step of the strips", new)

    def cell(self) -> TaskStrip:
        """A new strip."""
        return TaskStrip(self.session)

    def sampled(self, random: np.random.Generator) -> list[ImageTask]:
        """Tasks of unseen classes."""
        seeds = random.integers(2**31, size=(self.MOST, 2)).tolist()
        return [sampled(self.session.settings, seed, drawings) for seed, drawings in seeds]

    def sizes(self, settings: Settings) -> tuple[int, ...]:
        """Ways and shots."""
        return settings.images.ways, settings.inner.shots

    def least(self, room: QSize) -> QSize:
        """Room for bars, and for images that can be told in this type."""
        return least_size(self.fontMetrics(), len(self.arms))

    def columns(self, count: int, most: int, room: QSize) -> int:
        """Those in which the images of these tasks are largest."""
        ways = self.session.settings.images.ways
        bars = len(self.arms) * self.fontMetrics().height()

        def image(columns: int) -> int:
            rows = math.ceil(count / columns)
            cell = QSize(room.width() // columns, room.height() // rows)
            return image_size(cell, ways, bars)

        return max(range(most, self.FEWEST - 1, -1), key=image)

    def last_step(self, report: ImagesProbed) -> int:
        """The last inner step of an answer."""
        return last_step(report)

    def words(self) -> tuple[str, ...]:
        """Words above the cells, the longest wording first."""
        count = len(self.cells)
        return (
            f"{count} other tasks of unseen classes · query accuracy, dashed: chance",
            f"{count} other tasks",
        )

    def draw_cell(self, cell: TaskStrip, report: ImagesProbed | None, step: int, nth: int) -> None:
        """Draws the answer to a task after an inner step."""
        cell.show_report(report, step)

    def show_above(self, cell: TaskStrip) -> None:
        """Shows the task of a strip in the hero."""
        if cell.report is not None:
            self.session.images.edit(cell.report.probe, "Show task")
