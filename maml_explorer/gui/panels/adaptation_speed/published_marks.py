"""Published results beside those of the run: a cross each, with their source in words."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
import pyqtgraph as pg

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.gui.panels.adaptation_speed.comparison import with_interval
from maml_explorer.gui.panels.adaptation_speed.speed_items import STALE
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.style.numbers import number
from maml_explorer.protocol.commands import Array
from maml_explorer.protocol.reports import Compared, MetaTested
from maml_explorer.published.verdicts import Comparison
from maml_explorer.settings.presets import Preset
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.words import counted

OTHER_TASKS = ["Published numbers are for other tasks: not drawn", "Published: other tasks"]
"""Words where the settings have other tasks than a preset's published figures."""


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

    measured: Comparison | None = None
    """Figure of the newest comparison beside it; None for none."""

    @property
    def words(self) -> str:
        """Words of the mark: "+ MAML 0.67, published, 5 shots"; the source is under the plot."""
        name, shots = ALGORITHMS[self.algorithm].label, counted(self.shots, "shot")
        published = f"+ {name} {with_interval(self.mse, self.ci95)}, published, {shots}"
        here = self.measured
        if here is None:
            return published
        measured = with_interval(here.mean, here.ci95, fixed=True)
        return f"{published}; ◆ here {measured}: {here.verdict.words}"


def compares(preset: Preset | None, settings: Settings) -> bool:
    """True where the published figures of a preset were measured on the tasks trained on."""
    return preset is not None and preset.settings.tasks == settings.tasks


def published_points(
    preset: Preset | None, comparison: Compared | None = None
) -> list[PublishedPoint]:
    """The figures that are published for a preset, point by point, with their verdicts."""
    measured = {
        (one.algorithm, one.shots, one.inner_step): one
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
            measured.get((entry.algorithm, entry.shots, step)),
        )
        for entry in (() if preset is None else preset.published)
        for step, mse, ci95 in zip(
            entry.inner_steps, entry.mse, entry.ci95 or (None,) * len(entry.mse), strict=True
        )
    ]


def published_words(
    points: list[PublishedPoint], test: MetaTested | None, *, old: bool = False
) -> list[str]:
    """One line under the plot, the longest wording first: what the crosses are; empty for none.

    Whether their shots are those of the lines gives way last: else they would not compare.
    """
    if not points:
        return []
    shots = sorted({point.shots for point in points})
    sources = sorted({point.source.split(" (")[0] for point in points})
    measured = any(point.measured for point in points)
    here = f" ◆ here{', old' if old else ''}" if measured else ""
    counts = f"{', '.join(map(str, shots))} {'shot' if shots == [1] else 'shots'}"
    named = f"+ published{here}, {counts}"
    if test is None or set(shots) == {test.shots}:
        return [f"{named} · {'; '.join(sources)}", named, f"+ published{here}", "+ published"]
    lines = f"(lines: {test.shots})"
    marks = "+ ◆" if measured else "+"  # what is drawn is named in every wording
    middle = f"+ published{here}: {counts}" if measured else f"+ published, {counts} {lines}"
    briefer = [f"{named} {lines}", middle, f"{marks} {counts} {lines}", f"{marks} {counts}"]
    return [f"{named} {lines} · {'; '.join(sources)}", *briefer]


def published_details(preset: Preset | None) -> str:
    """A line for each algorithm, number of shots and source: what was published, after which steps.

    "MAML, 5 shots: 0.67 after 1, 0.36 after 5 inner steps. Finn, Abbeel, Levine 2017, table 1"
    """
    lines = []
    for entry in () if preset is None else preset.published:
        figures = ", ".join(
            f"{number(mse)} after {step}"
            for step, mse in zip(entry.inner_steps, entry.mse, strict=True)
        )
        steps = "inner step" if entry.inner_steps[-1] == 1 else "inner steps"
        arm = f"{ALGORITHMS[entry.algorithm].label}, {counted(entry.shots, 'shot')}"
        lines.append(f"{arm}: {figures} {steps}. Published in {entry.source}")
    return "\n".join(lines)


class PublishedMarks:
    """The crosses on a plot, in the colour of their algorithm's first arm.

    A diamond with its interval is what a comparison measured here with the same shots, where no
    task diverged.
    """

    def __init__(self, plot: Plot) -> None:
        self.points: list[PublishedPoint] = []
        self.old = False
        """True where training has left the comparison behind, whose diamonds are then faint."""
        self._plot = plot
        self.item = pg.ScatterPlotItem(symbol="+", antialias=True, useCache=False)
        self.here = pg.ScatterPlotItem(symbol="d", antialias=True, useCache=False)
        self.intervals = pg.PlotCurveItem(antialias=True)
        for z, item in ((28, self.intervals), (30, self.item), (31, self.here)):
            item.setZValue(z)
            plot.getPlotItem().addItem(item, ignoreBounds=True)

    def values(self) -> Array:
        """[point]: the published figures, and those measured beside them."""
        figures = [point.mse for point in self.points]
        return np.array([*figures, *(mean for _, mean, _ in self._measured())], dtype=float)

    def _measured(self) -> list[tuple[PublishedPoint, float, float]]:
        """(point, mean, half-width of the interval) of what was measured and can be compared."""
        return [
            (point, one.mean, one.ci95 or 0.0)
            for point in self.points
            if (one := point.measured) is not None and one.mean is not None and not one.diverged
        ]

    def draw(self, settings: Settings, hidden: frozenset[str], log_y: bool) -> None:
        """Draws those of the visible arms' algorithms."""
        theme = self._plot.theme
        first = {a.algorithm: a for a in reversed(settings.arms) if a.name not in hidden}
        self.points = [point for point in self.points if point.algorithm in first]
        color = {key: arm_style(settings, arm, theme).text for key, arm in first.items()}

        def scaled(figures: list[float]) -> Array:
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.log10(figures) if log_y else np.array(figures, dtype=float)

        x = np.array([point.inner_step for point in self.points], dtype=float)
        pens = [self._plot.pen(color[point.algorithm], width=1.6) for point in self.points]
        self.item.setData(
            x, scaled([point.mse for point in self.points]), pen=pens or None,
            brush=pg.mkBrush(theme.card), data=self.points, size=self._plot.dot(14),
        )  # fmt: skip
        measured = self._measured()
        x = np.array([one.inner_step for one, *_ in measured], dtype=float)
        self.here.setData(
            x, scaled([mean for _, mean, _ in measured]), size=self._plot.dot(11),
            pen=self._plot.pen(theme.card),
            brush=[pg.mkBrush(color[one.algorithm]) for one, *_ in measured] or None,
        )  # fmt: skip
        for item in (self.here, self.intervals):
            item.setOpacity(STALE if self.old else 1.0)
        x = np.repeat(x, 2)
        ends = [end for _, mean, reach in measured for end in (mean - reach, mean + reach)]
        self.intervals.setPen(self._plot.pen(theme.muted, width=1.2))
        self.intervals.setData(x, scaled(ends), connect="pairs")

    def words(self, test: MetaTested | None) -> list[str]:
        """Words on the marks beside a meta-test, the longest wording first; empty for none."""
        return published_words(self.points, test, old=self.old)

    def rows(self, inner_step: int) -> list[str]:
        """The figures of one inner step, as HTML."""
        return [escape(point.words) for point in self.points if point.inner_step == inner_step]
