"""Numbers of the losses: those at the pointer, and all of them as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from maml_explorer.gui.panels.losses.view import LossView
from maml_explorer.gui.plots.table import Table
from maml_explorer.gui.session.drawn_losses import Drawn
from maml_explorer.gui.session.loss_history import (
    HELD_OUT,
    SECONDS,
    X_LABELS,
    LossHistory,
)
from maml_explorer.gui.session.meta_test_losses import HeldOutPoint
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.style.numbers import number, whole
from maml_explorer.gui.style.theme import Theme
from maml_explorer.settings.settings import Settings

AXIS_NAMES = ("outer step", "seconds", "gradient evaluations")


@dataclass(frozen=True)
class DrawnLosses:
    """Losses that are drawn: the view, the run's history, and the visible arms."""

    view: LossView
    history: LossHistory
    arms: Mapping[str, Drawn]
    tested: Mapping[str, Sequence[HeldOutPoint]]
    """Arm → its meta-tests, where they are the loss shown."""

    def place(self, outer_step: int) -> float | None:
        """The x of an outer step on the plot; None where it has no place."""
        return self.view.place(outer_step, self.history, self.arms)


def reading(losses: DrawnLosses, x: float, settings: Settings, theme: Theme, reach: float) -> str:
    """The averages at `x` of the plot as HTML, and what was changed within `reach` of it."""
    view, value = losses.view, losses.view.value(x)
    rows = [f"{X_LABELS[view.axis]} {number(value) if view.axis == SECONDS else whole(value)}"]
    for arm in settings.arms:
        drawn = losses.arms.get(arm.name)
        if drawn is None or len(drawn.x) == 0:
            continue
        nearest = int(np.abs(drawn.x - x).argmin())
        y = float(10 ** drawn.y[nearest] if view.log_y else drawn.y[nearest])
        text = f"{escape(arm.name)} {number(y, fixed=True)}"
        if view.loss == HELD_OUT:
            point = losses.tested[arm.name][nearest]
            if point.ci95 is not None:
                text += f" ± {number(point.ci95, 2, fixed=True)}"
            text += f", {whole(point.diverged)} diverged" if point.diverged else ""
            text += f" on the first {whole(point.tasks)} tasks" if point.first else ""
            text += f" at step {whole(point.outer_step)}"
        rows.append(f'<span style="color:{arm_style(settings, arm, theme).text}">{text}</span>')
    for mark in losses.history.marks:
        at = losses.place(mark.outer_step)
        if at is not None and abs(at - x) <= reach:
            rows.append(f"step {whole(mark.outer_step)}: {escape(mark.words)}")
    return "<br>".join(rows)


def table(losses: DrawnLosses, shown: tuple[float, float], everything: bool) -> Table:
    """The losses bin by bin; all arms, losses and steps where `everything` is wanted.

    Args:
        shown: (low, high) x of the plot; only what lies between is in the table, where the plot
            does not follow the training.
    """
    view = losses.view
    if view.loss == HELD_OUT and not everything:
        return _meta_tests(losses.tested)
    low, high = (10**x if view.log_x else x for x in shown)
    cut = not everything and not view.follows
    header = ["arm", "loss", *AXIS_NAMES, "min", "mean", "max", "smoothed"]
    rows: list[list[object]] = []
    for (name, loss), trace in losses.history.traces.items():
        if not everything and (loss != view.loss or name not in losses.arms):
            continue
        at = trace.x(view.axis)
        keep = (at >= low) & (at <= high) if cut else np.full(len(at), True)
        columns = [trace.x(axis) for axis in X_LABELS]
        columns += [trace.low(), trace.mean(), trace.high(), trace.smoothed(view.smoothing)]
        lists = [column[keep].tolist() for column in columns]
        rows += [[name, loss, *values] for values in zip(*lists, strict=True)]
    return header, rows


def _meta_tests(tested: Mapping[str, Sequence[HeldOutPoint]]) -> Table:
    header = ["arm", "outer step", "inner step", "query MSE", "ci95", "diverged tasks", "tasks"]
    return header, [
        [name, p.outer_step, p.inner_step, p.mse, p.ci95, p.diverged, p.tasks]
        for name, points in tested.items()
        for p in points
    ]
