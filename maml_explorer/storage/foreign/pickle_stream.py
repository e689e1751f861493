"""The values in the pickle stream of a PyTorch file, read without Python's unpickler. Torch-free.

An unpickler imports what a stream names and calls it. This reader imports and calls nothing: a name
is a piece of text, and the few that PyTorch writes for a state_dict stand for records of this
module. Any other name, and any other operation, ends the reading. Operations: protocol 2 of
Python's `pickletools`, those that `torch.save` uses.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from maml_explorer.files.reader import quoted

MAX_STREAM = 4 * 1024 * 1024
"""Most bytes of a stream."""
MAX_AXES = 8
"""Most axes of a tensor."""
_MAX_INTEGER = 8
"""Most bytes of a long integer."""


class StreamError(ValueError):
    """A stream that is not read; the text is the end of a sentence on the file."""


@dataclass(frozen=True, eq=False)
class GlobalName:
    """A name in the stream, which stays text."""

    name: str


@dataclass(frozen=True, eq=False)
class StorageRecord:
    """Numbers that lie in a file of the archive."""

    kind: str
    """Of its elements, such as FloatStorage."""
    key: str
    """Name of its file."""
    count: int


@dataclass(frozen=True, eq=False)
class TensorRecord:
    """A tensor: a window into a storage, in elements."""

    storage: StorageRecord
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Mark:
    """The beginning of a list of values on the stack."""


def values_of(stream: bytes) -> Any:
    """The one value of a stream: dictionaries, lists, tuples, numbers, text and tensor records.

    Raises:
        StreamError: for a stream that is damaged, too long, or is more than a state_dict.
    """
    if len(stream) > MAX_STREAM:
        raise StreamError(f"describes its tensors in {len(stream)} bytes: allowed are {MAX_STREAM}")
    try:
        return _Stream(stream).run()
    except (IndexError, KeyError, TypeError, ValueError, struct.error) as error:
        if isinstance(error, StreamError):
            raise
        raise StreamError("is damaged: its description of tensors ends or breaks off") from None


class _Stream:
    """A reading under way."""

    def __init__(self, stream: bytes) -> None:
        self.data, self.at = stream, 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        while True:
            code = self.bytes(1)[0]
            if code == ord("."):
                (value,) = self.stack
                return value
            if code not in _OPERATIONS:
                raise StreamError(f"uses the operation 0x{code:02x}, which no state_dict needs")
            _OPERATIONS[code](self)

    def bytes(self, count: int) -> bytes:
        found = self.data[self.at : self.at + count]
        if count < 0 or len(found) < count:
            raise IndexError
        self.at += count
        return found

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.bytes(struct.calcsize(form)))[0]

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def line(self) -> str:
        end = self.data.index(b"\n", self.at)
        return self.bytes(end + 1 - self.at)[:-1].decode("utf-8")

    def text(self) -> str:
        return self.bytes(self.number("<I")).decode("utf-8")

    def from_mark(self) -> list[Any]:
        at = len(self.stack) - 1
        while not isinstance(self.stack[at], _Mark):
            at -= 1
            if at < 0:
                raise IndexError
        found = self.stack[at + 1 :]
        del self.stack[at:]
        return found

    def tuple_of(self, count: int) -> None:
        found = tuple(self.stack.pop() for _ in range(count))
        self.push(found[::-1])

    def integer(self) -> int:
        size = self.number("<B")
        if size > _MAX_INTEGER:
            raise IndexError
        return int.from_bytes(self.bytes(size), "little", signed=True)

    def name(self) -> None:
        self.push(GlobalName(f"{self.line()}.{self.line()}"))

    def set_items(self, pairs: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict) or len(pairs) % 2:
            raise TypeError
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if not isinstance(key, str | int):
                raise TypeError
            target[key] = value

    def set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.set_items([key, value])

    def append(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list):
            raise TypeError
        target += values

    def persistent(self) -> None:
        what, kind, key, _, count = self.stack.pop()
        fits = what == "storage" and isinstance(kind, GlobalName) and isinstance(key, str)
        if not fits or not _whole(count):
            raise TypeError
        if not kind.name.startswith("torch.") or not kind.name.endswith("Storage"):
            raise StreamError(f"has a storage of {quoted(kind.name)}, which is none of PyTorch's")
        self.push(StorageRecord(kind.name.removeprefix("torch."), key, count))

    def call(self) -> None:
        arguments, called = self.stack.pop(), self.stack.pop()
        if not isinstance(called, GlobalName) or not isinstance(arguments, tuple):
            raise TypeError
        if called.name not in _RECORDS:
            raise _foreign(called.name)
        self.push(_RECORDS[called.name](arguments))

    def new_object(self) -> None:
        _, kind = self.stack.pop(), self.stack.pop()
        raise _foreign(kind.name if isinstance(kind, GlobalName) else "an object")

    def build(self) -> None:
        self.stack.pop()  # versions of modules
        if not isinstance(self.stack[-1], dict):
            raise TypeError


def _foreign(name: str) -> StreamError:
    return StreamError(
        f"holds {quoted(name)}, and only a state_dict of tensors is read: save model.state_dict()"
    )


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _tensor(arguments: tuple[Any, ...]) -> TensorRecord:
    storage, offset, shape, strides = arguments[:4]
    sizes = isinstance(shape, tuple) and isinstance(strides, tuple) and len(shape) == len(strides)
    if not isinstance(storage, StorageRecord) or not sizes or len(shape) > MAX_AXES:
        raise TypeError
    if not all(map(_whole, (offset, *shape, *strides))):
        raise TypeError
    return TensorRecord(storage, offset, shape, strides)


def _parameter(arguments: tuple[Any, ...]) -> TensorRecord:
    if not isinstance(arguments[0], TensorRecord):
        raise TypeError
    return arguments[0]


def _ordered(arguments: tuple[Any, ...]) -> dict[str, Any]:
    if arguments:
        raise TypeError
    return {}


_RECORDS: dict[str, Callable[[tuple[Any, ...]], Any]] = {
    "collections.OrderedDict": _ordered,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
}
"""Name that a stream may call → the record it stands for."""


def _get(stream: _Stream, form: str) -> None:
    stream.push(stream.memo[stream.number(form)])


def _put(stream: _Stream, form: str) -> None:
    stream.memo[stream.number(form)] = stream.stack[-1]


def _protocol(stream: _Stream) -> None:
    protocol = stream.number("<B")
    if protocol != 2:
        raise StreamError(f"is written with pickle protocol {protocol}: allowed is torch.save's 2")


_OPERATIONS: dict[int, Callable[[_Stream], object]] = {
    0x80: _protocol,
    ord("("): lambda s: s.push(_Mark()),
    ord("}"): lambda s: s.push({}),
    ord("]"): lambda s: s.push([]),
    ord(")"): lambda s: s.push(()),
    ord("N"): lambda s: s.push(None),
    0x88: lambda s: s.push(True),
    0x89: lambda s: s.push(False),
    ord("K"): lambda s: s.push(s.number("<B")),
    ord("M"): lambda s: s.push(s.number("<H")),
    ord("J"): lambda s: s.push(s.number("<i")),
    ord("G"): lambda s: s.push(s.number(">d")),
    0x8A: lambda s: s.push(s.integer()),
    ord("X"): lambda s: s.push(s.text()),
    ord("t"): lambda s: s.push(tuple(s.from_mark())),
    0x85: lambda s: s.tuple_of(1),
    0x86: lambda s: s.tuple_of(2),
    0x87: lambda s: s.tuple_of(3),
    ord("s"): _Stream.set_item,
    ord("u"): lambda s: s.set_items(s.from_mark()),
    ord("a"): lambda s: s.append([s.stack.pop()]),
    ord("e"): lambda s: s.append(s.from_mark()),
    ord("q"): lambda s: _put(s, "<B"),
    ord("r"): lambda s: _put(s, "<I"),
    ord("h"): lambda s: _get(s, "<B"),
    ord("j"): lambda s: _get(s, "<I"),
    ord("c"): _Stream.name,
    ord("Q"): _Stream.persistent,
    ord("R"): _Stream.call,
    0x81: _Stream.new_object,
    ord("b"): _Stream.build,
}
"""Operation → its effect on the stack."""
