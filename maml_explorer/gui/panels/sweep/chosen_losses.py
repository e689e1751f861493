"""Losses of the chosen runs of a sweep, as far as they are saved."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt

from maml_explorer.gui.plots.lines_plot import LinesPlot, PlotLine
from maml_explorer.gui.style.arm_style import ArmStyle
from maml_explorer.gui.style.theme import Theme
from maml_explorer.storage.run.metrics import Losses

_COLORS = ("#0072b2", "#d55e00", "#009e73", "#b0559b", "#8a7300", "#56a0d0")
_LINES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)
_EMPTY = "Choose runs to see losses"


class ChosenLosses(LinesPlot):
    """Outer loss over outer steps, a colour for each run, a line style for each arm."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Losses of the chosen runs", "outer step", log_y=True)
        self.put({}, {})

    def put(self, losses: Mapping[str, Mapping[str, Losses]], names: Mapping[str, str]) -> None:
        """Draws runs instead of those before.

        Args:
            losses: run → arm name → losses.
            names: run → its name.
        """
        lines = []
        for nth, (run, arms) in enumerate(losses.items()):
            color = _COLORS[nth % len(_COLORS)]
            for at, (arm, one) in enumerate(arms.items()):
                style = ArmStyle(color, color, _LINES[at % len(_LINES)], "o")
                name = names[run] if len(arms) == 1 else f"{names[run]}, {arm}"
                lines.append(PlotLine(name, one.outer_step.astype(float), one.outer, style))
        self.show_lines(lines, "outer loss", empty=_EMPTY)
