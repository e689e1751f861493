"""Map of where adaptation takes θ."""

from __future__ import annotations

from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.commands import Array


@dataclass(frozen=True)
class ParameterMapSeen:
    """Adapted parameters of one arm in the two principal components of their displacements.

    θ is the origin; distances on the map are distances of parameters.
    """

    steps: int
    amplitude: Array
    """[task]"""
    phase: Array
    """[task]"""
    frequency: Array
    """[task]"""
    coordinates: Array
    """[task, 2]; NaN for tasks that diverged."""
    support_x: Array
    """[task, shot]"""
    support_y: Array
    """[task, shot]"""
    explained: tuple[float, float]
    """Share of the squared displacement along each component."""
    r_squared: float
    """Of (A cos φ, A sin φ) as a linear function of the map; NaN where tasks do not differ."""
    diverged: int
    path: Array
    """[inner step 0 … K, 2]: the task shown above as it adapts; empty where it has no points."""

    def figures(self) -> dict[str, float]:
        """Figures that are followed over training, by name."""
        return {
            "variance explained, first component": self.explained[0],
            "variance explained, both components": sum(self.explained),
            "R² of (A cos φ, A sin φ)": self.r_squared,
        }
