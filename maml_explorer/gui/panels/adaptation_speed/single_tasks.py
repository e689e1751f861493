"""Single held-out tasks of a meta-test: their lines, the one under a pixel, the worst one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from PySide6.QtCore import QPoint

from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.session.task_sampling import given_task
from maml_explorer.protocol.commands import Array, ProbeTask
from maml_explorer.protocol.reports import HeldOutTasks
from maml_explorer.settings.settings import Settings

REACH = 7.0
"""Pixels within which a task's line is under the pointer."""

Scaled = Callable[[Array], Array]
"""Figures → what a plot's axis shows of them."""


def task_lines(figures: Array, scaled: Scaled) -> tuple[Array, Array]:
    """(x, y) of the lines of figures [inner step, task], one after the other; a NaN ends each."""
    gap = np.full((1, figures.shape[1]), np.nan)
    y = np.concatenate([scaled(figures), gap]).T.reshape(-1)
    x = np.tile(np.append(np.arange(len(figures), dtype=float), np.nan), figures.shape[1])
    return x, y


def nearest_task(plot: Plot, arms: Iterable[Array], pixel: QPoint, scaled: Scaled) -> int | None:
    """The task whose line is nearest to a pixel and within reach.

    Args:
        arms: figures [inner step, task] of each arm that is drawn.
    """
    x = plot.to_data(pixel)[0]
    best: tuple[float, int] | None = None
    for figures in arms:
        if not 0 <= x <= len(figures) - 1:
            continue
        left = min(int(x), max(len(figures) - 2, 0))
        pair = scaled(figures[left : left + 2])
        y = pair[0] + (x - left) * (pair[-1] - pair[0])
        _, rows = plot.to_pixels(np.full(len(y), x), y)
        distance = np.where(np.isfinite(rows), np.abs(rows - pixel.y()), np.inf)
        nearest = int(np.argmin(distance))
        if distance[nearest] <= REACH and (best is None or distance[nearest] < best[0]):
            best = float(distance[nearest]), nearest
    return None if best is None else best[1]


def worst_task(arms: Iterable[Array], step: int) -> int | None:
    """The task on which any arm is worst after an inner step; None without arms."""
    worst: tuple[float, int] | None = None
    for figures in arms:
        at = figures[min(step, len(figures) - 1)]
        row = np.where(np.isfinite(at), at, np.inf)
        task = int(np.argmax(row))
        if worst is None or row[task] > worst[0]:
            worst = float(row[task]), task
    return None if worst is None else worst[1]


def probe_of(held: HeldOutTasks, task: int, settings: Settings) -> ProbeTask:
    """A held-out task as the hero shows one, with the points it was tested on."""
    return given_task(settings, held.parameters[task], held.support_x[task], held.support_y[task])
