"""Tensors of a file that `torch.save` wrote, read without torch and without an unpickler.

Such a file is a zip archive, its members stored as they are: `data.pkl` describes the tensors
(:mod:`maml_explorer.storage.foreign.pickle_stream`), `data/KEY` holds the numbers of each storage.
Source: PyTorch's notes on serialization, format of `torch.save`.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from maml_explorer.files.reader import StorageError, quoted
from maml_explorer.storage.foreign.element_types import STORAGES, item_size, numbers
from maml_explorer.storage.foreign.pickle_stream import (
    MAX_STREAM,
    StreamError,
    TensorRecord,
    values_of,
)

Array = NDArray[Any]

MAX_MEMBERS = 10_000
"""Most files in an archive."""
_BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, IndexError, KeyError, ValueError,
    OverflowError, NotImplementedError, RuntimeError, OSError,
)  # fmt: skip


def torch_tensors(data: bytes, path: Path) -> tuple[dict[str, tuple[str, Array]], str]:
    """Tensor name → (type of its numbers, tensor), in the order of the file; and what was taken.

    A training checkpoint is read too, where one of its entries is the state_dict; the second value
    is then the name of the entry.

    Raises:
        StorageError: where it is no state_dict, is damaged, or is too large.
    """
    if data[:2] == b"\x80\x02":
        raise StorageError(
            f"{path} is in the format before PyTorch 1.6: save it again with torch.save."
        )
    archive = _Archive(data, path)
    try:
        root = values_of(archive.member("data.pkl", MAX_STREAM))
    except StreamError as error:
        raise StorageError(f"{path} {error}.") from None
    records, entry = _state_dict(root, path)
    total = sum(math.prod(one.shape) for one in records.values())
    if total > len(data):  # each number has two bytes at least; views may claim more
        raise StorageError(
            f"{path} has tensors of {total} numbers in {len(data)} bytes: it is not read."
        )
    return {name: archive.tensor(name, one) for name, one in records.items()}, entry


class _Archive:
    """The members of a zip archive, held in memory."""

    def __init__(self, data: bytes, path: Path) -> None:
        self.path, self._size = path, len(data)
        self._storages: dict[str, bytes] = {}
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            names = self._zip.namelist()
        except _BROKEN:
            raise self._damaged() from None
        if len(names) > MAX_MEMBERS:
            raise StorageError(f"{path} has {len(names)} parts: allowed are {MAX_MEMBERS}.")
        roots = [name.removesuffix("data.pkl") for name in names if name.endswith("/data.pkl")]
        if len(roots) != 1:
            raise StorageError(f"{path} is a zip archive, but no state_dict of PyTorch.")
        (self._root,) = roots
        if f"{self._root}constants.pkl" in names:
            raise StorageError(
                f"{path} is a TorchScript program, which is not run: save model.state_dict()."
            )
        big = f"{self._root}byteorder" in names and self.member("byteorder", 16) == b"big"
        self._order: Literal["<", ">"] = ">" if big else "<"

    def member(self, name: str, limit: int) -> bytes:
        """The bytes of a member, of which its entry must tell the truth."""
        try:
            info = self._zip.getinfo(self._root + name)
            if info.compress_type or info.flag_bits & 1 or info.file_size > self._size:
                raise self._damaged()
            if info.file_size > limit:
                raise StorageError(f"{self.path} has a part {name} of {info.file_size} bytes: "
                                   f"allowed are {limit}.")  # fmt: skip
            return self._zip.read(info)
        except _BROKEN as error:
            if isinstance(error, StorageError):
                raise
            raise self._damaged() from None

    def tensor(self, name: str, record: TensorRecord) -> tuple[str, Array]:
        """The type of the numbers, and the tensor as an array of its own."""
        storage, shape, strides = record.storage, record.shape, record.strides
        kind = STORAGES.get(storage.kind)
        if kind is None:
            raise StorageError(
                f"{self.path} has numbers of the kind {quoted(storage.kind)} in {quoted(name)}: "
                f"allowed are {', '.join(STORAGES)}."
            )
        last = record.offset + sum(
            (size - 1) * stride for size, stride in zip(shape, strides, strict=True)
        )
        if math.prod(shape) and last >= storage.count:
            raise self._damaged()
        if storage.key not in self._storages:
            if sum(map(len, self._storages.values())) > self._size:
                raise self._damaged()  # members that overlap
            self._storages[storage.key] = self.member(f"data/{storage.key}", self._size)
        data = self._storages[storage.key]
        if len(data) != storage.count * item_size(kind):
            raise self._damaged()
        if not math.prod(shape):
            return kind, np.zeros(shape, np.float32)
        flat = numbers(data, kind, self._order)[record.offset :]
        pairs = zip(shape, strides, strict=True)  # the stride of an axis of 1 means nothing
        steps = [stride * flat.itemsize if size > 1 else 0 for size, stride in pairs]
        return kind, np.lib.stride_tricks.as_strided(flat, shape, steps).copy()

    def _damaged(self) -> StorageError:
        return StorageError(f"{self.path} is damaged: it is not a file that torch.save wrote.")


def _state_dict(root: Any, path: Path) -> tuple[dict[str, TensorRecord], str]:
    if isinstance(root, TensorRecord) or not isinstance(root, dict):
        raise StorageError(f"{path} holds no state_dict: save model.state_dict().")
    own = _tensors_in(root)
    if own:
        return own, ""
    inside = {
        str(key): found
        for key, value in root.items()
        if isinstance(value, dict) and (found := _tensors_in(value))
    }
    known = [key for key in inside if key in _ENTRIES] if len(inside) > 1 else list(inside)
    if not inside:
        raise StorageError(f"{path} holds no tensor.")
    if len(known) != 1:
        raise StorageError(
            f"{path} holds {len(inside)} state_dicts ({quoted(', '.join(inside))}): save the one "
            "of the network alone."
        )
    return inside[known[0]], known[0]


_ENTRIES = ("state_dict", "model_state_dict", "model", "network", "net", "theta")
"""Names under which checkpoints have the network."""


def _tensors_in(found: Mapping[Any, Any]) -> dict[str, TensorRecord]:
    return {
        key: value
        for key, value in found.items()
        if isinstance(key, str) and isinstance(value, TensorRecord)
    }
