"""Parts that an arm learned beside θ as named tensors, by the tensors NAME of the network.

Step sizes are `inner_lr.NAME`: Meta-SGD's have its shape; a layer's (LSLR) are [inner step], the
same for its weight and its bias. Matrices are in :mod:`.curvature_tensors`, weights of a
context in :mod:`.context_tensors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core.learned_rates import Learned, LearnedRates
from maml_explorer.core.models.table import network
from maml_explorer.core.plan import learned_rates
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.initialization import context_tensors, conv_tensors, curvature_tensors
from maml_explorer.storage.initialization.layer_names import layer_stem

Array = NDArray[Any]
PREFIX = "inner_lr."
_ALL = f"{PREFIX}all"
"""Step sizes of a network that is no table of layers here."""
OTHERS = {"matrices": curvature_tensors.FORM, "context": context_tensors.FORM}
"""Kinds that are no step sizes → how they are named."""


def rates_of(settings: Settings) -> Learned | None:
    """Kind of what the only arm of these settings learns beside θ."""
    arm = settings.arms[0]
    own = settings.of_arm(arm)
    return learned_rates(own, ALGORITHMS[arm.algorithm], network(own))


def named_rates(parameters: Array, settings: Settings) -> dict[str, Array]:
    """Step sizes stored behind θ, as those tensors, copied; none where nothing is learned.

    Args:
        parameters: θ [parameter], and behind it the learned step sizes.
        settings: with the one arm that learned them.
    """
    learned, model = rates_of(settings), network(settings)
    if learned is None:
        return {}
    rates = parameters[model.parameter_count :]
    if not isinstance(learned, LearnedRates):
        return OTHERS[learned.kind].named(rates, settings)
    if settings.model_kind.own:  # in the order of θ
        return {_ALL: rates.copy()}
    tensors: dict[str, Array] = {}
    begin = 0
    for layer in range(learned.start, learned.end(model)):
        weight, bias = _names(layer, settings)
        if learned.kind == "layer":
            column = rates.reshape(learned.steps, -1)[:, layer - learned.start]
            tensors[weight], tensors[bias] = column.copy(), column.copy()
            continue
        rows, columns = model.matrices[layer]
        block = rates[begin : begin + rows * columns].reshape(rows, columns)
        tensors[weight] = _as_weight(block[:-1], layer, settings)
        tensors[bias] = block[-1].copy()
        begin += rows * columns
    return tensors


def rate_shapes(settings: Settings) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors of :func:`named_rates`."""
    learned, model = rates_of(settings), network(settings)
    more = 0 if learned is None else learned.count(model)
    blank = np.zeros(model.parameter_count + more, dtype=np.uint8)
    return {name: tensor.shape for name, tensor in named_rates(blank, settings).items()}


def flat_rates(tensors: Mapping[str, Array], settings: Settings) -> Array | None:
    """The inverse of :func:`named_rates`; None if the tensors of a layer contradict."""
    learned, model = rates_of(settings), network(settings)
    if learned is None:
        return np.zeros(0)
    if not isinstance(learned, LearnedRates):
        return OTHERS[learned.kind].flat(tensors, settings)
    if settings.model_kind.own:
        return tensors[_ALL]
    pairs = [
        [tensors[name] for name in _names(layer, settings)]
        for layer in range(learned.start, learned.end(model))
    ]
    if learned.kind == "parameter":
        rows = [
            _as_rows(weight, layer, settings)
            for layer, (weight, _) in enumerate(pairs, start=learned.start)
        ]
        return np.concatenate(
            [part for w, (_, b) in zip(rows, pairs, strict=True) for part in (w.reshape(-1), b)]
        )
    if not all(np.array_equal(weight, bias) for weight, bias in pairs):
        return None
    return np.stack([weight for weight, _ in pairs], axis=1).reshape(-1)


def _as_weight(rows: Array, layer: int, settings: Settings) -> Array:
    """[in, out] as the weight of the exported layer, a copy."""
    if settings.model_kind.pictures:
        return conv_tensors.to_filters(rows, layer, settings)
    return rows.T.copy()


def _as_rows(weight: Array, layer: int, settings: Settings) -> Array:
    if settings.model_kind.pictures:
        return conv_tensors.to_rows(weight, layer, settings)
    return weight.T


def _names(layer: int, settings: Settings) -> tuple[str, str]:
    stem = layer_stem(layer, settings)
    return f"{PREFIX}{stem}.weight", f"{PREFIX}{stem}.bias"
