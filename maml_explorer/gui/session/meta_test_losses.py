"""Losses of every meta-test of a run at the inner steps of training: pure, no Qt."""

from __future__ import annotations

import math

from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.reports import ArmTest, MetaTested
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.trained_steps import trained_steps

MOST = 1000
"""Most meta-tests that are kept; when full, every second one goes."""


def most_diverged(test: ArmTest, step: int, tasks: int) -> bool:
    """True where more than half of so many held-out tasks diverged by an inner step."""
    return 2 * test.diverged[step] > tasks


@dataclass(frozen=True)
class HeldOutPoint:
    """One arm in one meta-test."""

    outer_step: int
    inner_step: int
    mse: float
    """Query MSE, the mean over the tasks that did not diverge."""
    ci95: float | None
    diverged: int
    """Number of tasks that are left out of the mean."""
    tasks: int
    first: bool = False
    """True where these are the first tasks only: an estimate, which the next test replaces."""


class HeldOutLosses:
    """The points of all arms."""

    def __init__(self) -> None:
        self.points: dict[str, list[HeldOutPoint]] = {}
        """Arm → points, by outer step; a first estimate stands last or not at all."""

    def add(self, report: MetaTested, settings: Settings) -> None:
        """Takes up a meta-test in place of a first estimate, or of one of the same outer step."""
        for arm in settings.arms:
            test = report.arms.get(arm.name)
            if test is None:
                continue
            k = min(trained_steps(settings, arm), len(test.mean) - 1)
            lost = test.diverged[k]
            value = test.mean_kept[k] if lost or test.mean[k] is None else test.mean[k]
            if value is None or not math.isfinite(value):
                continue
            points = self.points.setdefault(arm.name, [])
            if points and (points[-1].first or points[-1].outer_step >= report.outer_step):
                self.points[arm.name] = points = [
                    point
                    for point in points
                    if point.outer_step < report.outer_step and not point.first
                ]
            ci95, first = None if lost else test.ci95[k], report.declared is not None
            points.append(
                HeldOutPoint(report.outer_step, k, value, ci95, lost, report.tasks, first)
            )
            if len(points) > MOST:
                del points[1:-1:2]

    def rewind(self, outer_step: int) -> None:
        """Drops what came after an outer step."""
        self.points = {
            name: [point for point in points if point.outer_step <= outer_step]
            for name, points in self.points.items()
        }
