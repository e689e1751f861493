"""Figures of a meta-test as lines: mean, median or every task, with intervals that can be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from maml_explorer.gui.plots.table import Table
from maml_explorer.gui.session.meta_test_losses import most_diverged
from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.commands import Array
from maml_explorer.protocol.reports import ArmTest

MEAN, MEDIAN, EVERY = "mean", "median", "every"
STATISTICS = {
    MEAN: ("mean", "Mean over the held-out tasks, with its 95 % interval"),
    MEDIAN: ("median", "Half of the tasks are below, half above"),
    EVERY: ("every task", "A thin line for each task; the thick one is the median"),
}
"""Key → (words of the switch and the axis, tooltip)."""
_RESAMPLES = 1000


@dataclass(frozen=True)
class SpeedLine:
    """One arm's line, by inner step; steps without a number are left out."""

    step: Array
    mean: Array
    """The statistic: the mean over all tasks or over those that did not diverge, or the median."""
    low: Array
    """Lower end of the 95 % interval; the value itself where it is not known."""
    high: Array
    kept: Array
    """True where the mean leaves diverged tasks out."""
    short: bool = False
    """True where it has no mean at some steps, as most of their tasks diverged."""


def speed_line(
    test: ArmTest,
    statistic: str = MEAN,
    figures: Array | None = None,
    most: float = math.inf,
    tasks: int | None = None,
) -> SpeedLine:
    """The line of an arm's test.

    The mean of those that are left says nothing where most tasks diverged: there is none there.

    An interval of the mean that would reach below 0, where no squared error is, gives way to
    the percentile bootstrap; without single figures it ends at 0.

    Args:
        figures: [inner step, task], where they are known.
        most: the largest figure that can be, 1 for accuracies.
        tasks: how many were tested, where that is known.
    """
    rows, short = [], False
    for step, (mean, ci95, over_kept, median, diverged) in enumerate(
        zip(test.mean, test.ci95, test.mean_kept, test.median, test.diverged, strict=True)
    ):
        single = None if figures is None or step >= len(figures) else figures[step]
        if statistic == MEAN:
            # a mean that a handful of diverged tasks carries says nothing about the others
            kept = diverged > 0 or mean is None
            value = over_kept if kept else mean
            if value is not None and tasks is not None and most_diverged(test, step, tasks):
                value, short = None, True
        else:
            kept, value = False, median
        if value is None or not math.isfinite(value):
            continue
        low = high = value
        if statistic == MEAN and not kept and ci95 is not None:
            low, high = value - ci95, value + ci95
            if low < 0:
                low, high = (0.0, high) if single is None else bootstrap(single)
        elif statistic == MEDIAN and single is not None:
            low, high = (end if math.isfinite(end) else value for end in median_interval(single))
        rows.append((step, value, low, min(high, most), kept))
    columns = np.array(rows, dtype=float).reshape(-1, 5).T
    return SpeedLine(columns[0], columns[1], columns[2], columns[3], columns[4].astype(bool), short)


def test_table(arms: Mapping[str, ArmTest]) -> Table:
    """Every figure of a meta-test by arm and inner step."""
    header = ["arm", "inner step", "mean", "ci95", "mean of kept", "median", "diverged"]
    return header, [
        [name, step, *values]
        for name, arm in arms.items()
        for step, values in enumerate(
            zip(arm.mean, arm.ci95, arm.mean_kept, arm.median, arm.diverged, strict=True)
        )
    ]


def bootstrap(figures: Array) -> tuple[float, float]:
    """95 % percentile interval of the mean of figures [task] (Efron 1979); the same every time."""
    means = figures[_resampled(len(figures))].mean(1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def median_interval(figures: Array) -> tuple[float, float]:
    """95 % interval of the median of figures [task], by order statistics; not finite is worst."""
    ordered = np.sort(np.where(np.isfinite(figures), figures, np.inf))
    count = len(ordered)
    reach = 0.98 * math.sqrt(count)  # 1.96 standard deviations of a fair binomial
    below = max(math.floor((count - 1) / 2 - reach), 0)
    above = min(math.ceil((count - 1) / 2 + reach), count - 1)
    return float(ordered[below]), float(ordered[above])


@lru_cache(maxsize=4)
def _resampled(count: int) -> NDArray[np.int64]:
    """[resample, task]: which tasks each resample has."""
    return np.random.default_rng(0).integers(count, size=(_RESAMPLES, count))
