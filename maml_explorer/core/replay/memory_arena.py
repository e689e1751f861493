"""Memory for the results of a replay: one arena whose parts are used again when they are free."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from maml_explorer.core.replay.kernel_recorder import (
    Call,
    KernelRecorder,
    TensorView,
    mapped,
    views,
)

ALIGNMENT = 16
"""Elements: results begin on 64 bytes in float32."""


class Arena:
    """Memory that recordings share: they run one after another, so its cache lines stay warm."""

    def __init__(self) -> None:
        self._memory: dict[torch.dtype, Tensor] = {}

    def of(self, size: int, dtype: torch.dtype) -> Tensor:
        """At least so many elements; recordings bound to smaller memory keep theirs."""
        memory = self._memory.get(dtype)
        if memory is None or len(memory) < size:
            memory = self._memory[dtype] = torch.zeros(size, dtype=dtype)
        return memory


def constant_fills(recorder: KernelRecorder) -> list[Call]:
    """Fills with a number of elements that nothing else writes: the columns of ones."""
    written: dict[int, list[Call]] = {}
    for call in recorder.calls:
        target = _target(call)
        if isinstance(target, TensorView):
            written.setdefault(target.storage, []).append(call)
    return [
        call
        for storage, calls in written.items()
        for call in calls
        if call.function is Tensor.fill_
        and not isinstance(call.arguments[-1], Tensor | TensorView)
        and not any(
            _overlap(_target(call), _target(other), recorder.storages[storage][0])
            for other in calls
            if other is not call
        )
    ]


def _target(call: Call) -> Any:
    """Tensor that a call writes into."""
    target = call.result if call.result is not None else call.keywords.get("out")
    return target if target is not None else call.arguments[0]


def _overlap(one: TensorView, two: TensorView, elements: int) -> bool:
    """True where two views of one storage share an element."""
    marks = torch.zeros(elements, dtype=torch.bool)
    for view in (one, two):
        part = marks.as_strided(view.size, view.stride, view.offset)
        if bool(part.any()):
            return True
        part.fill_(True)
    return False


class Memory:
    """Place of each storage made while recording: in the arena, by first fit over lifetimes.

    What is filled once must survive other recordings, and what is of another type does not fit:
    these have memory of their own.
    """

    def __init__(
        self,
        recorder: KernelRecorder,
        constants: list[Call],
        outputs: tuple[Any, ...],
        arena: Arena,
        dtype: torch.dtype,
    ) -> None:
        apart = {_target(call).storage for call in constants}
        born: dict[int, int] = {}
        dies: dict[int, int] = {}
        for index, call in enumerate(recorder.calls):
            for view in views((call.arguments, call.keywords, call.result)):
                born.setdefault(view.storage, index)
                dies[view.storage] = index
        for view in views(outputs):
            dies[view.storage] = len(recorder.calls)
        self._offsets: dict[int, int] = {}
        self._apart: dict[int, Tensor] = {}
        living: list[tuple[int, int, int]] = []  # offset, end, last use
        size = 0
        for storage in sorted(born, key=born.__getitem__):
            elements, kind = recorder.storages[storage]
            if storage in apart or kind is not dtype:
                self._apart[storage] = torch.zeros(elements, dtype=kind)
                continue
            need = -(-max(elements, 1) // ALIGNMENT) * ALIGNMENT
            living = sorted(part for part in living if part[2] >= born[storage])
            offset = 0
            for begin, end, _ in living:
                if begin - offset >= need:
                    break
                offset = max(offset, end)
            living.append((offset, offset + need, dies[storage]))
            self._offsets[storage] = offset
            size = max(size, offset + need)
        self._arena = arena.of(size, dtype)
        own = sum(tensor.untyped_storage().nbytes() for tensor in self._apart.values())
        self.bytes = size * self._arena.element_size() + own

    def found(self, value: Any) -> Any:
        """A value with its views as tensors."""
        if isinstance(value, TensorView):
            base = self._apart.get(value.storage, self._arena)
            start = self._offsets.get(value.storage, 0)
            return base.as_strided(value.size, value.stride, start + value.offset)
        return mapped(value, self.found)

    def bound(self, call: Call) -> partial[Any]:
        """The call with its arguments where they live."""
        arguments, keywords = self.found(call.arguments), self.found(call.keywords)
        if call.result is not None and "out" not in call.keywords:
            return partial(call.function, self.found(call.result), *arguments, **keywords)
        return partial(call.function, *arguments, **keywords)
