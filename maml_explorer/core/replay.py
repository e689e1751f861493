"""Recording a tensor function once and replaying it into the same memory.

At the paper's size one outer step is some sixty kernels of a few microseconds; making their views
and allocating their results costs as much as the arithmetic. A recording keeps the calls alone:
views are made once, results are written into one arena whose parts are used again as soon as
nothing reads them. It is on the CPU what a CUDA graph is on the device: same kernels, same order,
same bits.

The function must be straight-line in its tensors: no value of a tensor may decide what is called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten

_ALIGNMENT = 16
"""Elements: results begin on 64 bytes in float32."""

_INTO: dict[Any, Callable[..., Any]] = {
    aten.mm.default: torch.mm,
    aten.bmm.default: torch.bmm,
    aten.mul.Tensor: torch.mul,
    aten.add.Tensor: torch.add,
    aten.sub.Tensor: torch.sub,
    aten.rsub.Scalar: lambda x, c, *, out: torch.sub(c, x, out=out),
    aten.addcmul.default: torch.addcmul,
    aten.sum.dim_IntList: torch.sum,
    aten.stack.default: torch.stack,
    aten.div.Tensor: torch.div,
    aten.dot.default: torch.dot,
    aten.cat.default: torch.cat,
    aten.sign.default: torch.sign,
    aten.neg.default: torch.neg,
    aten.cos.default: torch.cos,
    aten.sigmoid.default: torch.sigmoid,
}
"""Functional calls with a fast way to write into a given result."""
_IN_PLACE: dict[Any, Callable[..., Any]] = {
    aten.addmm_.default: Tensor.addmm_,
    aten.baddbmm_.default: Tensor.baddbmm_,
    aten.addcmul_.default: Tensor.addcmul_,
    aten.add_.Tensor: Tensor.add_,
    aten.mul_.Tensor: Tensor.mul_,
    aten.neg_.default: Tensor.neg_,
    aten.copy_.default: Tensor.copy_,
    aten.fill_.Tensor: Tensor.fill_,
    aten.fill_.Scalar: Tensor.fill_,
    aten.clamp_min.out: torch.clamp_min,
    aten.tanh.out: torch.tanh,
    aten.sigmoid.out: torch.sigmoid,
    aten.sin.out: torch.sin,
    aten.logaddexp.out: torch.logaddexp,
}
"""Calls that write into an argument, with the fast way to call them."""
_BLANK = (aten.empty.memory_format, aten.new_empty.default)
_CONSTANT = (aten.lift_fresh.default,)


@dataclass(slots=True, eq=False)
class _Call:
    """One recorded kernel; `result` is what it makes, None where it writes into an argument."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    result: Tensor | None


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes every kernel, and every storage made meanwhile."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[_Call] = []
        self.made: dict[int, Tensor] = {}

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        if function in _CONSTANT:
            return result
        inputs = {_storage(t) for t in _tensors((args, kwargs))}
        fresh = isinstance(result, Tensor) and _storage(result) not in inputs
        if fresh:
            self.made[_storage(result)] = result  # kept, so that no storage is used twice
            if function not in _BLANK:
                self.calls.append(_fresh_call(function, args, kwargs, result))
        elif function._schema.is_mutable:
            self.calls.append(_Call(_IN_PLACE.get(function, function), args, kwargs, None))
        elif not isinstance(result, Tensor):
            raise NotImplementedError(f"{function} cannot be recorded")
        return result


def _fresh_call(function: Any, args: tuple[Any, ...], kwargs: Any, result: Tensor) -> _Call:
    if function in (aten.new_zeros.default, aten.zeros.default):
        return _Call(Tensor.zero_, (), {}, result)
    if function in (aten.new_ones.default, aten.ones.default):
        return _Call(Tensor.fill_, (1,), {}, result)
    if function is aten.clone.default:
        return _Call(Tensor.copy_, (args[0],), {}, result)
    if function is aten.mul.Tensor and isinstance(args[1], float) and result.device.type == "cpu":
        # a scalar tensor is the same number to the kernel, and is not unpacked at every call
        args = (args[0], torch.tensor(args[1], dtype=result.dtype))
    into = _INTO.get(function)
    if into is None:  # slower, and right for every function

        def into(*a: Any, out: Tensor, **k: Any) -> None:
            out.copy_(function(*a, **k))

    return _Call(into, args, {**kwargs, "out": result}, result)


Function = Callable[..., Sequence[Tensor]]


class Recorded(Protocol):
    """A function of buffers that were given once: write new values into them, then run."""

    kind: str
    """"replay", "CUDA graph" or "eager"."""
    bytes: int

    def run(self) -> tuple[Tensor, ...]:
        """The results for what the buffers hold now, in memory that the next run overwrites."""
        ...


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


def record(function: Function, inputs: Sequence[Tensor], arena: Arena | None = None) -> Recorded:
    """The fastest form of a function of these buffers: a CUDA graph, a replay, or the function.

    Where recording fails the function itself is used: slower, and never wrong.

    Args:
        function: tensors → tensors, all of one floating-point type and device.
        inputs: the buffers it will read, filled with an example.
        arena: memory to share with other recordings; then a run overwrites the results of theirs.
    """
    try:
        if inputs[0].device.type == "cpu":
            return Recording(function, inputs, arena or Arena())
        return GraphRecording(function, inputs)
    except (NotImplementedError, RuntimeError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        return Eager(function, inputs)


class Eager:
    """The function as it is."""

    kind = "eager"
    bytes = 0

    def __init__(self, function: Function, inputs: Sequence[Tensor]) -> None:
        self._function, self._inputs = function, inputs

    def run(self) -> tuple[Tensor, ...]:
        """As :meth:`Recorded.run`."""
        return tuple(self._function(*self._inputs))


class GraphRecording:
    """A CUDA graph, captured on a side stream after a warm-up, as PyTorch asks for."""

    kind = "CUDA graph"

    def __init__(self, function: Function, inputs: Sequence[Tensor]) -> None:
        device = inputs[0].device
        before = torch.cuda.memory_allocated(device)
        side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(side):
            for _ in range(3):
                function(*inputs)
        torch.cuda.current_stream(device).wait_stream(side)
        self._graph = torch.cuda.CUDAGraph()
        # other threads may use CUDA meanwhile: only this thread's calls can spoil the capture
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self._outputs = tuple(function(*inputs))
        self.bytes = max(0, torch.cuda.memory_allocated(device) - before)

    def run(self) -> tuple[Tensor, ...]:
        """As :meth:`Recorded.run`."""
        self._graph.replay()
        return self._outputs


class Recording:
    """The kernels of one evaluation on the CPU, in memory of their own."""

    kind = "replay"

    def __init__(self, function: Function, inputs: Sequence[Tensor], arena: Arena) -> None:
        with _Recorder() as recorder:
            outputs = tuple(function(*inputs))
        constants = _constants(recorder.calls)
        place = _Places(recorder, constants, outputs, arena)
        self.outputs = tuple(place.moved(tensor) for tensor in outputs)
        self.bytes = place.bytes
        for call in constants:
            place.bound(call)()
        self._calls = [place.bound(call) for call in recorder.calls if call not in constants]

    def run(self) -> tuple[Tensor, ...]:
        """As :meth:`Recorded.run`."""
        for call in self._calls:
            call()
        return self.outputs


def _constants(calls: list[_Call]) -> list[_Call]:
    """Fills with a number of elements that nothing else writes: the columns of ones."""
    written: dict[int, list[_Call]] = {}
    for call in calls:
        written.setdefault(_storage(_target(call)), []).append(call)
    return [
        call
        for call in calls
        if call.function is Tensor.fill_
        and not any(isinstance(value, Tensor) for value in call.arguments[-1:])
        and not any(
            _overlap(_target(call), _target(other))
            for other in written[_storage(_target(call))]
            if other is not call
        )
    ]


def _target(call: _Call) -> Tensor:
    """What a call writes into."""
    target = call.result if call.result is not None else call.keywords.get("out")
    return target if target is not None else call.arguments[0]


def _overlap(one: Tensor, two: Tensor) -> bool:
    """Whether two views of one storage share an element."""
    size = one.untyped_storage().nbytes() // one.element_size()
    marks = torch.zeros(size, dtype=torch.bool)
    for tensor in (one, two):
        view = marks.as_strided(tensor.size(), tensor.stride(), tensor.storage_offset())
        if bool(view.any()):
            return True
        view.fill_(True)
    return False


class _Places:
    """Where each storage made while recording lives in the arena, by first fit over lifetimes."""

    def __init__(
        self,
        recorder: _Recorder,
        constants: list[_Call],
        outputs: Sequence[Tensor],
        arena: Arena,
    ) -> None:
        dtype = outputs[0].dtype
        # what is of another type (a scalar, say) stays where it was made
        placed = {s for s, tensor in recorder.made.items() if tensor.dtype is dtype}
        # what is filled once must survive other recordings: it keeps its memory as well
        kept = {_storage(_target(call)) for call in constants}
        placed -= kept
        born: dict[int, int] = {}
        dies: dict[int, int] = {}
        for index, call in enumerate(recorder.calls):
            used = _tensors((call.arguments, call.keywords, call.result))
            for storage in {_storage(tensor) for tensor in used} & placed:
                born.setdefault(storage, index)
                dies[storage] = index
        for tensor in outputs:
            if _storage(tensor) in placed:
                dies[_storage(tensor)] = len(recorder.calls)
        self._offsets: dict[int, int] = {}
        living: list[tuple[int, int, int]] = []  # offset, end, last use
        size = 0
        for storage in sorted(born, key=born.__getitem__):
            tensor = recorder.made[storage]
            need = tensor.untyped_storage().nbytes() // tensor.element_size()
            need = -(-max(need, 1) // _ALIGNMENT) * _ALIGNMENT
            living = sorted(part for part in living if part[2] >= born[storage])
            offset = 0
            for begin, end, _ in living:
                if begin - offset >= need:
                    break
                offset = max(offset, end)
            living.append((offset, offset + need, dies[storage]))
            self._offsets[storage] = offset
            size = max(size, offset + need)
        self.arena = arena.of(size, dtype)
        self.bytes = size * outputs[0].element_size() + sum(
            recorder.made[storage].untyped_storage().nbytes() for storage in kept
        )

    def moved(self, tensor: Tensor) -> Tensor:
        """The tensor's view of the arena; what was not made while recording stays what it is."""
        offset = self._offsets.get(_storage(tensor))
        if offset is None:
            return tensor
        return self.arena.as_strided(
            tensor.size(), tensor.stride(), offset + tensor.storage_offset()
        )

    def bound(self, call: _Call) -> Callable[[], Any]:
        """The call with its arguments in the arena."""
        arguments = _mapped(call.arguments, self.moved)
        keywords = _mapped(call.keywords, self.moved)
        if call.result is not None and "out" not in call.keywords:
            return partial(call.function, self.moved(call.result), *arguments, **keywords)
        return partial(call.function, *arguments, **keywords)


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, tuple | list):
        return [tensor for part in value for tensor in _tensors(part)]
    if isinstance(value, dict):
        return _tensors(list(value.values()))
    return []


def _mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, tuple | list):
        return type(value)(_mapped(part, change) for part in value)
    if isinstance(value, dict):
        return {key: _mapped(part, change) for key, part in value.items()}
    return value
