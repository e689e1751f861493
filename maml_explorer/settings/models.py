"""The kinds of network as plain data: what settings, cards and the window know of one. Torch-free.

What they compute is in :mod:`maml_explorer.core.models`, under the same keys.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelKind:
    """One kind of network. Declarations of settings say by a predicate on it who reads them."""

    key: str
    label: str
    summary: str
    """One sentence for tooltips and documents."""
    source: str
    pictures: bool = False
    """True if it takes its inputs for the pixels of a picture."""
    own: bool = False
    """True for a module of the user's own program."""


MLP = ModelKind(
    "mlp", "Multilayer perceptron", "fully connected layers.", "Finn et al. 2017, section 5.1"
)
CONV = ModelKind(
    "conv",
    "Convolutional network",
    "blocks of 3 × 3 filters with stride 2, for images alone.",
    "Finn et al. 2017, appendix A.1",
    pictures=True,
)
OWN_NETWORK = ModelKind(
    "own", "Own network", "a module of the user's own program.", "the user", own=True
)
"""Not among the choices: a module that is handed over takes the place of the network chosen."""
MODEL_KINDS: dict[str, ModelKind] = {kind.key: kind for kind in (MLP, CONV)}
"""Key → record, in the order of menus."""
