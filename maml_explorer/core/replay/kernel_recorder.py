"""Record of the kernels a tensor function calls, made by running it on tensors without values.

The function must be straight-line in its tensors: no value of a tensor may decide what is called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from maml_explorer.core.replay.interruption import KernelMode, Look

aten = torch.ops.aten

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
    aten._softmax.default: torch._softmax,
    aten._log_softmax.default: torch._log_softmax,
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


@dataclass(frozen=True)
class TensorView:
    """A tensor made while recording, without its memory: that is free again when it dies."""

    storage: int
    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int


@dataclass(slots=True, eq=False)
class Call:
    """One recorded kernel; `result` is what it makes, None where it writes into an argument."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    result: TensorView | None


class KernelRecorder(KernelMode):
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
        self._look, self._trial = look, KernelTrial()
        self._inputs = {_address(s): tensor for s, tensor in zip(shown, inputs, strict=True)}
        self.calls: list[Call] = []
        self.storages: list[tuple[int, torch.dtype]] = []
        """(elements, type) of each storage made, in the order they were made."""
        self._current: dict[int, int] = {}
        """Address → number of the storage that lives there now; addresses are used again."""

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
        inputs = {_address(tensor) for tensor in tensors((args, kwargs))}
        seen_args, seen_kwargs = self.seen(args), self.seen(kwargs)
        if isinstance(result, Tensor) and _address(result) not in inputs:
            self._current[_address(result)] = len(self.storages)
            elements = result.untyped_storage().nbytes() // result.element_size()
            self.storages.append((elements, result.dtype))
            if function not in _BLANK:
                view = self.seen(result)
                self.calls.append(_fresh_call(function, seen_args, seen_kwargs, view, result.dtype))
        elif function._schema.is_mutable:
            self.calls.append(Call(_IN_PLACE.get(function, function), seen_args, seen_kwargs, None))
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
            return TensorView(
                number, tuple(value.size()), tuple(value.stride()), int(value.storage_offset())
            )
        return mapped(value, self.seen)


class KernelTrial:
    """Results of calls without values: tensors of device "meta", like their arguments.

    PyTorch's own rules for that device import its compiler, a second of work. So a result is
    computed of zeros, for its size and strides alone, always in the same memory: allocated again
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
        args, kwargs = mapped(args, self._filled), mapped(kwargs, self._filled)
        into, kinds = _INTO.get(function), {tensor.dtype for tensor in tensors((args, kwargs))}
        if into is None or len(kinds) > 1:
            found = function(*args, **kwargs)
        else:
            (kind,) = kinds
            made = self._made.setdefault(kind, torch.zeros(0, dtype=kind))
            found = into(*args, out=made.resize_(0), **kwargs)
        return without_memory(found) if isinstance(found, Tensor) else found

    def _filled(self, value: Any) -> Any:
        """A value with zeros where there are tensors without memory."""
        if isinstance(value, Tensor) and value.is_meta:
            elements = value.untyped_storage().nbytes() // value.element_size()
            zeros = self._zeros.get(value.dtype)
            if zeros is None or len(zeros) < elements:
                zeros = self._zeros[value.dtype] = torch.zeros(elements, dtype=value.dtype)
            return zeros.as_strided(value.size(), value.stride(), value.storage_offset())
        return mapped(value, self._filled)


def without_memory(like: Tensor) -> Tensor:
    """A tensor of the same size and strides, with no values."""
    return torch.empty_strided(like.size(), like.stride(), dtype=like.dtype, device="meta")


def _fresh_call(
    function: Any, args: tuple[Any, ...], kwargs: Any, result: TensorView, dtype: torch.dtype
) -> Call:
    if function in (aten.new_zeros.default, aten.zeros.default):
        return Call(Tensor.zero_, (), {}, result)
    if function in (aten.new_ones.default, aten.ones.default):
        return Call(Tensor.fill_, (1,), {}, result)
    if function is aten.clone.default:
        return Call(Tensor.copy_, (args[0],), {}, result)
    if function is aten.mul.Tensor and isinstance(args[1], float):
        # a scalar tensor is the same number to the kernel, and is not unpacked at every call
        args = (args[0], torch.tensor(args[1], dtype=dtype))
    into = _INTO.get(function)
    if into is None:  # slower, and right for every function

        def into(*a: Any, out: Tensor, **k: Any) -> None:
            out.copy_(function(*a, **k))

    return Call(into, args, {**kwargs, "out": result}, result)


def _address(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def tensors(value: Any) -> list[Tensor]:
    """The tensors in a structure."""
    return [part for part in _leaves(value) if isinstance(part, Tensor)]


def views(value: Any) -> list[TensorView]:
    """The views in a structure."""
    return [part for part in _leaves(value) if isinstance(part, TensorView)]


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, tuple | list):
        return [leaf for part in value for leaf in _leaves(part)]
    if isinstance(value, dict):
        return _leaves(list(value.values()))
    return [value]


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """A structure with its parts changed; a leaf that is not changed stays what it is."""
    if isinstance(value, tuple | list):
        return type(value)(change(part) for part in value)
    if isinstance(value, dict):
        return {key: change(part) for key, part in value.items()}
    return value
