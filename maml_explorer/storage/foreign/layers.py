"""Tensors of an unknown program as layers: names are read by their last word. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]

PARTS = {
    "weight": "weight",
    "kernel": "weight",
    "w": "weight",
    "scale": "weight",
    "gamma": "weight",
    "bias": "bias",
    "b": "bias",
    "beta": "bias",
    "running_mean": "running_mean",
    "moving_mean": "running_mean",
    "running_var": "running_var",
    "moving_variance": "running_var",
}
"""Last word of a name → part of a layer, in PyTorch's word."""
COUNTERS = ("num_batches_tracked",)
"""Last words of what is no part of a function."""


@dataclass
class ForeignLayer:
    """A layer of the file: a matrix or filters with their bias, or a norm."""

    stem: str
    """Its name without the last word."""
    parts: dict[str, Array] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """Part → the name it has in the file."""

    @property
    def mixes(self) -> bool:
        """True for a matrix or filters, False for a norm."""
        return "weight" in self.parts and self.parts["weight"].ndim > 1


def layers_of(tensors: Mapping[str, Array]) -> tuple[list[ForeignLayer], list[str]]:
    """The layers in the order of the file, and the names that belong to none."""
    found: dict[str, ForeignLayer] = {}
    others = []
    for name, tensor in tensors.items():
        stem, _, last = name.replace("/", ".").rpartition(".")
        part = PARTS.get(last.lower().split(":")[0])
        if part is None or part in found.setdefault(stem, ForeignLayer(stem)).parts:
            others.append(name)
            continue
        found[stem].parts[part] = tensor
        found[stem].names[part] = name
    return [layer for layer in found.values() if layer.parts], others


def hidden_of(tensors: Mapping[str, Array], ends: tuple[int, int]) -> tuple[int, ...] | None:
    """Sizes of the hidden layers of a perceptron with these ends; None where it is none."""
    matrices = [one for one in layers_of(tensors)[0] if one.mixes]
    for transposed in (False, True):
        sizes = [
            tuple(one.parts["weight"].shape[:: 1 if transposed else -1])
            for one in matrices
            if one.parts["weight"].ndim == 2
        ]
        pairs = list(pairwise(sizes))
        if len(sizes) < 2 or len(sizes) < len(matrices) or any(a[1] != b[0] for a, b in pairs):
            continue
        if (sizes[0][0], sizes[-1][1]) == ends:
            return tuple(out for _, out in sizes[:-1])
    return None
