"""Changes that adaptation makes inside the network, and the layers it needs."""

from __future__ import annotations

from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.commands import Array


@dataclass(frozen=True)
class FeaturesSeen:
    """One arm on some held-out tasks.

    The axis [layer] runs from the first hidden one to the output. Means leave out the tasks that
    diverged; a spread is the standard deviation over tasks.
    """

    layers: tuple[str, ...]
    """[layer]: "hidden 1" … "output"."""
    steps: int
    """Inner steps of the adaptation."""
    tasks: int
    diverged: int
    """Tasks whose adaptation is not finite."""
    similarity: Array
    """[layer]: mean linear CKA of activations before and after; NaN where it is not defined."""
    similarity_spread: Array
    change: Array
    """[layer]: mean ‖φ_K − θ‖ / ‖θ‖ of the layer's parameters."""
    change_spread: Array
    frozen_error: Array
    """[frozen layers 0 … depth]: mean query MSE with the lowest so many layers held at θ."""
    frozen_half: Array
    """[frozen layers]: half-width of its 95 % interval over tasks; NaN where tasks diverged."""
    frozen_diverged: tuple[int, ...]
    """[frozen layers]: tasks left out of the mean."""

    def figures(self) -> dict[str, float]:
        """Figures that are followed over training, by name."""
        found = {}
        for nth, layer in enumerate(self.layers):
            found[f"similarity, {layer}"] = float(self.similarity[nth])
            found[f"change, {layer}"] = float(self.change[nth])
        for frozen, error in enumerate(self.frozen_error):
            found[f"error with {frozen} layers frozen"] = float(error)
        return found
