"""Images of one task as the last hidden layer has them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.commands import Array


@dataclass(frozen=True)
class EmbeddingSeen:
    """One arm's embedding of a task: the support set, then query images, along the inner loop."""

    points: Array
    """[inner step 0 … K, image, 2]: in the plane of the first two principal axes."""
    part: float
    """Part of the variance that the plane holds."""
    apart: Array
    """[inner step]: part of the variance of the query images that lies between classes."""
    images: NDArray[np.uint8]
    """[image, side, side]: 255 is full ink."""
    label: tuple[int, ...]
    """[image]: its class."""
    told: Array
    """[inner step, image]: the class that the network tells."""
    shots: int
    """Support images, of all classes together."""
    names: tuple[str, ...]
    """[class]"""

    def figures(self) -> dict[str, float]:
        """Figures that are followed over training, by name."""
        return {
            "between classes before": float(self.apart[0]),
            "between classes after": float(self.apart[-1]),
        }
