"""Differences of two arms on the same held-out tasks, as they are reported."""

from __future__ import annotations

from maml_explorer.late_dataclass import dataclass


@dataclass(frozen=True)
class ArmGap:
    """The query figure of an arm minus that of another, paired by task.

    Each is taken after the inner steps that the arm takes in training.
    """

    arm: str
    against: str
    steps: tuple[int, int]
    """Inner steps of the one and of the other."""
    mean: float | None
    """Over the tasks on which neither diverged; None where there are none."""
    ci95: float | None
    """Half-width of the 95 % interval; None for fewer than two tasks."""
    better: int
    """Tasks on which the arm is better, of those that were kept."""
    kept: int
    tasks: int
