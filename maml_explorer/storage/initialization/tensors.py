"""Tensors in files, as safetensors. Torch-free: arrays in, arrays out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from maml_explorer.files.reader import StorageError, json_object, quoted, read_bytes

MAX_HEADER = 1024 * 1024
"""Most bytes of a safetensors header."""

DTYPES: dict[str, type[np.generic]] = {
    "F32": np.float32,
    "F64": np.float64,
    "I64": np.int64,
    "U8": np.uint8,
}
"""The element types this program writes, by their safetensors names."""

Array = NDArray[Any]
Expected = Mapping[str, tuple[tuple[int, ...], str]]
"""Tensor name → (shape, dtype name)."""


def tensor_bytes(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> bytes:
    """The arrays as a safetensors file.

    Raises:
        ValueError: for a value that is not finite; such a state is never saved.
    """
    for name, array in tensors.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"{name} has values that are not finite")
    contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    return safetensors.numpy.save(contiguous, dict(metadata))


def read_tensors(path: Path, expected: Expected) -> tuple[dict[str, Array], dict[str, str]]:
    """The tensors and the metadata of a safetensors file.

    Args:
        path: the file.
        expected: exactly the tensors it must hold; they bound the memory that is taken.

    Returns:
        name → array (read-only), and the metadata.

    Raises:
        StorageError: if names, shapes or dtypes differ, or a value is not finite.
    """
    return tensors_of(read_tensor_bytes(path, expected), expected, path)


def read_tensor_bytes(path: Path, expected: Expected) -> bytes:
    """The bytes of a safetensors file no larger than the expected tensors make it.

    Raises:
        StorageError: as for :func:`read_bytes`.
    """
    sizes = [
        math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize for shape, dtype in expected.values()
    ]
    return read_bytes(path, sum(sizes) + MAX_HEADER)


def tensors_of(
    data: bytes, expected: Expected, path: Path
) -> tuple[dict[str, Array], dict[str, str]]:
    """The tensors and metadata in the bytes read from `path`; see :func:`read_tensors`."""
    metadata = metadata_of(data, path)
    try:
        found = dict(safetensors.deserialize(data))  # type: ignore[no-untyped-call]
    except (safetensors.SafetensorError, RecursionError):
        raise StorageError(f"{path} is damaged: it is not a safetensors file.") from None
    for name in [*expected, *found]:
        if name not in found:
            raise StorageError(f"{path} lacks the tensor {quoted(name)}.")
        if name not in expected:
            raise StorageError(f"{path} has a tensor {quoted(name)} that does not belong there.")
    arrays = {}
    for name, (shape, dtype) in expected.items():
        tensor = found[name]
        if (tuple(tensor["shape"]), tensor["dtype"]) != (shape, dtype):
            raise StorageError(
                f"{path} has {name} as {tensor['dtype']} {list(tensor['shape'])}: "
                f"expected is {dtype} {list(shape)}."
            )
        array = np.frombuffer(bytes(tensor["data"]), DTYPES[dtype]).reshape(shape)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise StorageError(f"{path} has values in {name} that are not finite.")
        arrays[name] = array
    return arrays, metadata


def metadata_of(data: bytes, path: Path) -> dict[str, str]:
    """The metadata of a safetensors file; the library offers them for mapped files only.

    Raises:
        StorageError: if the header is damaged.
    """
    metadata = _header(data, path).get("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise StorageError(f"{path} is damaged: its metadata are not text.")
    return metadata


def tensor_shapes(data: bytes, path: Path) -> dict[str, Any]:
    """Tensor name → shape as the header has it, unchecked.

    Raises:
        StorageError: if the header is damaged.
    """
    header = _header(data, path)
    return {name: entry.get("shape") for name, entry in header.items() if isinstance(entry, dict)}


def _header(data: bytes, path: Path) -> dict[str, Any]:
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(MAX_HEADER, len(data) - 8):
        raise StorageError(f"{path} is damaged: it is not a safetensors file.")
    try:
        header = data[8 : 8 + length].decode()
    except UnicodeDecodeError:
        raise StorageError(f"{path} is damaged: it is not a safetensors file.") from None
    return json_object(header, path)
