"""Panel of the tasks where they are streams: other streams, from the same θ."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QSize

from maml_explorer.gui.panels.other_tasks import OtherTasks
from maml_explorer.gui.panels.stream_tasks.cell import HEIGHT, WIDTH, StreamCell, least_size
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.shown_streams import last_step
from maml_explorer.protocol.streams import StreamProbed, StreamTask
from maml_explorer.settings.words import counted


class StreamTasksPanel(OtherTasks[StreamTask, StreamCell]):
    """Tables of errors on other held-out streams, new ones at a click."""

    def __init__(self, session: Session) -> None:
        new = "New streams", "Sample other streams"
        super().__init__(session, session.streams, "Inner step of the tables", new)

    def cell(self) -> StreamCell:
        """A new cell of small tables."""
        return StreamCell(self.session)

    def sampled(self, random: np.random.Generator) -> list[StreamTask]:
        """Streams by their seeds."""
        seeds = random.integers(2**31, size=self.MOST).tolist()
        return [StreamTask(seed) for seed in seeds]

    def least(self, room: QSize) -> QSize:
        """Room for figures in the tables, unless one cell alone does not have it."""
        functions = self.session.settings.tasks.functions
        needed = least_size(self.font(), len(self.arms), functions)
        if needed.width() > room.width() or needed.height() > room.height():
            return QSize(WIDTH, HEIGHT)
        return needed.expandedTo(QSize(WIDTH, 0))

    def last_step(self, report: StreamProbed) -> int:
        """Batches of a stream."""
        return last_step(report)

    def words(self) -> tuple[str, ...]:
        """Words above the cells, the longest wording first."""
        other = counted(len(self.cells), "other stream")
        return f"{other} · error on each function (rows) after each (columns)", other

    def draw_cell(self, cell: StreamCell, report: StreamProbed | None, step: int, nth: int) -> None:
        """Draws the answer to a stream after an inner step."""
        cell.show_report(report, step, nth)

    def show_above(self, cell: StreamCell) -> None:
        """Shows the stream of a cell in the hero."""
        if cell.report is not None:
            self.session.streams.edit(cell.report.probe)
