"""Execution of outer gradients: by compiled kernels, or recorded once and replayed.

The :class:`Workspace` holds one of them per shape, and the buffers that recordings read.
"""

from __future__ import annotations

import torch
from torch import Tensor

from maml_explorer.core.kernels.choice import chosen
from maml_explorer.core.kernels.compiled import CompiledStep, compiled_step
from maml_explorer.core.kernels.library import Kernels
from maml_explorer.core.outer_gradient import OuterGradient, Shape, outer_gradient
from maml_explorer.core.replay.interruption import Look
from maml_explorer.core.replay.memory_arena import Arena
from maml_explorer.core.replay.replay import Eager, Recorded, record

_Key = tuple[Shape, torch.dtype, torch.device]
MAX_BYTES = 512 * 2**20
"""Memory of all recordings together; beyond it the ones unused for longest are dropped."""


class _Slot:
    """A buffer that recordings read; a value is copied in only where it is not there already."""

    __slots__ = ("source", "tensor")

    def __init__(self, like: Tensor) -> None:
        self.tensor = torch.empty_like(like, memory_format=torch.contiguous_format)
        self.source: Tensor | None = None

    def put(self, value: Tensor) -> None:
        if value is not self.source:
            self.tensor.copy_(value)
            self.source = value


class Workspace:
    """The mutable part of a run's arithmetic: recordings and buffers, nothing of its state."""

    def __init__(self, kernels: str | None = None) -> None:
        """A workspace without any.

        Args:
            kernels: a choice of :mod:`maml_explorer.core.kernels.choice`, for tests.
        """
        self._choice = chosen(kernels)
        self._compiled: dict[_Key, CompiledStep | None] = {}
        self._recordings: dict[_Key, tuple[Recorded, tuple[_Slot, ...]]] = {}
        self._arena = Arena()
        self._points: dict[tuple[object, ...], tuple[_Slot, _Slot]] = {}

    def outer_gradient(
        self,
        shape: Shape,
        theta: Tensor,
        x: Tensor,
        y: Tensor,
        *varying: Tensor,
        look: Look | None = None,
    ) -> OuterGradient:
        """Runs the function of that name; the result of a recording lives until the next call.

        Args:
            varying: α and what follows it there.
            look: called between pieces of long work, and may raise to drop it.
        """
        compiled = self.compiled(shape, theta.dtype, theta.device)
        if compiled is not None:
            return compiled.gradient(theta, x, y, varying, look)
        key = (shape, theta.dtype, theta.device)
        held = self._recordings.pop(key, None) or self._record(shape, theta, x, y, varying, look)
        self._recordings[key] = held  # the newest last: the first is unused for longest
        recorded, slots = held
        for slot, value in zip(slots, (theta, x, y, *varying), strict=True):
            slot.put(value)
        return OuterGradient(*recorded.run(look))

    def compiled(
        self, shape: Shape, dtype: torch.dtype, device: torch.device
    ) -> CompiledStep | None:
        """The shape by compiled kernels; None where there are none or they do not cover it."""
        key = (shape, dtype, device)
        if key not in self._compiled:
            self._compiled[key] = compiled_step(self._choice.kernels, shape, dtype, device)
        return self._compiled[key]

    def clear(self) -> None:
        """Gives all memory back; what is needed is recorded again."""
        self._compiled.clear()
        self._recordings.clear()
        self._points.clear()
        self._arena = Arena()

    @property
    def kinds(self) -> set[str]:
        """Ways in which the outer gradients in use are run.

        "compiled", "compiled, portable", "replay", "CUDA graph" or "eager"; with ", factors" where
        the gradients per task of wide layers are kept as factors.
        """
        compiled = {each.kind for each in self._compiled.values() if each is not None}
        return compiled | {
            recorded.kind + (", factors" if shape.wide else "")
            for (shape, *_), (recorded, _) in self._recordings.items()
        }

    @property
    def kernels(self) -> Kernels | None:
        """The compiled kernels, where there are any."""
        return self._choice.kernels

    @property
    def no_kernels(self) -> str:
        """A few words that say why there are no compiled kernels; else empty."""
        return self._choice.reason

    @property
    def working_bytes(self) -> int:
        """Bytes that the largest outer gradient works in; 0 where there is none."""
        return max((each.bytes for each in self._in_use()), default=0)

    def _in_use(self) -> list[Recorded | CompiledStep]:
        compiled = [each for each in self._compiled.values() if each is not None]
        return [*compiled, *(recorded for recorded, _ in self._recordings.values())]

    def _record(
        self,
        shape: Shape,
        theta: Tensor,
        x: Tensor,
        y: Tensor,
        varying: tuple[Tensor, ...],
        look: Look | None,
    ) -> tuple[Recorded, tuple[_Slot, ...]]:
        key = (tuple(x.shape), x.dtype, x.device)
        points = self._points.setdefault(key, (_Slot(x), _Slot(y)))
        slots = (_Slot(theta), *points, *map(_Slot, varying))
        for slot, value in zip(slots, (theta, x, y, *varying), strict=True):
            slot.put(value)

        def function(*inputs: Tensor) -> tuple[Tensor, ...]:
            return tuple(outer_gradient(shape, *inputs).parts())

        buffers = [slot.tensor for slot in slots]
        recorded: Recorded
        if shape.model.replays:
            # memory that does not grow with the inner steps is what an implicit gradient is for
            recorded = record(function, buffers, self._arena, look, not shape.solve_steps)
        else:
            recorded = Eager(function, buffers)
        while self._recordings and self._bytes() + recorded.bytes > MAX_BYTES:
            self._recordings.pop(next(iter(self._recordings)))
        used = [slot for _, held in self._recordings.values() for slot in held] + list(slots)
        self._points = {k: pair for k, pair in self._points.items() if pair[0] in used}
        return recorded, slots

    def _bytes(self) -> int:
        return sum(recorded.bytes for recorded, _ in self._recordings.values())
