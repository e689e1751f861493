"""Heat maps of errors: the tasks an initialization can learn, and from how much data."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF

from maml_explorer.gui.panels.insight.choice_page import ChosenPage
from maml_explorer.gui.plots.color_scale import value_range
from maml_explorer.gui.plots.heat_plot import HeatPlot
from maml_explorer.gui.plots.table import Table
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.task_sampling import chosen_task
from maml_explorer.gui.style.numbers import number, whole
from maml_explorer.gui.style.theme import Theme
from maml_explorer.gui.widgets.step_slider import StepSlider
from maml_explorer.protocol.commands import Array
from maml_explorer.protocol.insight import ViewName
from maml_explorer.protocol.insight_records.error_map import DataMapSeen, ErrorMapSeen
from maml_explorer.settings.words import counted


class ErrorMapPage(ChosenPage):
    """The error after k inner steps over amplitude × phase, the ranges of training framed."""

    tip = "Which tasks can be learned: errors over amplitude and phase, beyond training too"

    def __init__(self, session: Session) -> None:
        self.plot = HeatPlot(
            session.theme, "Error map", "phase φ", "amplitude A",
            hint="Enter or a click shows the task above.",
        )  # fmt: skip
        self.steps = StepSlider("Inner steps shown", "Inner step of the error map")
        super().__init__(session, ViewName.ERROR_MAP, self.plot)
        self.seen: ErrorMapSeen | None = None
        self.controls = (self.steps,)
        self.steps.chosen.connect(self.inner.choose)
        self.inner.changed.connect(self._draw)
        self.plot.caption = lambda: self.summary
        self.plot.cell_text = self.cell_text
        self.plot.table = self._table
        self.plot.picked.connect(self._show_above)
        self.reask()

    def draw(self, record: object) -> None:
        """Draws a map."""
        if isinstance(record, ErrorMapSeen):
            self.seen = record
            self._draw()

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`."""
        self.plot.take_colors(theme)

    @property
    def shown_step(self) -> int:
        """The inner step whose errors are drawn, from 0."""
        return 0 if self.seen is None else self.inner.within(len(self.seen.errors) - 1)

    def errors(self) -> Array:
        """[phase, amplitude] at the inner step shown; NaN where the task diverged."""
        assert self.seen is not None
        errors = self.seen.errors[self.shown_step].T
        found: Array = np.where(errors <= self.seen.limit, errors, np.nan)
        return found

    def _draw(self) -> None:
        seen = self.seen
        if seen is None:
            return
        self.steps.show_step(self.shown_step, len(seen.errors) - 1)
        # one scale for all inner steps, so that the slider shows errors fall
        span = value_range(seen.errors[seen.errors <= seen.limit])
        width, height = seen.phases[1] - seen.phases[0], seen.amplitudes[1] - seen.amplitudes[0]
        box = QRectF(
            seen.phases[0] - width / 2, seen.amplitudes[0] - height / 2,
            len(seen.phases) * width, len(seen.amplitudes) * height,
        )  # fmt: skip
        errors = self.errors()
        self.plot.show_values(errors, box, span)
        least, most, first, last = seen.trained
        self.plot.show_frames(
            # a range of one value is a line, framed as wide as its cell
            QRectF(
                first - (width / 2 if first == last else 0), least - (height / 2) * (least == most),
                (last - first) or width, (most - least) or height,
            )
        )  # fmt: skip
        lost = int(np.isnan(errors).sum())
        inside = errors[self._trained_cells()]
        parts = [
            f"Query MSE after inner step {self.shown_step}",
            f"mean in the framed ranges of training {number(_mean(inside))}",
        ]
        shorter: tuple[str, ...] = (f"MSE, inner step {self.shown_step}",)
        if lost:
            parts.insert(
                0, f"{whole(lost)} of {counted(errors.size, 'task', whole)} diverged (blank)"
            )
            shorter = (f"{whole(lost)} diverged (blank)",)
        self.tell(*parts, shorter=shorter)

    def _trained_cells(self) -> NDArray[np.bool_]:
        """[phase, amplitude]: whether the task is within the ranges of training."""
        assert self.seen is not None
        least, most, first, last = self.seen.trained
        phases, amplitudes = self.seen.phases[:, None], self.seen.amplitudes
        found: NDArray[np.bool_] = (
            (phases >= first - 1e-9) & (phases <= last + 1e-9)
            & (amplitudes >= least) & (amplitudes <= most)
        )  # fmt: skip
        return found

    def cell_text(self, column: int, row: int) -> str:
        """A task and its error in words."""
        if self.seen is None:
            return ""
        least, most, first, last = self.seen.trained
        amplitude, phase = float(self.seen.amplitudes[row]), float(self.seen.phases[column])
        inside = least <= amplitude <= most and first <= phase <= last
        error = float(self.errors()[column, row])
        words = f"query MSE {number(error)}" if math.isfinite(error) else "diverged"
        where = "in the ranges of training" if inside else "beyond training"
        return f"A {number(amplitude)}  φ {number(phase)}<br>{words}<br>{where}"

    def _show_above(self, column: int, row: int) -> None:
        seen = self.seen
        if seen is not None:
            self.session.task.edit(
                chosen_task(
                    self.session.settings, float(seen.amplitudes[row]), float(seen.phases[column]),
                    seen.frequency, seen.support_x, seen.noise,
                )
            )  # fmt: skip

    def _table(self, everything: bool) -> Table:
        header = ["inner step", "amplitude", "phase", "query MSE"]
        seen = self.seen
        if seen is None:
            return header, []
        steps = range(len(seen.errors)) if everything else [self.shown_step]
        return header, [
            [step, float(amplitude), float(phase), float(seen.errors[step, a, p])]
            for step in steps
            for a, amplitude in enumerate(seen.amplitudes)
            for p, phase in enumerate(seen.phases)
        ]


class DataMapPage(ChosenPage):
    """The error over shots × inner steps on held-out tasks."""

    tip = "From how much data: errors over shots and inner steps"

    def __init__(self, session: Session) -> None:
        self.plot = HeatPlot(
            session.theme, "Errors over shots and inner steps", "inner step", "shots",
            hint="Enter or a click chooses the inner step that all panels show.",
        )  # fmt: skip
        super().__init__(session, ViewName.DATA_MAP, self.plot)
        self.seen: DataMapSeen | None = None
        self.plot.caption = lambda: self.summary
        self.plot.cell_text = self.cell_text
        self.plot.table = self._table
        self.plot.picked.connect(lambda step, _: self.inner.choose(step))
        self.inner.changed.connect(self._frame)
        self.reask()

    def draw(self, record: object) -> None:
        """Draws a map."""
        if not isinstance(record, DataMapSeen):
            return
        self.seen = record
        shots, steps = record.errors.shape
        self.plot.name_ticks(rows=[str(count) for count in record.shots])
        self.plot.bottom.whole = True
        self.plot.show_values(
            np.ascontiguousarray(record.errors.T), QRectF(-0.5, -0.5, steps, shots)
        )
        self._frame()
        lost = max((max(row) for row in record.diverged), default=0)
        parts = [f"Query {self._figure}, mean of {whole(record.tasks)} held-out tasks"]
        if lost:
            parts.append(f"up to {whole(lost)} diverged and are left out")
        parts.append(
            f"framed: {counted(record.trained, 'shot')}, as in training, at the inner step shown"
        )
        mean = f"mean query {self._figure}"
        self.tell(*parts, shorter=(mean.capitalize().replace("mse", "MSE"),))

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`."""
        self.plot.take_colors(theme)

    @property
    def _figure(self) -> str:
        return self.session.settings.family.figure

    def _frame(self) -> None:
        if self.seen is not None:
            row = self.seen.shots.index(self.seen.trained)
            step = self.inner.within(self.seen.errors.shape[1] - 1)
            self.plot.show_frames(self.plot.cell_box(step, row))

    def cell_text(self, column: int, row: int) -> str:
        """Shots, inner step and error in words."""
        if self.seen is None:
            return ""
        lost, tasks = self.seen.diverged[row][column], self.seen.tasks
        words = [
            f"{counted(self.seen.shots[row], 'shot')}, inner step {column}",
            f"query {self._figure} {number(float(self.seen.errors[row, column]))}",
            f"median {number(float(self.seen.median[row, column]))}",
        ]
        if lost:
            words.append(f"{lost} of {counted(tasks, 'task', whole)} diverged")
        return "<br>".join(words)

    def _table(self, everything: bool) -> Table:
        header = ["shots", "inner step", "mean of kept", "median", "diverged"]
        seen = self.seen
        if seen is None:
            return header, []
        return header, [
            [
                count, step, float(seen.errors[row, step]), float(seen.median[row, step]),
                seen.diverged[row][step],
            ]
            for row, count in enumerate(seen.shots)
            for step in range(seen.errors.shape[1])
        ]  # fmt: skip


def _mean(values: Array) -> float | None:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else None
