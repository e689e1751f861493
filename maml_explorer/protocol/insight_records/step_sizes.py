"""Everything that an arm learned for its inner loop: step sizes, or matrices."""

from __future__ import annotations

from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.commands import Array


@dataclass(frozen=True)
class LearnedMatrix:
    """One matrix, or one row of numbers, that is learned beside θ."""

    name: str
    """Such as "hidden 1: outputs"."""
    columns: str
    """Word for the axis to the right."""
    rows: str
    """Word for the axis upwards."""
    values: Array
    """[column, row]"""
    begun: Array
    """[column, row]: as they were at outer step 0, such as the identity; empty where drawn."""


@dataclass(frozen=True)
class StepSizesSeen:
    """Factors by which one arm's inner steps multiply the gradient; they may be negative."""

    layers: tuple[str, ...]
    """[layer] that adapts: "hidden 1" … "output"."""
    mean: Array
    """[layer, inner step]: over the layer's parameters; exact where all have one step size."""
    lowest: Array
    """[layer, inner step]"""
    highest: Array
    """[layer, inner step]"""
    negative: float
    """Share of the parameters whose step size is below 0 at some inner step."""
    each: tuple[Array, ...]
    """Per layer [in + 1, unit] those of the first inner step, the biases' last; empty where a
    layer's parameters share one."""
    matrices: tuple[LearnedMatrix, ...] = ()
    """Learned in the place of step sizes; then all of those above are α."""
    course: tuple[tuple[str, float], ...] = ()
    """(figure, value) that are followed over training."""
    course_words: str = "mean α"
    """Words for what these figures are."""

    def arm_figures(self) -> dict[str, float]:
        """Figures that are followed over training, by name."""
        return dict(self.course)
