"""What can be read off the losses in numbers: at the pointer, and as a table."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from maml_explorer.gui.plots.table import Table
from maml_explorer.gui.session.loss_history import HELD_OUT, SECONDS, X_LABELS
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.style.numbers import number, whole

if TYPE_CHECKING:
    from maml_explorer.gui.panels.losses.plot import LossPlot

AXIS_NAMES = ("outer step", "seconds", "gradient evaluations")


def reading(plot: LossPlot, x: float) -> str:
    """The averages at `x` of the plot as HTML, and what was changed near it."""
    settings, theme = plot.session.settings, plot.session.theme
    value = 10**x if plot.log_x else max(x, 0.0)
    rows = [f"{X_LABELS[plot.axis]} {number(value) if plot.axis == SECONDS else whole(value)}"]
    for arm in settings.arms:
        drawn = plot.drawn.get(arm.name)
        if drawn is None or len(drawn.x) == 0:
            continue
        nearest = int(np.abs(drawn.x - x).argmin())
        y = float(10 ** drawn.y[nearest] if plot.log_y else drawn.y[nearest])
        text = f"{escape(arm.name)} {number(y)}"
        if plot.loss == HELD_OUT:
            point = plot.tested[arm.name][nearest]
            text += f" ± {number(point.ci95, 2)}" if point.ci95 is not None else ""
            text += f", {whole(point.diverged)} diverged" if point.diverged else ""
            text += f" at step {whole(point.outer_step)}"
        rows.append(f'<span style="color:{arm_style(settings, arm, theme).text}">{text}</span>')
    reach = 6 * plot.view().viewPixelSize()[0]
    for mark in plot.history.marks:
        at = plot.mark_x(mark.outer_step)
        if at is not None and abs(at - x) <= reach:
            rows.append(f"step {whole(mark.outer_step)}: {escape(mark.words)}")
    return "<br>".join(rows)


def table(plot: LossPlot, everything: bool) -> Table:
    """What is shown, bin by bin; all arms, losses and steps where `everything` is wanted."""
    if plot.loss == HELD_OUT and not everything:
        return _held_out(plot)
    low, high = plot.view().viewRange()[0]
    if plot.log_x:
        low, high = 10**low, 10**high
    cut = not everything and not plot.follows
    header = ["arm", "loss", *AXIS_NAMES, "min", "mean", "max", "smoothed"]
    rows: list[list[object]] = []
    for (name, loss), trace in plot.history.traces.items():
        if not everything and (loss != plot.loss or name not in plot.drawn):
            continue
        at = trace.x(plot.axis)
        keep = (at >= low) & (at <= high) if cut else np.full(len(at), True)
        columns = [trace.x(axis) for axis in X_LABELS]
        columns += [trace.low(), trace.mean(), trace.high(), trace.smoothed(plot.smoothing)]
        lists = [column[keep].tolist() for column in columns]
        rows += [[name, loss, *values] for values in zip(*lists, strict=True)]
    return header, rows


def _held_out(plot: LossPlot) -> Table:
    header = ["arm", "outer step", "inner step", "query MSE", "ci95", "diverged tasks"]
    return header, [
        [name, p.outer_step, p.inner_step, p.mse, p.ci95, p.diverged]
        for name, points in plot.tested.items()
        for p in points
    ]
