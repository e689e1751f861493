"""The time that training still takes, once it is known well enough to be said."""

from __future__ import annotations

import time
from collections.abc import Callable

from maml_explorer.gui.style.numbers import whole
from maml_explorer.protocol.reports import Phase, Status

SOONEST = 5.0
"""Seconds of training before which the rate says little: the first steps are the slowest."""


class TimeLeft:
    """Estimates by the reported rate, after the first seconds of training without a pause."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began: float | None = None
        self._run = -1

    def seconds(self, status: Status | None, goal: int) -> float | None:
        """Seconds until the outer step `goal`; None where that is not known (yet)."""
        if status is None or status.phase is not Phase.RUNNING:
            self._began = None
            return None
        if self._began is None or status.run != self._run:
            self._began, self._run = self._clock(), status.run
        early = self._clock() - self._began < SOONEST
        if early or status.steps_per_second <= 0 or goal <= status.outer_step:
            return None
        return (goal - status.outer_step) / status.steps_per_second

    def words(self, status: Status | None, goal: int) -> str:
        """Such as " · 26 s left"; empty where it is not known."""
        seconds = self.seconds(status, goal)
        return "" if seconds is None else f" · {duration(seconds)} left"


def duration(seconds: float) -> str:
    """A time in words: "26 s", "3 min", "1 h 20 min"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{whole(hours)} h {minutes} min" if hours < 48 else f"{whole(hours / 24)} days"
