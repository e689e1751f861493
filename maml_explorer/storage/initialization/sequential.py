"""The network as people elsewhere know it: an `nn.Sequential` and its named tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Array = NDArray[Any]


class Sine(nn.Module):
    """σ(z) = sin z, which `torch.nn` lacks."""

    def forward(self, z: Tensor) -> Tensor:
        """Sin z, of the shape of z."""
        return torch.sin(z)


ACTIVATION_MODULES: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
    "sine": Sine,
}
"""Name of the setting `activation` → module."""


def sequential(sizes: Sequence[int], activation: str) -> nn.Sequential:
    """Linear layers of these sizes, input to output, with the activation between them."""
    parts: list[nn.Module] = []
    for width_in, width_out in pairwise(sizes):
        if parts:
            parts.append(ACTIVATION_MODULES[activation]())
        parts.append(nn.Linear(width_in, width_out))
    return nn.Sequential(*parts)


def named_shapes(sizes: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Tensor names and shapes of :func:`sequential`: `0.weight` [out, in], `0.bias` [out] first."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (width_in, width_out) in enumerate(pairwise(sizes)):
        shapes[f"{2 * layer}.weight"] = (width_out, width_in)
        shapes[f"{2 * layer}.bias"] = (width_out,)
    return shapes


def named_tensors(parameters: Array, sizes: Sequence[int]) -> dict[str, Array]:
    """The flat vector [parameter] as the tensors of :func:`sequential`, copies.

    The vector is layer after layer, each a matrix [in + 1, out]: x @ W, then the bias row.
    """
    tensors, start = {}, 0
    for layer, (width_in, width_out) in enumerate(pairwise(sizes)):
        stop = start + (width_in + 1) * width_out
        block = parameters[start:stop].reshape(width_in + 1, width_out)
        tensors[f"{2 * layer}.weight"] = block[:-1].T.copy()
        tensors[f"{2 * layer}.bias"] = block[-1].copy()
        start = stop
    return tensors


def flat_vector(tensors: Mapping[str, Array]) -> Array:
    """The inverse of :func:`named_tensors`: [parameter]."""
    parts = []
    for layer in range(len(tensors) // 2):
        parts.append(tensors[f"{2 * layer}.weight"].T.reshape(-1))
        parts.append(tensors[f"{2 * layer}.bias"])
    return np.concatenate(parts)
