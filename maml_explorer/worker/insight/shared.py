"""Code that views share: arm by arm, tasks to look at, results of core as frozen records."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.insight.empty_view import Nothing
from maml_explorer.core.plan import Plan
from maml_explorer.core.training import RunState
from maml_explorer.protocol.commands import Array
from maml_explorer.protocol.insight import NothingToShow

T = TypeVar("T")
V = TypeVar("V")


def arm_by_arm(
    state: RunState, look: Callable[[str, Tensor], Generator[float, None, V | NothingToShow]]
) -> Generator[float, None, dict[str, V | NothingToShow]]:
    """Collects what `look` (arm, θ) finds for every arm; yields the share done."""
    found: dict[str, V | NothingToShow] = {}
    for name, arm in state.arms.items():
        work = look(name, arm.initialization)
        found[name] = yield from _within(work, len(found), len(state.arms))
        yield len(found) / len(state.arms)
    return found


def shares(work: Generator[int, None, T], whole: int) -> Generator[float, None, T]:
    """Work of core that yields what is done of `whole`, as work that yields the share."""
    while True:
        try:
            done = next(work)
        except StopIteration as end:
            result: T = end.value
            return result
        yield min(1.0, done / max(whole, 1))


def numbers(values: object) -> Array:
    """A read-only array of nested sequences of numbers; None becomes NaN."""
    array: Array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array


def said(nothing: Nothing) -> NothingToShow:
    """Core's reason as it crosses to the window."""
    return NothingToShow(nothing.reason)


def some_tasks(plan: Plan, tasks: int, theta: Tensor) -> TaskBatch:
    """The same held-out tasks at every look, so that what changes is θ alone."""
    settings = plan.settings
    held = plan.family.held_out(settings, tasks, settings.inner.shots, "insight", torch.float64)
    batch = held.batch()
    return replace(
        batch, **{key: getattr(batch, key).to(theta) for key in ("tasks", "inputs", "y")}
    )


def _within(work: Generator[float, None, T], nth: int, of: int) -> Generator[float, None, T]:
    while True:
        try:
            share = next(work)
        except StopIteration as end:
            result: T = end.value
            return result
        yield (nth + share) / of
