"""The table of networks. A new one is a file beside this, a record of settings and a line here."""

from __future__ import annotations

from collections.abc import Callable

from maml_explorer.core.losses import LOSSES
from maml_explorer.core.models.conv import convolution
from maml_explorer.core.models.mlp import Mlp
from maml_explorer.core.models.model import Model
from maml_explorer.core.models.own_network import own_model
from maml_explorer.settings.settings import Settings


def _mlp(settings: Settings) -> Mlp:
    model, (inputs, outputs) = settings.model, settings.ends
    return Mlp(
        (inputs, *model.hidden, outputs),
        model.activation,
        model.skip,
        model.norm,
        loss=LOSSES[settings.family.loss],
    )


def _conv(settings: Settings) -> Mlp:
    model = settings.model
    return convolution(
        settings.images.side,
        settings.ends[1],
        model.filters,
        model.blocks,
        model.activation,
        model.norm,
        LOSSES[settings.family.loss],
        averaged=model.pooling == "mean",
    )


MODELS: dict[str, Callable[[Settings], Model]] = {"mlp": _mlp, "conv": _conv}
"""Key of :data:`maml_explorer.settings.models.MODEL_KINDS` → the network of these settings."""


def network(settings: Settings) -> Model:
    """The network of these settings: its ends and its loss are those of the task family."""
    if settings.model_kind.own:
        return own_model(settings)
    return MODELS[settings.model_kind.key](settings)
