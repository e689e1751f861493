"""Figures of the views over outer steps, as lines of a plot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from maml_explorer.gui.plots.fast_curve import from_below
from maml_explorer.gui.plots.lines_plot import PlotLine
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.arm_style import LINES, arm_style


def arm_lines(session: Session, view: str, figure: str) -> list[PlotLine]:
    """A figure of every visible arm that has it, those on top first."""
    settings, lines = session.settings, []
    styles = {arm.name: arm_style(settings, arm, session.theme) for arm in settings.arms}
    for name in reversed(from_below(styles)):
        series = session.insight.figures.series(view, name, figure)
        if series.steps and name not in session.hidden:
            x, y = np.array(series.steps, dtype=float), np.array(series.values)
            lines.append(PlotLine(name, x, y, styles[name]))
    return lines


def line_of(session: Session, view: str, arm: str, figure: str, words: str, line: str) -> PlotLine:
    """One figure of one arm as a line called `words`, of a style of the theme's LINES."""
    series = session.insight.figures.series(view, arm, figure)
    style = replace(arm_style(session.settings, arm, session.theme), line=LINES[line])
    return PlotLine(words, np.array(series.steps, dtype=float), np.array(series.values), style)
