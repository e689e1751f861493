"""Interval at which the running session is saved: a choice of the window, not of a run."""

from __future__ import annotations

from dataclasses import dataclass

MINUTES = {
    0: "Never",
    1: "Every minute",
    2: "Every 2 minutes",
    5: "Every 5 minutes",
    15: "Every 15 minutes",
}
"""Minutes between two saves, at least → words of the File menu."""
PERCENTS = {
    1: "At most 1 % of the time",
    2: "At most 2 % of the time",
    5: "At most 5 % of the time",
    10: "At most 10 % of the time",
}
"""Part of the time that saving may take → words of the File menu."""


@dataclass(frozen=True)
class Autosave:
    """Interval that was chosen."""

    minutes: int = 2
    percent: int = 2

    def pause(self, took: float) -> float:
        """Seconds to the next save, where the last one took so many; infinite for never."""
        if not self.minutes:
            return float("inf")
        return max(60.0 * self.minutes, 100 * took / self.percent)


def autosave(minutes: object, percent: object) -> Autosave:
    """Interval that was remembered; the usual one where that is not offered."""
    usual = Autosave()
    return Autosave(
        minutes if isinstance(minutes, int) and minutes in MINUTES else usual.minutes,
        percent if isinstance(percent, int) and percent in PERCENTS else usual.percent,
    )
