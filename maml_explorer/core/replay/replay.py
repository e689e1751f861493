"""Recording a tensor function once and replaying it into the same memory.

At the paper's size one outer step is some sixty kernels of a few microseconds; making their views
and allocating their results costs as much as the arithmetic. A recording keeps the calls alone:
views are made once, results are written into one arena whose parts are used again as soon as
nothing reads them. It is on the CPU what a CUDA graph is on the device: same kernels, same order,
same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor

from maml_explorer.core.replay.interruption import Look, interruptible
from maml_explorer.core.replay.kernel_recorder import KernelRecorder, tensors, without_memory
from maml_explorer.core.replay.memory_arena import Arena, Memory, constant_fills

_PRODUCTS: dict[Any, int] = {torch.mm: 0, torch.bmm: 0, Tensor.addmm_: 1, Tensor.baddbmm_: 1}
"""Matrix products → which argument is the left factor, whose last axis is summed over."""
PIECE = 10_000_000
"""Cost of a piece, by :func:`_cost`: two milliseconds or so. Between two pieces a replay may be
told to end. The paper's outer step is one piece, so nothing is asked there."""

Function = Callable[..., Sequence[Tensor]]


class Recorded(Protocol):
    """A function of buffers that were given once: write new values into them, then run."""

    kind: str
    """"replay", "CUDA graph" or "eager"."""
    bytes: int

    def run(self, look: Look | None = None) -> tuple[Tensor, ...]:
        """The results for what the buffers hold now, in memory that the next run overwrites.

        Args:
            look: called between pieces of long work; where it raises, the next run starts again.
        """
        ...


def record(
    function: Function,
    inputs: Sequence[Tensor],
    arena: Arena | None = None,
    look: Look | None = None,
    fill_once: bool = True,
) -> Recorded:
    """The fastest form of a function of these buffers: a CUDA graph, a replay, or the function.

    Where recording fails the function itself is used: slower, and never wrong.

    Args:
        function: tensors → tensors, all of one floating-point type and device.
        inputs: the buffers it will read, filled with an example.
        arena: memory to share with other recordings; then a run overwrites the results of theirs.
        look: called between kernels while recording on the CPU; where it raises, none is made.
        fill_once: False where columns of ones are filled at every run, so that their memory serves
            other results too.
    """
    try:
        if inputs[0].device.type == "cpu":
            return Recording(function, inputs, arena or Arena(), look, fill_once)
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
        """See :meth:`Recorded.run`."""
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
        """See :meth:`Recorded.run`; a graph is one piece, and takes milliseconds."""
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
        fill_once: bool = True,
    ) -> None:
        # sizes are enough to see what is called: what the function keeps needs no memory
        shown = [without_memory(tensor) for tensor in inputs]
        with KernelRecorder(look, inputs, shown) as recorder:
            results = tuple(function(*shown))
            outputs = recorder.seen(results)
        constants = constant_fills(recorder) if fill_once else []
        memory = Memory(recorder, constants, outputs, arena, results[0].dtype)
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
        """See :meth:`Recorded.run`."""
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
    cost = sum(tensor.numel() for tensor in tensors((call.args, call.keywords)))
    left = _PRODUCTS.get(call.func)
    if left is not None:
        result = call.keywords.get("out", call.args[0])
        cost += result.numel() * int(call.args[left].shape[-1]) // 16
    return cost
