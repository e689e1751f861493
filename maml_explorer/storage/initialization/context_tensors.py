"""CAVIA's weights of the context as a tensor, `context.weight` [moved, context parameter].

Adapted parameters c move the bias of the first layer by `context.weight` @ c, or the shift of the
norm behind it. Where they enter features they move scales and then shifts of the last hidden
layer's norm, or its bias.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from maml_explorer.settings.settings import Settings
from maml_explorer.storage.initialization.curvature_tensors import TensorForm

Array = NDArray[Any]
NAME = "context.weight"


def named_context(flat: Array, settings: Settings) -> dict[str, Array]:
    """The weights behind θ, as that tensor, copied."""
    own = settings.of_arm(settings.arms[0])
    return {NAME: flat.reshape(own.inner.context, -1).T.copy()}


def flat_context(tensors: Mapping[str, Array], settings: Settings) -> Array:
    """The inverse of :func:`named_context`."""
    return tensors[NAME].T.reshape(-1)


FORM = TensorForm(named_context, flat_context)
