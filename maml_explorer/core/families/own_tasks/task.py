"""Own tasks: what an object must have, and what is checked of each draw.

class Waves:
    def sample(self, n, generator):
        a = torch.rand(n, 1, 1, generator=generator)
        x = 4 * torch.rand(n, 20, 1, generator=generator) - 2
        y = a * torch.sin(3 * x)
        return (x[:, :10], y[:, :10]), (x[:, 10:], y[:, 10:])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from maml_explorer.core.families.own_tasks.opened import EXAMPLES, OwnTasks
from maml_explorer.settings.declaration import SettingsError, quoted
from maml_explorer.settings.own_tasks import MOST_NUMBERS, TaskKey, is_task_name

_SETS = ("support", "query")
_TRIED = 4
"""Tasks of the draw that is made twice."""
LARGEST = 1e30
"""Largest value of a point: squares of larger ones are not finite in float32."""


@runtime_checkable
class Task(Protocol):
    """A distribution over regression tasks: any object with this method, or a module with it."""

    def sample(self, n: int, generator: torch.Generator) -> Sequence[Sequence[Any]]:
        """Sample n tasks.

        Args:
            n: number of tasks.
            generator: source of all randomness, on the CPU. The same state gives the same tasks.
                NumPy draws by `np.random.default_rng(int(torch.randint(2**31, (),
                generator=generator)))`.

        Returns:
            (support x, support y), (query x, query y): tensors or arrays, x [task, point, in] and
            y [task, point, out], of real numbers; [task, point] if in or out is 1. The size
            of each set must be the same in every call, and its points independent given the task:
            with fewer shots the first ones are taken. The meta-test takes all query points.
        """


@dataclass(frozen=True)
class TaskDraw:
    """Tasks as an object sampled them, in float64 on the CPU."""

    support_x: Tensor
    """[task, point, in]"""
    support_y: Tensor
    """[task, point, out]"""
    query_x: Tensor
    """[task, point, in]"""
    query_y: Tensor
    """[task, point, out]"""


def checked_tasks(name: str, task: object) -> OwnTasks:
    """The tasks of an object, after some draws.

    Args:
        name: of the tasks, as runs and files name them.
        task: with `sample`, as :class:`Task` has it.

    Raises:
        SettingsError: naming the tasks, what is wrong with them, and what is allowed.
    """
    if not is_task_name(name):
        raise SettingsError(
            f"Tasks cannot be named {quoted(name)}: allowed are 1 to 40 printable characters "
            "without a colon, and no blank at either end."
        )
    if isinstance(task, type) or not callable(getattr(task, "sample", None)):
        what = f"the class {task.__name__}" if isinstance(task, type) else type(task).__name__
        raise SettingsError(
            f"The tasks “{name}” are {what}: allowed is an object with sample(n, generator)."
        )
    first, again = (sampled(name, task, _TRIED, torch.Generator().manual_seed(0)) for _ in "ab")
    if any(not torch.equal(a, b) for a, b in zip(_parts(first), _parts(again), strict=True)):
        raise SettingsError(
            f"The tasks “{name}” gave other values the second time from the same generator: all "
            "randomness must come from the generator that sample is given."
        )
    key = TaskKey(
        name,
        first.support_x.shape[2],
        first.support_y.shape[2],
        first.support_x.shape[1],
        first.query_x.shape[1],
        _mark(first),
    )
    drawn = sampled(name, task, EXAMPLES, torch.Generator().manual_seed(1), key)
    return OwnTasks(key, task, *(part.numpy().copy() for part in _parts(drawn)))


def sampled(
    name: str, task: Any, count: int, generator: torch.Generator, key: TaskKey | None = None
) -> TaskDraw:
    """Tasks of an object, checked.

    Args:
        name: of the tasks.
        task: with `sample`.
        count: number of tasks.
        generator: on the CPU.
        key: the sizes that they must have; None if they are not known yet.

    Raises:
        SettingsError: naming the tasks, what is wrong with them, and what is allowed.
    """
    try:
        found = task.sample(count, generator)
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise SettingsError(f"The tasks “{name}” failed in sample({count}, …): {said}.") from error
    allowed = "(support x, support y), (query x, query y)"
    both = _pair(name, found, "what sample returned", allowed)
    sets = [
        _pair(name, one, f"the {which} set", "a pair (x, y)")
        for one, which in zip(both, _SETS, strict=True)
    ]
    parts = [
        _points(name, f"{which} {axis}", values, count)
        for which, pair in zip(_SETS, sets, strict=True)
        for axis, values in zip("xy", pair, strict=True)
    ]
    draw = TaskDraw(*parts)
    _compare(name, draw)
    if key is not None:
        now = (*draw.support_x.shape[1:], draw.support_y.shape[2], draw.query_x.shape[1])
        before = (key.support, key.inputs, key.outputs, key.queries)
        if now != before:
            raise SettingsError(
                f"The tasks “{name}” gave {_sizes(now)} in sample({count}, …), and "
                f"{_sizes(before)} before: the sizes must be the same in every call."
            )
    return draw


def _pair(name: str, found: Any, what: str, allowed: str) -> tuple[Any, Any]:
    if isinstance(found, tuple | list) and len(found) == 2:
        return found[0], found[1]
    length = f" of {len(found)}" if isinstance(found, tuple | list) else ""
    raise SettingsError(
        f"The tasks “{name}” cannot be used: {what} is a {type(found).__name__}{length}, and "
        f"allowed is {allowed}."
    )


def _points(name: str, what: str, values: Any, count: int) -> Tensor:
    """One part of a draw as [task, point, number]."""
    refusal = f"The tasks “{name}” cannot be used: {what} "
    if isinstance(values, Tensor):
        dtype, real = str(values.dtype), not (values.is_complex() or values.dtype == torch.bool)
        tensor = values.detach().cpu()
    else:
        array = np.asarray(values) if isinstance(values, np.ndarray | list | tuple) else None
        dtype = type(values).__name__ if array is None else str(array.dtype)
        real = array is not None and array.dtype.kind in "fiu"
        # extended precision and foreign byte orders are unknown to torch
        tensor = torch.from_numpy(array.astype(np.float64)) if real else torch.empty(0)  # type: ignore[union-attr]
    if not real:
        raise SettingsError(
            f"{refusal}has the type {dtype}, and allowed are real numbers in a tensor or an array."
        )
    tensor = tensor.double()
    shape = tuple(tensor.shape)
    if tensor.dim() == 2:
        tensor = tensor[..., None]
    fits = tensor.dim() == 3 and shape[0] == count
    if not fits or not all(1 <= size <= MOST_NUMBERS for size in tensor.shape[1:]):
        number = {"x": "in", "y": "out"}[what[-1]]
        raise SettingsError(
            f"{refusal}has the shape {list(shape)}, and allowed is [task, point, {number}] or "
            f"[task, point] with {count} tasks, which sample was asked for, and 1 to "
            f"{MOST_NUMBERS} of the rest."
        )
    bad = ~(tensor.abs() <= LARGEST)  # written so that NaN counts as bad
    if bool(bad.any()):
        at = [int(place) for place in bad.nonzero()[0]]
        raise SettingsError(
            f"{refusal}has {int(bad.sum())} values that are not finite or above {LARGEST:g}, the "
            f"first {float(tensor[tuple(at)])} at {at}: allowed are finite numbers."
        )
    return tensor


def _compare(name: str, draw: TaskDraw) -> None:
    """Refuses sets that do not belong together."""
    for which, x, y in (
        ("support", draw.support_x, draw.support_y),
        ("query", draw.query_x, draw.query_y),
    ):
        if x.shape[1] != y.shape[1]:
            raise SettingsError(
                f"The tasks “{name}” cannot be used: {which} x has {x.shape[1]} points and {which} "
                f"y {y.shape[1]}: they must be as many."
            )
    for axis, one, two in (
        ("x", draw.support_x, draw.query_x),
        ("y", draw.support_y, draw.query_y),
    ):
        if one.shape[2] != two.shape[2]:
            raise SettingsError(
                f"The tasks “{name}” cannot be used: support {axis} has {one.shape[2]} numbers a "
                f"point and query {axis} {two.shape[2]}: they must be as many."
            )


def _sizes(found: tuple[int, ...]) -> str:
    support, inputs, outputs, queries = found
    return f"{support} support and {queries} query points of {inputs} inputs and {outputs} outputs"


def _parts(draw: TaskDraw) -> tuple[Tensor, ...]:
    return draw.support_x, draw.support_y, draw.query_x, draw.query_y


def _mark(draw: TaskDraw) -> tuple[float, float, float]:
    """Means of x², y and y², as a key writes them."""
    x = torch.cat([draw.support_x.reshape(-1), draw.query_x.reshape(-1)])
    y = torch.cat([draw.support_y.reshape(-1), draw.query_y.reshape(-1)])
    means = (x.square().mean(), y.mean(), y.square().mean())
    # exponents of two digits are all that a key has room for
    first, second, third = (float(f"{float(m):.3e}") if abs(m) > 1e-90 else 0.0 for m in means)
    return first, second, third
