"""Meta-Curvature's matrices as named tensors, by the tensors NAME of the network.

An inner gradient G of a weight becomes `curvature.NAME.out` @ G @ `curvature.NAME.in`; of a filter
[out, channel, line, column] also its places go through `curvature.NAME.places`. That of a bias is
multiplied by `curvature.NAME`, number by number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maml_explorer.core.learned_curvature import LearnedCurvature
from maml_explorer.core.models.table import network
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.initialization import conv_tensors
from maml_explorer.storage.initialization.layer_names import layer_stem

Array = NDArray[Any]
PREFIX = "curvature."


@dataclass(frozen=True)
class TensorForm:
    """Functions that write something learned beside θ as tensors, and read it."""

    named: Callable[[Array, Settings], dict[str, Array]]
    """From the flat vector behind θ, copied."""
    flat: Callable[[Mapping[str, Array], Settings], Array]
    """The inverse."""


def named_matrices(flat: Array, settings: Settings) -> dict[str, Array]:
    """The matrices behind θ, as those tensors, copied."""
    tensors: dict[str, Array] = {}
    begin = 0

    def taken(size: int, columns: int) -> Array:
        nonlocal begin
        begin += size * columns
        return flat[begin - size * columns : begin].reshape(size, columns)

    for layer, (places, inputs, outputs) in enumerate(LearnedCurvature(0).sizes(network(settings))):
        name = f"{PREFIX}{layer_stem(layer, settings)}"
        if places:
            tensors[f"{name}.weight.places"] = taken(places, places).T.copy()
        order = _order(layer, inputs, settings)
        tensors[f"{name}.weight.in"] = taken(inputs, inputs)[np.ix_(order, order)].T.copy()
        tensors[f"{name}.weight.out"] = taken(outputs, outputs).T.copy()
        tensors[f"{name}.bias"] = taken(1, outputs)[0].copy()
    return tensors


def flat_matrices(tensors: Mapping[str, Array], settings: Settings) -> Array:
    """The inverse of :func:`named_matrices`."""
    parts = []
    for layer, (places, inputs, _) in enumerate(LearnedCurvature(0).sizes(network(settings))):
        name = f"{PREFIX}{layer_stem(layer, settings)}"
        if places:
            parts.append(tensors[f"{name}.weight.places"].T)
        back = np.argsort(_order(layer, inputs, settings))
        parts.append(tensors[f"{name}.weight.in"].T[np.ix_(back, back)])
        parts += [tensors[f"{name}.weight.out"].T, tensors[f"{name}.bias"]]
    return np.concatenate([part.reshape(-1) for part in parts])


FORM = TensorForm(named_matrices, flat_matrices)


def _order(layer: int, inputs: int, settings: Settings) -> Array:
    """Inputs of a layer in PyTorch's order: a flattened picture has its channels first there."""
    rows: Array = np.arange(inputs)
    if settings.model_kind.pictures and layer == settings.model.blocks:
        rows = conv_tensors.to_filters(rows[:, None], layer, settings)[0]
    return rows
