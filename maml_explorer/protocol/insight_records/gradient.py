"""The meta-gradient in its two parts."""

from __future__ import annotations

from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.commands import Array

WHOLE = "whole"


@dataclass(frozen=True)
class Solved:
    """Solution by conjugate gradients of an implicit gradient (iMAML), over some tasks."""

    residual: float
    """Largest ‖b − (I + H/λ) u‖ / ‖b‖, b the query gradient."""
    curvature: float
    """Least vᵀ(I + H/λ)v / vᵀv along a direction taken; at 0 or below there is no minimum."""
    rest: float
    """Mean length of the inner gradient at φ_K over that at θ: 0 at the inner minimum."""

    def in_words(self) -> str:
        """A sentence or two."""
        trust = "no minimum: λ is too small" if self.curvature <= 0 else "above 0: a minimum"
        return (
            f"Conjugate gradients leave a residual of {self.residual:.1e} at most. Least curvature "
            f"of I + H/λ met: {self.curvature:.2g}, {trust}. Inner gradient left at φ_K: "
            f"{self.rest:.2g} of that at θ (0 at the inner minimum)."
        )


@dataclass(frozen=True)
class GradientSeen:
    """One arm's meta-gradient on some held-out tasks: ∇L_query(φ_K) and the Hessian correction.

    The axis [layer] ends with a row for the whole network. A cosine with a zero vector is NaN.
    """

    layers: tuple[str, ...]
    """[layer]: "hidden 1" …, "output" and `WHOLE`."""
    first_norm: Array
    """[layer]: of the query gradient at the adapted parameters, all that first order keeps."""
    correction_norm: Array
    """[layer]: of what the Hessians of the inner steps add."""
    norm: Array
    """[layer]: of their sum, the meta-gradient."""
    cosine: Array
    """[layer]: between the first-order part and the meta-gradient."""
    task_cosines: Array
    """[task, task]: between the meta-gradients of two tasks."""
    mean_task_cosine: float
    """Over pairs of different tasks."""
    solution: Solved | None = None
    """Figures on how far to trust an implicit gradient; None where it is none."""

    def figures(self) -> dict[str, float]:
        """Figures that are followed over training, by name."""
        found = {"cosine between tasks": self.mean_task_cosine}
        if self.solution is not None:
            found["residual"] = self.solution.residual
        for name, values in (
            ("cosine", self.cosine),
            ("first order", self.first_norm),
            ("correction", self.correction_norm),
            ("meta-gradient", self.norm),
        ):
            found |= {
                f"{name}, {layer}": float(value)
                for layer, value in zip(self.layers, values, strict=True)
            }
        return found
