"""The parts of a loss that the recursion needs, and the figure that people read.

A loss is the mean over a task's points of ℓ(output, target). Everything is batched over tasks:
outputs and targets are [task, point, output], and a residual is whatever the gradient of ℓ is
proportional to, of that shape.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Loss:
    """One loss, with its derivatives by the network's output.

    Compared by identity: a table holds one of each.
    """

    key: str
    label: str
    residual: Callable[[Tensor, Tensor], Tensor]
    """(output, target) → residual [task, point, output]."""
    gradient: Callable[[Tensor, float | Tensor], Tensor]
    """(residual, weight) → weight × ∂ loss/∂ output, the loss being the mean over a task's points.
    """
    curvature: Callable[[Tensor, Tensor], Tensor]
    """(output, R output) → the second derivative of the same mean, times R output."""
    total: Callable[[Tensor, Tensor, Tensor], Tensor]
    """(output, target, residual) → ℓ summed over tasks and points, a scalar on the device."""
    mean: Callable[[Tensor, Tensor], Tensor]
    """(output, target) → ℓ averaged over tasks and points, a scalar of the outputs' type."""
    value: Callable[[Tensor, Tensor], Tensor]
    """(output, target) → ℓ [task, point], float64: for reading, not for training."""
    figure: Callable[[Tensor, Tensor], Tensor]
    """(output, target) → the figure shown, [task, point], float64; NaN where an output is NaN."""
    figure_label: str
    """The figure's name after "query": "MSE" or "accuracy"."""
    higher_is_better: bool
    chance: Callable[[int], tuple[float, float] | None]
    """Number of outputs → (loss, figure) of guessing; None where it depends on the tasks."""

    @property
    def sign(self) -> float:
        """Factor that turns the figure into an error: 1, or −1 where a higher figure is better."""
        return -1.0 if self.higher_is_better else 1.0
