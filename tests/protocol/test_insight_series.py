"""Figures over outer steps: in order, bounded, cut where the run goes back."""

from __future__ import annotations

from dataclasses import dataclass

from maml_explorer.protocol.insight import Insight, InsightRequest, NothingToShow
from maml_explorer.protocol.insight_series import MOST_POINTS, Figures, Series


@dataclass(frozen=True)
class Record:
    value: float

    def figures(self) -> dict[str, float]:
        return {"radius": self.value, "twice": 2 * self.value}


REQUEST = InsightRequest.of("stability")


def seen(step: int, value: float) -> Insight:
    arms = {"MAML": Record(value), "MTL": NothingToShow("no inner loop")}
    return Insight(1, step, REQUEST, arms)


def test_figures_of_every_arm_that_has_some() -> None:
    figures = Figures()
    for step, value in ((0, 0.5), (10, 0.6), (10, 0.7), (30, 0.8)):
        figures.take(seen(step, value))
    radius = figures.series("stability", "MAML", "radius")
    assert (radius.steps, radius.values) == ([0, 10, 30], [0.5, 0.7, 0.8])
    assert figures.series("stability", "MTL", "radius") == Series()
    figures.take(Insight(1, 40, REQUEST, NothingToShow("nothing")))
    figures.take(Insight(1, 40, REQUEST, None, failed="broken"))
    assert radius.steps == [0, 10, 30]
    figures.rewind(10)
    assert radius.steps == [0, 10]


def test_rows_and_back() -> None:
    figures = Figures()
    figures.take(seen(0, 0.5))
    figures.take(seen(7, 1.5))
    rows = list(figures.rows())
    assert rows[:2] == [(0, "stability", "MAML", "radius", 0.5),
                        (7, "stability", "MAML", "radius", 1.5)]  # fmt: skip
    assert list(Figures(rows).rows()) == rows


def test_a_long_run_stays_within_bounds_and_keeps_its_ends() -> None:
    series = Series()
    for step in range(10_000):
        series.add(step, float(step))
    assert len(series.steps) <= MOST_POINTS
    assert (series.steps[0], series.steps[-1]) == (0, 9_999)
    gaps = [b - a for a, b in zip(series.steps, series.steps[1:], strict=False)]
    assert max(gaps) <= 16
    assert series.values == [float(step) for step in series.steps]
