"""Losses on a plane through θ."""

from __future__ import annotations

from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.commands import Array


@dataclass(frozen=True)
class LandscapeSeen:
    """Losses of one arm's network on a plane through θ, after m inner steps from every point.

    Coordinates are distances of parameters; θ is (0, 0). Losses are NaN where not finite.
    """

    inner_steps: int
    """m; with 0 the losses are those of the points themselves."""
    first: Array
    """[first], equally spaced."""
    second: Array
    """[second], equally spaced."""
    support: Array
    """[first, second]: of the task shown above; empty where it has no points."""
    query: Array
    """[first, second]: the same on its query set; empty without a truth."""
    mean_support: Array
    """[first, second]: mean over the other tasks."""
    mean_query: Array
    """[first, second]: mean over the other tasks: after m ≥ 1 inner steps the meta-loss."""
    tasks: Array
    """[task, 3]: amplitude, phase, frequency of those whose paths are drawn; NaN without truth."""
    paths: Array
    """[inner step 0 … K, task, 2]; the task shown above is the first where `shown`."""
    distance: Array
    """[task]: how far from the plane φ_K is."""
    shown: bool
    others: int
    """Tasks that the means are over."""
