"""Named tensors that were made elsewhere: of a file, or of a mapping in Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from maml_explorer.files.reader import StorageError, quoted, read_bytes
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.storage.foreign.heads import is_safetensors, is_torch_file
from maml_explorer.storage.foreign.safetensors_file import safetensors_tensors
from maml_explorer.storage.foreign.torch_file import torch_tensors

Array = NDArray[Any]

MAX_WEIGHTS = 256 * 1024 * 1024
"""Most bytes of a file of weights."""
SUFFIXES = (".pt", ".pth", ".bin", ".ckpt", ".safetensors")
"""Usual ends of their names; the content decides."""


@dataclass(frozen=True, eq=False)
class ForeignWeights:
    """Tensors by name, as float32, float64 or whole numbers, in the order of the layers."""

    tensors: Mapping[str, Array]
    kinds: tuple[str, ...]
    """Types that the numbers had, such as bfloat16."""
    entry: str = ""
    """Name of the entry of a training checkpoint that they were."""

    def of_precision(self, precision: str) -> tuple[dict[str, Array], list[str]]:
        """The tensors in that precision, and what is to be said of it.

        Raises:
            ValueError: naming a tensor whose values are not finite, or too large.
        """
        found = {}
        for name, tensor in self.tensors.items():
            with np.errstate(over="ignore"):
                found[name] = tensor.astype(precision)
            if not np.isfinite(found[name]).all():
                why = "too large for" if np.isfinite(tensor).all() else "not finite in"
                raise ValueError(f"{quoted(name)} has values that are {why} {precision}")
        others = [kind for kind in self.kinds if kind.lstrip("b").startswith("float")]
        others = [kind for kind in others if kind != precision]
        rounded = "rounded to" if "float64" in others else "taken exactly as"
        return found, [f"its {' and '.join(others)} numbers were {rounded} {precision}"] * bool(
            others
        )


def read_weights(path: Path) -> ForeignWeights:
    """The tensors of a file of PyTorch (a state_dict) or of safetensors; nothing in it is run.

    Raises:
        StorageError: where it is neither, is damaged, or is too large.
    """
    data = read_bytes(path, MAX_WEIGHTS, follow=True)
    entry = ""
    if is_torch_file(data):
        found, entry = torch_tensors(data, path)
    elif is_safetensors(data):
        found = safetensors_tensors(data, path)
    else:
        raise StorageError(
            f"{path} is no file of weights: allowed are .safetensors, and what torch.save writes "
            "of a state_dict."
        )
    kinds = tuple(dict.fromkeys(kind for kind, _ in found.values()))
    return ForeignWeights({name: tensor for name, (_, tensor) in found.items()}, kinds, entry)


def weights_of(tensors: Mapping[str, Any]) -> ForeignWeights:
    """A mapping of PyTorch tensors or arrays, such as `module.state_dict()`, copied.

    Raises:
        SettingsError: where it is none.
    """
    given: object = tensors
    if not isinstance(given, Mapping) or not given:
        raise SettingsError("A state_dict is a mapping of names to tensors: module.state_dict().")
    found, kinds = {}, []
    for name, tensor in tensors.items():
        try:
            kind, array = _array(tensor)
        except (TypeError, ValueError):
            kind, array = "", np.zeros(0, object)
        if array.dtype.kind not in "fiu":
            raise SettingsError(
                f"{quoted(name)} of the state_dict is {type(tensor).__name__}: allowed are tensors "
                "of numbers."
            )
        found[str(name)] = array
        kinds.append(kind)
    return ForeignWeights(found, tuple(dict.fromkeys(kinds)))


def _array(tensor: Any) -> tuple[str, Array]:
    if isinstance(tensor, torch.Tensor):
        kind = str(tensor.dtype).removeprefix("torch.")
        wide = tensor.detach().cpu()
        wide = wide.float() if kind in ("bfloat16", "float16") else wide
        return kind, wide.numpy().copy()
    array = np.array(tensor)
    kind = str(array.dtype)
    return kind, array.astype(np.float32) if kind in ("bfloat16", "float16") else array
