"""One layer before and after adaptation to the task shown above."""

from __future__ import annotations

from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.commands import Array


@dataclass(frozen=True)
class LayerSeen:
    """Activations and weights of one layer of one arm."""

    layer: str
    """Its name: "hidden 1" … "output"."""
    steps: int
    x: Array
    """[x]"""
    before: Array
    """[x, unit]: activations at θ; of the output, the prediction."""
    after: Array
    """[x, unit]: the same at φ_K."""
    weights_before: Array
    """[in + 1, unit]: the biases last."""
    weights_after: Array
    """[in + 1, unit]"""
