"""Tensors of a safetensors file with any names. Torch-free."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import safetensors
from numpy.typing import NDArray

from maml_explorer.files.reader import StorageError, quoted
from maml_explorer.storage.foreign.element_types import SAFETENSORS, numbers

Array = NDArray[Any]


def safetensors_tensors(data: bytes, path: Path) -> dict[str, tuple[str, Array]]:
    """Tensor name → (type of its numbers, tensor).

    The file sorts its tensors by their sizes and names, so they are put in natural order: fc2
    before fc10.

    Raises:
        StorageError: where it is damaged, or has numbers of another kind.
    """
    try:
        found = dict(safetensors.deserialize(data))  # type: ignore[no-untyped-call]
    except (safetensors.SafetensorError, RecursionError):
        raise StorageError(f"{path} is damaged: it is not a safetensors file.") from None
    tensors = {}
    for name in sorted(found, key=natural):
        kind, shape = SAFETENSORS.get(found[name]["dtype"]), tuple(found[name]["shape"])
        if kind is None:
            raise StorageError(
                f"{path} has numbers of the kind {found[name]['dtype']} in {quoted(name)}: "
                f"allowed are {', '.join(SAFETENSORS)}."
            )
        tensors[name] = kind, numbers(bytes(found[name]["data"]), kind).reshape(shape)
    return tensors


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key to sort names by: digits count as numbers, and those come first."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(0, int(one), "") if one.isdecimal() else (1, 0, one) for one in parts]
