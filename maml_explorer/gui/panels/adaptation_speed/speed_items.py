"""Items of one arm on the plot of a meta-test."""

from __future__ import annotations

from dataclasses import field

import numpy as np
import pyqtgraph as pg

from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.commands import Array

STALE = 0.4
"""Opacity of what is of an older state."""


@dataclass()
class SpeedItems:
    """Items of one arm on the plot."""

    band_low: pg.PlotCurveItem = field(default_factory=pg.PlotCurveItem)
    band_high: pg.PlotCurveItem = field(default_factory=pg.PlotCurveItem)
    line: pg.PlotCurveItem = field(default_factory=lambda: pg.PlotCurveItem(antialias=True))
    dots: pg.ScatterPlotItem = field(
        default_factory=lambda: pg.ScatterPlotItem(antialias=True, useCache=False)
    )

    every: pg.PlotCurveItem = field(default_factory=pg.PlotCurveItem)
    """A line for each task, one after the other."""

    def __post_init__(self) -> None:
        self.band = pg.FillBetweenItem(self.band_low, self.band_high)

    def all(self) -> tuple[pg.GraphicsObject, ...]:
        """Every item that is added to the plot."""
        return self.every, self.band, self.line, self.dots


def with_gaps(step: Array, value: Array) -> tuple[Array, Array]:
    """(steps, values) of a line that breaks off, by NaN, where a step is left out."""
    at = np.flatnonzero(np.diff(step) > 1) + 1
    return np.insert(step, at, np.nan), np.insert(value, at, np.nan)


def mark_room(mark: float, height: float) -> float:
    """Room for half a mark at each end of an axis, as a share of what lies between.

    Args:
        mark: height of a mark, in pixels.
        height: length of the axis, in pixels.
    """
    share = min((mark / 2 + 1) / max(height, 1), 0.25)
    return share / (1 - 2 * share)
