"""The ways to normalize a hidden layer, as a table. Torch-free.

What they do is in :mod:`maml_explorer.core.models.normalization`.
"""

from __future__ import annotations

from dataclasses import dataclass

MOMENTUM = 0.1
"""Part of a new statistic in a running average, PyTorch's default."""
STORED_STEPS = 11
"""Inner steps k = 0 … 10 have statistics of their own; later ones share the last."""


@dataclass(frozen=True)
class Norm:
    """One way to normalize."""

    over: str
    """"points" of a task, "features" of a point, or "" for none."""
    stored: int = 0
    """Sets of running averages per layer: 1, or one per inner step."""
    constant: bool = False
    """True if the running averages normalize in training too, not at meta-test alone."""

    @property
    def rows(self) -> int:
        """Rows of a layer's matrix below its bias: γ, β, the stored means, the stored variances."""
        return 2 + 2 * self.stored if self.over else 0


NORMS: dict[str, Norm] = {
    "none": Norm(""),
    "batch": Norm("points"),
    "batch-running": Norm("points", stored=1),
    "batch-per-step": Norm("points", stored=STORED_STEPS, constant=True),
    "layer": Norm("features"),
}
"""Name → record; the names are the choices of the setting `norm`."""
