"""The meta-gradient against finite differences of the outer loss."""

from __future__ import annotations

from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.commands import Array


@dataclass(frozen=True)
class CheckSeen:
    """One arm's outer loss along random unit directions, in float64."""

    measured: Array
    """[direction]: central differences of the loss itself."""
    second_order: Array
    """[direction]: by the meta-gradient."""
    first_order: Array
    """[direction]: by the query gradient at the adapted parameters alone."""
    error: float
    """Largest difference between measured and second order, over the largest slope."""
    first_order_error: float
    """The same of first order: what it neglects."""
    smooth: bool
    """False with ReLU, whose kinks differences cross now and then."""
    tasks: int
    implicit: bool = False
    """True where the meta-gradient is that of the inner minimum, near which the path ends."""
