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

from maml_explorer.core.interruption import Look, interruptible

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
    aten.mean.dim: torch.mean,
    aten.rsqrt.default: torch.rsqrt,
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
_PRODUCTS: dict[Any, int] = {torch.mm: 0, torch.bmm: 0, Tensor.addmm_: 1, Tensor.baddbmm_: 1}
"""Matrix products → which argument is the left factor, whose last axis is summed over."""
PIECE = 10_000_000
"""Cost of a piece, by :func:`_cost`: two milliseconds or so. Between two pieces a replay may be
told to end. The paper's outer step is one piece, so nothing is asked there."""
_BLANK = (aten.empty.memory_format, aten.new_empty.default)
_CONSTANT = (aten.lift_fresh.default,)


@dataclass(frozen=True)
class _View:
    """A tensor made while recording, without its memory: that is free again when it dies."""

    storage: int
    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int


@dataclass(slots=True, eq=False)
class _Call:
    """One recorded kernel; `result` is what it makes, None where it writes into an argument."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    result: _View | None


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes every kernel, and every storage made meanwhile.

    Args:
        look: called before every kernel.
        inputs: what the buffers are that the function is given; they stand for themselves.
        shown: what it is given in their place, of the same sizes.
    """

    def __init__(
        self, look: Look | None = None, inputs: Sequence[Tensor] = (), shown: Sequence[Tensor] = ()
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._look, self._trial = look, _Trial()
        self._inputs = {_address(s): tensor for s, tensor in zip(shown, inputs, strict=True)}
        self.calls: list[_Call] = []
        self.storages: list[tuple[int, torch.dtype]] = []
        """(elements, type) of each storage made, in the order they were made."""
        self._current: dict[int, int] = {}
        """Address → number of the storage that lives there now; addresses are used again."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Keeps torch from importing its compiler, a second of work, to wrap this class."""
        return False

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if self._look is not None:
            self._look()
        if function in _CONSTANT:
            result = function(*args, **kwargs)
            self._current.pop(_address(result), None)
            return result
        result = self._trial.result(function, args, kwargs)
        inputs = {_address(tensor) for tensor in _tensors((args, kwargs))}
        seen_args, seen_kwargs = self.seen(args), self.seen(kwargs)
        if isinstance(result, Tensor) and _address(result) not in inputs:
            self._current[_address(result)] = len(self.storages)
            elements = result.untyped_storage().nbytes() // result.element_size()
            self.storages.append((elements, result.dtype))
            if function not in _BLANK:
                view = self.seen(result)
                self.calls.append(_fresh_call(function, seen_args, seen_kwargs, view, result.dtype))
        elif function._schema.is_mutable:
            self.calls.append(
                _Call(_IN_PLACE.get(function, function), seen_args, seen_kwargs, None)
            )
        elif not isinstance(result, Tensor):
            raise NotImplementedError(f"{function} cannot be recorded")
        return result

    def seen(self, value: Any) -> Any:
        """A value with what was made while recording as views; other tensors stay."""
        if isinstance(value, Tensor):
            number = self._current.get(_address(value))
            if number is None:
                whole = self._inputs.get(_address(value))
                if whole is None:
                    return value
                offset = whole.storage_offset() + value.storage_offset()
                return whole.as_strided(value.size(), value.stride(), offset)
            return _View(
                number, tuple(value.size()), tuple(value.stride()), int(value.storage_offset())
            )
        return _mapped(value, self.seen)


class _Trial:
    """What calls give, without values: tensors of device "meta" like their arguments.

    PyTorch's own rules for that device import its compiler, a second of work. So a result is
    computed of zeros, for its size and strides alone, always in the same memory: allocated anew
    each time it would leave holes as large as everything that is computed.
    """

    def __init__(self) -> None:
        self._zeros: dict[torch.dtype, Tensor] = {}
        self._made: dict[torch.dtype, Tensor] = {}

    def result(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of a call."""
        if function._schema.is_mutable:
            return kwargs.get("out", args[0])
        if function.is_view:
            return function(*args, **kwargs)
        args, kwargs = _mapped(args, self._filled), _mapped(kwargs, self._filled)
        into, kinds = _INTO.get(function), {tensor.dtype for tensor in _tensors((args, kwargs))}
        if into is None or len(kinds) > 1:
            found = function(*args, **kwargs)
        else:
            (kind,) = kinds
            made = self._made.setdefault(kind, torch.zeros(0, dtype=kind))
            found = into(*args, out=made.resize_(0), **kwargs)
        return _without_memory(found) if isinstance(found, Tensor) else found

    def _filled(self, value: Any) -> Any:
        """A value with zeros where there are tensors without memory."""
        if isinstance(value, Tensor) and value.is_meta:
            elements = value.untyped_storage().nbytes() // value.element_size()
            zeros = self._zeros.get(value.dtype)
            if zeros is None or len(zeros) < elements:
                zeros = self._zeros[value.dtype] = torch.zeros(elements, dtype=value.dtype)
            return zeros.as_strided(value.size(), value.stride(), value.storage_offset())
        return _mapped(value, self._filled)


def _without_memory(like: Tensor) -> Tensor:
    return torch.empty_strided(like.size(), like.stride(), dtype=like.dtype, device="meta")


def _fresh_call(
    function: Any, args: tuple[Any, ...], kwargs: Any, result: _View, dtype: torch.dtype
) -> _Call:
    if function in (aten.new_zeros.default, aten.zeros.default):
        return _Call(Tensor.zero_, (), {}, result)
    if function in (aten.new_ones.default, aten.ones.default):
        return _Call(Tensor.fill_, (1,), {}, result)
    if function is aten.clone.default:
        return _Call(Tensor.copy_, (args[0],), {}, result)
    if function is aten.mul.Tensor and isinstance(args[1], float):
        # a scalar tensor is the same number to the kernel, and is not unpacked at every call
        args = (args[0], torch.tensor(args[1], dtype=dtype))
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

    def run(self, look: Look | None = None) -> tuple[Tensor, ...]:
        """The results for what the buffers hold now, in memory that the next run overwrites.

        Args:
            look: called between pieces of long work; where it raises, the next run begins anew.
        """
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


def record(
    function: Function,
    inputs: Sequence[Tensor],
    arena: Arena | None = None,
    look: Look | None = None,
) -> Recorded:
    """The fastest form of a function of these buffers: a CUDA graph, a replay, or the function.

    Where recording fails the function itself is used: slower, and never wrong.

    Args:
        function: tensors → tensors, all of one floating-point type and device.
        inputs: the buffers it will read, filled with an example.
        arena: memory to share with other recordings; then a run overwrites the results of theirs.
        look: called between kernels while recording on the CPU; where it raises, none is made.
    """
    try:
        if inputs[0].device.type == "cpu":
            return Recording(function, inputs, arena or Arena(), look)
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

    def run(self, look: Look | None = None) -> tuple[Tensor, ...]:
        """As :meth:`Recorded.run`."""
        with interruptible(look):
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

    def run(self, look: Look | None = None) -> tuple[Tensor, ...]:
        """As :meth:`Recorded.run`; a graph is one piece, and takes milliseconds."""
        self._graph.replay()
        return self._outputs


class Recording:
    """The kernels of one evaluation on the CPU."""

    kind = "replay"

    def __init__(
        self,
        function: Function,
        inputs: Sequence[Tensor],
        arena: Arena,
        look: Look | None = None,
    ) -> None:
        # sizes are enough to see what is called: what the function keeps needs no memory
        shown = [_without_memory(tensor) for tensor in inputs]
        with _Recorder(look, inputs, shown) as recorder:
            results = tuple(function(*shown))
            outputs = recorder.seen(results)
        constants = _constants(recorder)
        memory = _Memory(recorder, constants, outputs, arena, results[0].dtype)
        self.bytes = memory.bytes
        self._outputs: tuple[Tensor, ...] = memory.found(outputs)
        for call in constants:
            memory.bound(call)()
        calls = []
        for call in recorder.calls:
            if look is not None:
                look()
            if call not in constants:
                calls.append(memory.bound(call))
        self._pieces = _pieces(calls)

    @property
    def kernels(self) -> int:
        """Kernels of one run."""
        return sum(map(len, self._pieces))

    @property
    def pieces(self) -> int:
        """Pieces of work, a fixed function of the sizes."""
        return len(self._pieces)

    def run(self, look: Look | None = None) -> tuple[Tensor, ...]:
        """As :meth:`Recorded.run`."""
        for index, piece in enumerate(self._pieces):
            if index and look is not None:
                look()
            for call in piece:
                call()
        return self._outputs


def _pieces(calls: Sequence[partial[Any]]) -> list[list[partial[Any]]]:
    """The calls in order, cut where their cost exceeds :data:`PIECE`."""
    pieces: list[list[partial[Any]]] = [[]]
    spent = 0
    for call in calls:
        cost = _cost(call)
        if pieces[-1] and spent + cost > PIECE:
            pieces.append([])
            spent = 0
        pieces[-1].append(call)
        spent += cost
    return pieces


def _cost(call: partial[Any]) -> int:
    """Elements touched, and products at 16 a time: 5 million take about a millisecond."""
    cost = sum(tensor.numel() for tensor in _tensors((call.args, call.keywords)))
    left = _PRODUCTS.get(call.func)
    if left is not None:
        result = call.keywords.get("out", call.args[0])
        cost += result.numel() * int(call.args[left].shape[-1]) // 16
    return cost


def _constants(recorder: _Recorder) -> list[_Call]:
    """Fills with a number of elements that nothing else writes: the columns of ones."""
    written: dict[int, list[_Call]] = {}
    for call in recorder.calls:
        target = _target(call)
        if isinstance(target, _View):
            written.setdefault(target.storage, []).append(call)
    return [
        call
        for storage, calls in written.items()
        for call in calls
        if call.function is Tensor.fill_
        and not isinstance(call.arguments[-1], Tensor | _View)
        and not any(
            _overlap(_target(call), _target(other), recorder.storages[storage][0])
            for other in calls
            if other is not call
        )
    ]


def _target(call: _Call) -> Any:
    """What a call writes into."""
    target = call.result if call.result is not None else call.keywords.get("out")
    return target if target is not None else call.arguments[0]


def _overlap(one: _View, two: _View, elements: int) -> bool:
    """Whether two views of one storage share an element."""
    marks = torch.zeros(elements, dtype=torch.bool)
    for view in (one, two):
        part = marks.as_strided(view.size, view.stride, view.offset)
        if bool(part.any()):
            return True
        part.fill_(True)
    return False


class _Memory:
    """Where each storage made while recording lives: in the arena, by first fit over lifetimes.

    What is filled once must survive other recordings, and what is of another type does not fit:
    these have memory of their own.
    """

    def __init__(
        self,
        recorder: _Recorder,
        constants: list[_Call],
        outputs: tuple[Any, ...],
        arena: Arena,
        dtype: torch.dtype,
    ) -> None:
        apart = {_target(call).storage for call in constants}
        born: dict[int, int] = {}
        dies: dict[int, int] = {}
        for index, call in enumerate(recorder.calls):
            for view in _views((call.arguments, call.keywords, call.result)):
                born.setdefault(view.storage, index)
                dies[view.storage] = index
        for view in _views(outputs):
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
            need = -(-max(elements, 1) // _ALIGNMENT) * _ALIGNMENT
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
        if isinstance(value, _View):
            base = self._apart.get(value.storage, self._arena)
            start = self._offsets.get(value.storage, 0)
            return base.as_strided(value.size, value.stride, start + value.offset)
        return _mapped(value, self.found)

    def bound(self, call: _Call) -> partial[Any]:
        """The call with its arguments where they live."""
        arguments, keywords = self.found(call.arguments), self.found(call.keywords)
        if call.result is not None and "out" not in call.keywords:
            return partial(call.function, self.found(call.result), *arguments, **keywords)
        return partial(call.function, *arguments, **keywords)


def _address(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _tensors(value: Any) -> list[Tensor]:
    return [part for part in _leaves(value) if isinstance(part, Tensor)]


def _views(value: Any) -> list[_View]:
    return [part for part in _leaves(value) if isinstance(part, _View)]


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, tuple | list):
        return [leaf for part in value for leaf in _leaves(part)]
    if isinstance(value, dict):
        return _leaves(list(value.values()))
    return [value]


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """A structure with its parts changed; a leaf that is not changed stays what it is."""
    if isinstance(value, tuple | list):
        return type(value)(change(part) for part in value)
    if isinstance(value, dict):
        return {key: change(part) for key, part in value.items()}
    return value
