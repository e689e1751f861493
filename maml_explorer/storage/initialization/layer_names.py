"""Names of the layers in an exported network."""

from __future__ import annotations

from maml_explorer.codegen.convolution import layer_places
from maml_explorer.settings.settings import Settings


def layer_stem(layer: int, settings: Settings) -> str:
    """Text before ".weight" and ".bias" of a layer."""
    if settings.model_kind.pictures:
        return str(layer_places(settings)[layer])
    return f"linears.{layer}" if settings.model.special else f"{2 * layer}"
