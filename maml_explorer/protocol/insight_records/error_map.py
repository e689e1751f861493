"""Tasks that an initialization can learn, and from how much data."""

from __future__ import annotations

from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.commands import Array


@dataclass(frozen=True)
class ErrorMapSeen:
    """One arm's query errors over the plane of tasks, within and beyond the ranges of training."""

    amplitudes: Array
    """[amplitude], equally spaced."""
    phases: Array
    """[phase], equally spaced."""
    errors: Array
    """[inner step 0 … K, amplitude, phase]: MSE; NaN where it is not finite."""
    trained: tuple[float, float, float, float]
    """(smallest amplitude, largest, smallest phase, largest) of the tasks trained on."""
    frequency: float
    """Of all tasks of the map."""
    limit: float
    """An error above this counts as diverged."""
    support_x: Array
    """[shot]: the same for all tasks."""
    noise: Array
    """[shot]: what is added to every task's support targets."""


@dataclass(frozen=True)
class DataMapSeen:
    """One arm's query errors over shots and inner steps, on the same held-out tasks."""

    shots: tuple[int, ...]
    tasks: int
    errors: Array
    """[shots, inner step 0 … K]: mean MSE over the tasks that did not diverge; NaN for none."""
    median: Array
    """[shots, inner step]: over all tasks; NaN where it is not finite."""
    diverged: tuple[tuple[int, ...], ...]
    """[shots, inner step]: number of tasks."""
    trained: int
    """Shots in training."""
