"""The table of losses. A new one is a file beside these and a line here."""

from maml_explorer.core.losses.cross_entropy import CROSS_ENTROPY
from maml_explorer.core.losses.record import Loss
from maml_explorer.core.losses.squared_error import SQUARED_ERROR

LOSSES: dict[str, Loss] = {loss.key: loss for loss in (SQUARED_ERROR, CROSS_ENTROPY)}
"""Key → record."""

__all__ = ["CROSS_ENTROPY", "LOSSES", "SQUARED_ERROR", "Loss"]
