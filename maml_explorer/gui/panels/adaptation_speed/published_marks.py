"""Published results beside those of the run: a cross each, with their source in words."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
import pyqtgraph as pg

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.style.numbers import number
from maml_explorer.protocol.commands import Array
from maml_explorer.protocol.reports import Compared, MetaTested
from maml_explorer.settings.presets import Preset
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.words import counted


@dataclass(frozen=True)
class PublishedPoint:
    """One published figure to compare with."""

    algorithm: str
    """Key of the algorithm."""
    shots: int
    inner_step: int
    mse: float
    source: str
    ci95: float | None = None

    verdict: str = ""
    """Verdict of the newest comparison; empty for none."""

    @property
    def words(self) -> str:
        """Words of the mark: "+ MAML 0.67, published, 5 shots"; the source is under the plot."""
        interval = "" if self.ci95 is None else f" ± {number(self.ci95, 2)}"
        name = ALGORITHMS[self.algorithm].label
        said = f": {self.verdict}" if self.verdict else ""
        return (
            f"+ {name} {number(self.mse)}{interval}, published, {counted(self.shots, 'shot')}{said}"
        )


def compares(preset: Preset | None, settings: Settings) -> bool:
    """True where the published figures of a preset were measured on the tasks trained on."""
    return preset is not None and preset.settings.tasks == settings.tasks


def published_points(
    preset: Preset | None, comparison: Compared | None = None
) -> list[PublishedPoint]:
    """The figures that are published for a preset, point by point, with their verdicts."""
    verdicts = {
        (one.algorithm, one.shots, one.inner_step): one.verdict.words
        for one in (() if comparison is None else comparison.comparisons)
    }
    return [
        PublishedPoint(
            entry.algorithm,
            entry.shots,
            step,
            mse,
            entry.source,
            ci95,
            verdicts.get((entry.algorithm, entry.shots, step), ""),
        )
        for entry in (() if preset is None else preset.published)
        for step, mse, ci95 in zip(
            entry.inner_steps, entry.mse, entry.ci95 or (None,) * len(entry.mse), strict=True
        )
    ]


def published_words(points: list[PublishedPoint], test: MetaTested | None) -> str:
    """One line under the plot: what the crosses are, and whether they compare; empty for none."""
    if not points:
        return ""
    shots = sorted({point.shots for point in points})
    sources = sorted({point.source.split(" (")[0] for point in points})
    text = f"+ published, {', '.join(map(str, shots))} shots · {'; '.join(sources)}"
    if test is not None and set(shots) != {test.shots}:
        head, tail = text.split(" · ", 1)
        text = f"{head} (here {test.shots}) · {tail}"
    return text


class PublishedMarks:
    """The crosses on a plot; they take the colour of their algorithm's first arm."""

    def __init__(self, plot: Plot) -> None:
        self.points: list[PublishedPoint] = []
        self._plot = plot
        self.item = pg.ScatterPlotItem(symbol="+", antialias=True, useCache=False)
        self.item.setZValue(30)
        plot.getPlotItem().addItem(self.item, ignoreBounds=True)

    def values(self) -> Array:
        """[point]: the published figures."""
        return np.array([point.mse for point in self.points], dtype=float)

    def draw(self, settings: Settings, hidden: frozenset[str], log_y: bool) -> None:
        """Draws those of the visible arms' algorithms."""
        theme = self._plot.theme
        first = {a.algorithm: a for a in reversed(settings.arms) if a.name not in hidden}
        self.points = [point for point in self.points if point.algorithm in first]
        colors = [arm_style(settings, first[p.algorithm], theme).text for p in self.points]
        pens = [self._plot.pen(color, width=1.6) for color in colors]
        x = np.array([point.inner_step for point in self.points], dtype=float)
        with np.errstate(divide="ignore"):
            y = np.log10(self.values()) if log_y else self.values()
        brush = pg.mkBrush(theme.card)
        self.item.setData(
            x, y, pen=pens if pens else None, brush=brush, data=self.points,
            size=self._plot.dot(14),
        )  # fmt: skip

    def rows(self, inner_step: int) -> list[str]:
        """The figures of one inner step, as HTML."""
        return [escape(point.words) for point in self.points if point.inner_step == inner_step]
