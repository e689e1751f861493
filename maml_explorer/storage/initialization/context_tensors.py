"""CAVIA's weights of the context as a tensor, `context.weight` [out, context parameter].

Adapted parameters c move the bias of the first layer by `context.weight` @ c, or the shift of the
norm behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from maml_explorer.core.models.table import network
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.initialization.curvature_tensors import TensorForm

Array = NDArray[Any]
NAME = "context.weight"


def named_context(flat: Array, settings: Settings) -> dict[str, Array]:
    """The weights behind θ, as that tensor, copied."""
    return {NAME: flat.reshape(-1, network(settings).shapes[0][1]).T.copy()}


def flat_context(tensors: Mapping[str, Array], settings: Settings) -> Array:
    """The inverse of :func:`named_context`."""
    return tensors[NAME].T.reshape(-1)


FORM = TensorForm(named_context, flat_context)
