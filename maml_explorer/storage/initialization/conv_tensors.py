"""The convolutional network as people elsewhere know it: an `nn.Sequential` with its tensors.

A layer's matrix holds a patch line by line and the channels of a place together; PyTorch's filters
are [out, channel, line, column], and its flattened picture has the channels first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from maml_explorer.codegen.convolution import layer_places
from maml_explorer.core.models.table import network
from maml_explorer.settings.norms import NORMS
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.initialization.sequential import ACTIVATION_MODULES

Array = NDArray[Any]


def blank(settings: Settings) -> nn.Sequential:
    """The module of these settings, in evaluation mode; the card has it as an expression."""
    model, images = settings.model, settings.images
    side, channels = images.side, 1
    found: list[nn.Module] = [nn.Unflatten(1, (1, side, side))]
    for _ in range(model.blocks):
        found.append(nn.Conv2d(channels, model.filters, 3, stride=2, padding=1))
        channels, side = model.filters, (side + 1) // 2
        if model.norm == "layer":
            found.append(nn.GroupNorm(1, channels))
        elif model.norm != "none":
            tracks = model.norm == "batch-running"
            found.append(nn.BatchNorm2d(channels, track_running_stats=tracks))
        found.append(ACTIVATION_MODULES[model.activation]())
    if model.pooling == "mean":
        found.append(nn.AdaptiveAvgPool2d(1))
    width = channels if model.pooling == "mean" else side * side * channels
    return nn.Sequential(*found, nn.Flatten(), nn.Linear(width, settings.ends[1])).eval()


def named_tensors(parameters: Array, settings: Settings) -> dict[str, Array]:
    """θ [parameter] as the tensors of :func:`blank`, copies."""
    model, places = network(settings), layer_places(settings)
    tensors: dict[str, Array] = {}
    start = 0
    for layer, ((rows, columns), width) in enumerate(zip(model.shapes, model.fan_in, strict=True)):
        block = parameters[start : start + rows * columns].reshape(rows, columns)
        start += rows * columns
        stem = places[layer]
        tensors[f"{stem}.weight"] = to_filters(block[:width], layer, settings)
        tensors[f"{stem}.bias"] = block[width].copy()
        below = block[width + 1 :]  # rows of the norm: γ, β, mean, variance
        names = ("weight", "bias", "running_mean", "running_var")
        for name, row in zip(names, below, strict=False):
            tensors[f"{stem + 1}.{name}"] = row.copy()
    return tensors


def flat_vector(tensors: Mapping[str, Array], settings: Settings) -> Array:
    """The inverse of :func:`named_tensors`: [parameter]."""
    parts = []
    stored = NORMS[settings.model.norm].stored
    names = ("weight", "bias", "running_mean", "running_var")[: 4 if stored else 2]
    places = layer_places(settings)
    for layer, stem in enumerate(places):
        parts.append(to_rows(tensors[f"{stem}.weight"], layer, settings).reshape(-1))
        parts.append(tensors[f"{stem}.bias"])
        if settings.model.norm != "none" and stem != places[-1]:
            parts += [tensors[f"{stem + 1}.{name}"] for name in names]
    return np.concatenate(parts)


def to_filters(rows: Array, layer: int, settings: Settings) -> Array:
    """The weights of a layer, [in, out], as PyTorch has them, a copy."""
    channels, side = _shape(layer, settings)
    out = rows.shape[1]
    if layer == settings.model.blocks:
        return rows.reshape(side * side, channels, out).transpose(2, 1, 0).reshape(out, -1).copy()
    return rows.reshape(3, 3, channels, out).transpose(3, 2, 0, 1).copy()


def to_rows(weight: Array, layer: int, settings: Settings) -> Array:
    """The inverse of :func:`to_filters`."""
    channels, side = _shape(layer, settings)
    out = len(weight)
    if layer == settings.model.blocks:
        return weight.reshape(out, channels, side * side).transpose(2, 1, 0).reshape(-1, out)
    return weight.transpose(2, 3, 1, 0).reshape(-1, out)


def _shape(layer: int, settings: Settings) -> tuple[int, int]:
    """(channels that enter a layer, places on a side that the head sees)."""
    model, side = settings.model, settings.images.side
    for _ in range(layer):
        side = (side + 1) // 2
    return model.filters if layer else 1, 1 if model.pooling == "mean" else side
