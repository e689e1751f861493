"""Map of where adaptation takes θ, with the path of the task shown above."""

from __future__ import annotations

import math

from maml_explorer.gui.panels.insight.choice_page import ChosenPage
from maml_explorer.gui.panels.map.parameter_plot import MapPlot
from maml_explorer.gui.plots.color_scale import CYCLIC, SEQUENTIAL
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.task_sampling import chosen_task
from maml_explorer.gui.style.numbers import number, whole
from maml_explorer.gui.style.theme import Theme
from maml_explorer.gui.widgets.controls import ComboBox
from maml_explorer.protocol.insight import ViewName
from maml_explorer.protocol.insight_records.parameter_map import ParameterMapSeen
from maml_explorer.settings.words import counted

AMPLITUDE, PHASE = "Colour: amplitude", "Colour: phase"


class ParametersPage(ChosenPage):
    """Adapted parameters of some hundred tasks in their first two principal components."""

    tip = "Where adaptation takes θ: adapted parameters of many tasks"

    def __init__(self, session: Session) -> None:
        self.plot = MapPlot(session.theme)
        self.color_by = ComboBox()
        super().__init__(session, ViewName.PARAMETER_MAP, self.plot, of_task=True, of_step=True)
        self.seen: ParameterMapSeen | None = None
        self.color_by.setAccessibleName("What the colours of the map say")
        self.color_by.addItems([PHASE, AMPLITUDE])
        self.color_by.activated.connect(lambda _: self._draw())
        self.controls = (self.color_by,)
        self.reask()
        self.plot.caption = lambda: self.summary
        self.plot.picked.connect(self._show_above)

    def draw(self, record: object) -> None:
        """Draws a map."""
        if isinstance(record, ParameterMapSeen):
            self.seen = record
            self._draw()

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`."""
        self.plot.take_colors(theme)

    def _draw(self) -> None:
        seen = self.seen
        if seen is None:
            return
        by_phase = self.color_by.currentText() == PHASE
        values = seen.phase if by_phase else seen.amplitude
        low, high = float(values.min()), float(values.max())
        if high <= low:
            low, high = low - 0.5, high + 0.5
        # all the way round, the ends are the same task
        round_once = by_phase and high - low > 1.8 * math.pi
        self.plot.show_map(seen, values, (low, high), CYCLIC if round_once else SEQUENTIAL)
        after = f"after {counted(seen.steps, 'inner step')}"
        parts = [
            f"{counted(len(values), 'task', whole)} {after}",
            f"{number(100 * sum(seen.explained), 2)} % of the variance",
            f"R² of (A cos φ, A sin φ) {number(seen.r_squared, 2)}",
        ]
        if seen.diverged:
            parts.insert(1, f"{whole(seen.diverged)} diverged")
        self.tell(*parts, shorter=(after.capitalize(),))

    def _show_above(self, task: int) -> None:
        seen = self.seen
        if seen is None:
            return
        amplitude, phase, frequency = (
            float(values[task]) for values in (seen.amplitude, seen.phase, seen.frequency)
        )
        clean = chosen_task(
            self.session.settings, amplitude, phase, frequency, seen.support_x[task]
        )
        noise = seen.support_y[task] - clean.support_y
        self.session.task.edit(
            chosen_task(
                self.session.settings, amplitude, phase, frequency, seen.support_x[task], noise
            )
        )
