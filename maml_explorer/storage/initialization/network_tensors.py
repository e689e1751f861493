"""The exported form of any network: the module it becomes, and the named tensors of that.

The plain network is an `nn.Sequential`, and so is a convolutional one; a perceptron with a norm or
skip connections is the `Network` of
:mod:`maml_explorer.storage.initialization.network_module`, whose text the model card carries.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from maml_explorer.core.models.own_network import opened_network
from maml_explorer.core.models.table import network
from maml_explorer.settings.norms import NORMS
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.initialization import conv_tensors, sequential
from maml_explorer.storage.initialization.expressions import sizes_of
from maml_explorer.storage.initialization.network_module import Network

Array = NDArray[Any]


def blank_module(settings: Settings) -> nn.Module:
    """The module of these settings, its parameters as PyTorch draws them."""
    if settings.model_kind.own:
        return copy.deepcopy(opened_network(settings).module)
    if settings.model_kind.pictures:
        return conv_tensors.blank(settings)
    if not settings.model.special:
        return sequential.sequential(sizes_of(settings), settings.model.activation)
    sigma = sequential.ACTIVATION_MODULES[settings.model.activation]()
    return Network(
        sizes_of(settings),
        sigma,
        settings.model.skip,
        settings.model.norm,
        NORMS[settings.model.norm].stored,
    )


def named_shapes(settings: Settings) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors of :func:`blank_module`."""
    if settings.model_kind.own:
        return opened_network(settings).shapes()
    if settings.model_kind.pictures:
        blank = np.zeros(network(settings).parameter_count, dtype=np.uint8)
        return {k: v.shape for k, v in conv_tensors.named_tensors(blank, settings).items()}
    model = network(settings)
    if not settings.model.special:
        return sequential.named_shapes(sizes_of(settings))
    blank = np.zeros(model.parameter_count, dtype=np.uint8)
    return {name: tensor.shape for name, tensor in named_tensors(blank, settings).items()}


def named_tensors(parameters: Array, settings: Settings) -> dict[str, Array]:
    """θ [parameter] as those tensors, copies."""
    if settings.model_kind.own:
        shapes = opened_network(settings).shapes()
        ends = list(accumulate((math.prod(shape) for shape in shapes.values()), initial=0))
        return {
            name: parameters[begin:end].reshape(shape).copy()
            for (name, shape), (begin, end) in zip(shapes.items(), pairwise(ends), strict=True)
        }
    if settings.model_kind.pictures:
        return conv_tensors.named_tensors(parameters, settings)
    model = network(settings)
    if not settings.model.special:
        return sequential.named_tensors(parameters, sizes_of(settings))
    tensors: dict[str, Array] = {}
    start = 0
    for layer, ((rows, columns), width) in enumerate(zip(model.shapes, model.fan_in, strict=True)):
        block = parameters[start : start + rows * columns].reshape(rows, columns)
        start += rows * columns
        tensors[f"linears.{layer}.weight"] = block[:width].T.copy()
        tensors[f"linears.{layer}.bias"] = block[width].copy()
        below = block[width + 1 :]  # rows of the norm: γ, β, means, variances
        if len(below):
            tensors[f"affine.{layer}"] = below[:2].copy()
        if len(below) > 2:
            tensors[f"kept.{layer}"] = below[2:].reshape(2, -1, columns).copy()
    return tensors


def flat_vector(tensors: Mapping[str, Array], settings: Settings) -> Array:
    """The inverse of :func:`named_tensors`: [parameter]."""
    if settings.model_kind.own:
        return np.concatenate([tensors[n].reshape(-1) for n in opened_network(settings).names])
    if settings.model_kind.pictures:
        return conv_tensors.flat_vector(tensors, settings)
    if not settings.model.special:
        return sequential.flat_vector(tensors)
    model = network(settings)
    parts = []
    for layer in range(model.depth):
        parts.append(tensors[f"linears.{layer}.weight"].T.reshape(-1))
        parts.append(tensors[f"linears.{layer}.bias"])
        below = (f"{name}.{layer}" for name in ("affine", "kept"))
        parts += [tensors[name].reshape(-1) for name in below if name in tensors]
    return np.concatenate(parts)
