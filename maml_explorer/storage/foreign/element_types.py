"""Types of numbers in files of weights, widened to those that NumPy calculates with. Torch-free."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

BFLOAT16 = "bfloat16"
"""The upper half of a float32; NumPy has no such type."""
STORAGES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": BFLOAT16,
    "LongStorage": "int64",
    "IntStorage": "int32",
}
"""PyTorch's storage → type of its numbers."""
SAFETENSORS = {
    "F32": "float32",
    "F64": "float64",
    "F16": "float16",
    "BF16": BFLOAT16,
    "I64": "int64",
    "I32": "int32",
}
"""Safetensors' name → type of the numbers."""


def item_size(kind: str) -> int:
    """Bytes of a number."""
    return 2 if kind == BFLOAT16 else np.dtype(kind).itemsize


def numbers(data: bytes, kind: str, order: Literal["<", ">"] = "<") -> Array:
    """The numbers in these bytes, [number]; float16 and bfloat16 as float32, exactly.

    Args:
        data: whole numbers of `kind`, one behind the other.
        kind: a value of the tables above.
        order: of the bytes, "<" little-endian or ">" big-endian.
    """
    if kind == BFLOAT16:
        half = np.frombuffer(data, f"{order}u2").astype(np.uint32)
        return (half << np.uint32(16)).view(np.float32)
    found = np.frombuffer(data, np.dtype(kind).newbyteorder(order))
    return found.astype(np.float32 if kind == "float16" else kind)
