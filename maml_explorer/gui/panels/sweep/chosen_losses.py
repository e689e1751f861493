"""Losses of the chosen runs of a sweep, as far as they are saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from PySide6.QtCore import Qt

from maml_explorer.gui.plots.lines_plot import LinesPlot, PlotLine
from maml_explorer.gui.style.arm_style import ArmStyle, arm_style
from maml_explorer.gui.style.theme import Theme
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.run.metrics import Losses

_COLORS = ("#0072b2", "#d55e00", "#009e73", "#b0559b", "#8a7300", "#56a0d0")
_LINES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)
_Drawn = tuple[
    Mapping[str, Mapping[str, Losses]], Mapping[str, str], Mapping[str, Settings]
]  # fmt: skip
_EMPTY = "Choose runs to see losses"


class ChosenLosses(LinesPlot):
    """Outer loss over outer steps: a colour for each run; of runs with several arms, for each arm.

    An arm has the colour that it has everywhere; its runs then differ in their lines.
    """

    _put: _Drawn = ({}, {}, {})
    _hint = _EMPTY

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Losses of the chosen runs", "outer step", log_y=True)
        self.put({}, {}, {})

    def put(
        self,
        losses: Mapping[str, Mapping[str, Losses]],
        names: Mapping[str, str],
        settings: Mapping[str, Settings],
    ) -> None:
        """Draws runs instead of those before.

        Args:
            losses: run → arm name → losses.
            names: run → its name.
            settings: run → its settings.
        """
        self._put = losses, names, settings
        several = any(len(arms) > 1 for arms in losses.values())
        lines = []
        for nth, (run, arms) in enumerate(losses.items()):
            for arm, one in arms.items():
                if several:
                    look = arm_style(settings[run], arm, self.theme)
                    style = replace(look, line=_LINES[nth % len(_LINES)])
                    name = f"{arm}, {names[run]}"
                else:
                    color = _COLORS[nth % len(_COLORS)]
                    style, name = ArmStyle(color, color, _LINES[0], "o"), names[run]
                lines.append(PlotLine(name, one.outer_step.astype(float), one.outer, style))
        self.show_lines(lines, "outer loss", empty=self._hint)

    def hint(self, words: str) -> None:
        """Says these words while no run is drawn."""
        if words != self._hint:
            self._hint = words
            self.put(*self._put)

    def take_colors(self, theme: Theme) -> None:
        """Draws everything in the colours of `theme`."""
        super().take_colors(theme)
        if self._put[0]:
            self.put(*self._put)
