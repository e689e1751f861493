"""Items of one arm on the plot of a meta-test."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyqtgraph as pg


@dataclass
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
