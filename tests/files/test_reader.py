"""What is read is bounded, exact and finite, or refused with one sentence."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from maml_explorer.files.reader import StorageError, read_bytes, read_json, read_text
from maml_explorer.storage.initialization.tensors import read_tensors, tensor_bytes

EXPECTED = {"w": ((2, 3), "F32"), "b": ((3,), "F64")}
ARRAYS: dict[str, Any] = {
    "w": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.array([0.1, 0.2, 0.3]),
}


def refusal(action: Any, *arguments: Any) -> str:
    with pytest.raises(StorageError) as refused:
        action(*arguments)
    text = str(refused.value)
    assert "\n" not in text and text.endswith(".")
    return text


def test_sizes_are_capped_before_reading(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    assert read_bytes(path, 5) == b"12345"
    assert "5 bytes" in refusal(read_bytes, path, 4)
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.truncate(1 << 40)
    assert str(1 << 40) in refusal(read_bytes, sparse, 1000)


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(read_bytes, tmp_path / "missing", 5)
    assert "directory" in refusal(read_bytes, tmp_path, 5)
    assert "not a path" in refusal(read_bytes, Path("a\0b"), 5)
    os.mkfifo(tmp_path / "pipe")
    assert "not a file" in refusal(read_bytes, tmp_path / "pipe", 5)
    assert "not a file" in refusal(read_bytes, Path("/dev/zero"), 5)


def test_text_and_json(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"\xff\xfe")
    assert "UTF-8" in refusal(read_text, path)
    for text in ("", "[", "NaN", '{"a": NaN}', '{"a": -Infinity}', "[" * 100_000, "[1]", "3"):
        path.write_text(text)
        assert "JSON" in refusal(read_json, path)
    path.write_text('{"a": [1, null]}')
    assert read_json(path) == {"a": [1, None]}


def test_tensors_return_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(tensor_bytes(ARRAYS, {"schema": "1"}))
    arrays, metadata = read_tensors(path, EXPECTED)
    assert metadata == {"schema": "1"}
    assert list(arrays) == ["w", "b"]
    for name, array in arrays.items():
        assert array.dtype == ARRAYS[name].dtype
        np.testing.assert_array_equal(array, ARRAYS[name])
        assert not array.flags.writeable


@pytest.mark.parametrize(
    ("arrays", "named"),
    [
        ({"w": ARRAYS["w"]}, "lacks the tensor 'b'"),
        ({**ARRAYS, "../../x": ARRAYS["b"]}, "does not belong"),
        ({**ARRAYS, "w": ARRAYS["w"].T}, "[3, 2]"),
        ({**ARRAYS, "w": ARRAYS["w"].astype(np.float64)}, "F64"),
        ({**ARRAYS, "w": ARRAYS["w"].astype(np.int32)}, "I32"),
    ],
)
def test_other_tensors_are_refused(tmp_path: Path, arrays: Any, named: str) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(tensor_bytes(arrays, {}))
    assert named in refusal(read_tensors, path, EXPECTED)


def test_values_that_are_not_finite_are_neither_read_nor_written(tmp_path: Path) -> None:
    bad = {**ARRAYS, "b": np.array([0.1, np.nan, 0.3])}
    with pytest.raises(ValueError, match="not finite"):
        tensor_bytes(bad, {})
    data = bytearray(tensor_bytes(ARRAYS, {}))
    position = bytes(data).index(struct.pack("<d", 0.2))
    data[position : position + 8] = struct.pack("<d", float("inf"))
    path = tmp_path / "a.safetensors"
    path.write_bytes(data)
    assert "not finite" in refusal(read_tensors, path, EXPECTED)


def test_headers_that_lie_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    good = tensor_bytes(ARRAYS, {})
    header = json.loads(good[8 : 8 + int.from_bytes(good[:8], "little")])
    body = good[8 + int.from_bytes(good[:8], "little") :]

    def written(content: Any) -> bytes:
        text = json.dumps(content).encode()
        return struct.pack("<Q", len(text)) + text + body

    far = {**header, "w": {**header["w"], "data_offsets": [0, 1 << 60]}}
    wide = {**header, "w": {**header["w"], "shape": [1 << 62, 4]}}
    for data in (
        b"",
        b"\x00" * 7,
        struct.pack("<Q", 1 << 63) + b"{}",
        struct.pack("<Q", 2) + b"\xff\xff",
        struct.pack("<Q", 100_000) + b"[" * 100_000,
        good[:-1],
        good + b"x",
        written(far),
        written(wide),
        written({**header, "__metadata__": {"a": 1}}),
        written({**header, "__metadata__": []}),
        b"\x80\x04\x95cposix\nsystem\n(S'true'\ntR.",  # a pickle
        b"PK\x03\x04" + b"\x00" * 100,
    ):
        path.write_bytes(data)
        refusal(read_tensors, path, EXPECTED)


@effort(max_examples=300, deadline=None)
@given(position=st.integers(0, 400), change=st.binary(min_size=1, max_size=6))
def test_damaged_files_are_read_exactly_or_refused(
    tmp_path_factory: pytest.TempPathFactory, position: int, change: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.safetensors"
    data = bytearray(tensor_bytes(ARRAYS, {"schema": "1"}))
    data[position : position + len(change)] = change
    path.write_bytes(data)
    try:
        arrays, _ = read_tensors(path, EXPECTED)
    except StorageError:
        return
    assert {name: (a.shape, str(a.dtype)) for name, a in arrays.items()} == {
        "w": ((2, 3), "float32"),
        "b": ((3,), "float64"),
    }
    assert all(np.isfinite(array).all() for array in arrays.values())
