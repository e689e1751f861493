"""Stability of the inner loop."""

from __future__ import annotations

import math

from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.commands import Array

SWINGS = 2.0
"""An eigenvalue of diag(a) H above this: the inner step overshoots, farther each time."""
SHARE_SWINGING = "share of inner steps swinging"
MEDIAN = "largest eigenvalue of diag(a) H, median of tasks"
LARGEST = "largest eigenvalue of diag(a) H, most of tasks"
RADIUS = "spectral radius of I − diag(a) H"
SHARE_RISING = "share of inner steps after which the loss is higher"
SHARE_ABOVE_ONE = "share of inner steps with a radius above 1"
GRADIENT = "norm of the outer gradient"


@dataclass(frozen=True)
class StabilitySeen:
    """One arm's inner loop on some held-out tasks: eigenvalues of diag(a_k) H_k along the paths.

    Where a is one number α, the largest eigenvalue is α λ_max.
    """

    eigenvalue: Array
    """[task]: the largest of diag(a_k) H_k over the inner steps; NaN where the path diverged."""
    radius: Array
    """[task]: the largest spectral radius of I − diag(a_k) H_k over the inner steps."""
    scalar: bool
    """True where a is one number α."""
    share_swinging: float
    """Of (inner step, task) with an eigenvalue above 2."""
    share_rising: float
    """Of (inner step, task) after which the inner loss is higher."""
    share_above_one: float
    """Of (inner step, task) with a radius above 1, which negative curvature alone makes too."""
    diverged: int
    """Tasks whose path is not finite."""
    median: float
    """Of `eigenvalue`, over the tasks that did not diverge."""
    largest: float
    largest_radius: float
    gradient_norm: float
    """Of the outer gradient on these tasks; NaN where the arm has none, or it is not finite."""
    worse: int = 0
    """Tasks whose query loss is higher after all inner steps than before them."""

    def in_words(self) -> str:
        """Sentences for the report of a divergence, the shortest account first."""
        largest = "α λ_max" if self.scalar else "the largest eigenvalue of diag(a) H"
        parts = []
        if math.isfinite(self.largest):
            which = "no inner step overshoots"
            if self.share_rising > 0:  # the measure that the status line names as well
                which = f"{100 * self.share_rising:.0f} % of inner steps raise the support loss"
            elif self.share_swinging > 0:
                which = f"{100 * self.share_swinging:.0f} % of inner steps overshoot"
            parts.append(
                f"In the last good state, {which} ({largest} up to {_short(self.largest)}; "
                "stable below 2)."
            )
        if math.isfinite(self.gradient_norm):
            parts.append(f"Its outer gradient has norm {_short(self.gradient_norm)}.")
        return " ".join(parts)

    def figures(self) -> dict[str, float]:
        """Figures that are followed over training, by name."""
        return {
            SHARE_SWINGING: self.share_swinging,
            MEDIAN: self.median,
            LARGEST: self.largest,
            RADIUS: self.largest_radius,
            SHARE_RISING: self.share_rising,
            SHARE_ABOVE_ONE: self.share_above_one,
            GRADIENT: self.gradient_norm,
        }


def _short(value: float) -> str:
    return f"{value:.0f}" if 1e3 <= abs(value) < 1e6 else f"{value:.3g}"
