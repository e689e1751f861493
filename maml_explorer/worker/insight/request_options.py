"""Options of a request: the arm, the inner steps, the task shown above."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from maml_explorer.core.families.batch import Points, TaskBatch
from maml_explorer.core.families.curve_tasks import parameter_count
from maml_explorer.core.insight.held_out_tasks import with_query
from maml_explorer.core.insight.learner import Learner, meta_test_learner
from maml_explorer.core.plan import Plan
from maml_explorer.core.training import RunState
from maml_explorer.protocol.insight import NothingToShow, Option
from maml_explorer.settings.groups import TaskSettings


def whole_number(options: Mapping[str, Option], name: str, default: int) -> int:
    """An option that counts something."""
    value = options.get(name)
    return int(value) if isinstance(value, int | float) else default


def asked_learner(
    plan: Plan, state: RunState, options: Mapping[str, Option]
) -> Learner | NothingToShow:
    """The arm `arm` (the first unless given) with `steps` inner steps of the meta-test."""
    name = options.get("arm") or next(iter(state.arms))
    if not isinstance(name, str) or name not in state.arms:
        return NothingToShow(f"There is no arm {name} any more: choose another one.")
    steps = whole_number(options, "steps", plan.settings.run.test_steps)
    return meta_test_learner(plan, name, state.arms[name].initialization, steps)


def asked_task(plan: Plan, options: Mapping[str, Option], like: Tensor) -> TaskBatch | None:
    """The task with support points `x`, `y`, or None without points.

    Its truth is `amplitude`, `phase` and `frequency` (1 unless given), or for other curves than
    sines its `numbers`. Where there is none, its
    query targets are nan.
    """
    if plan.model.inputs > 1:  # points of a curve say nothing of images
        return None
    x, y = options.get("x"), options.get("y")
    if not isinstance(x, tuple) or not isinstance(y, tuple) or not x or len(x) != len(y):
        return None
    truth = _truth(plan.settings.tasks, options)
    support = Points(*(torch.tensor(axis, dtype=torch.float64)[None, :, None] for axis in (x, y)))
    drawn = torch.tensor([truth], dtype=torch.float64)
    return with_query(plan.settings.tasks, drawn, support, like)


def _truth(tasks: TaskSettings, options: Mapping[str, Option]) -> tuple[Option, ...]:
    """The numbers of the task [parameter]; nan where it has no truth."""
    count = parameter_count(tasks)
    if tasks.family != "sine":
        numbers = options.get("numbers")
        known = isinstance(numbers, tuple) and len(numbers) == count
        return numbers if known and isinstance(numbers, tuple) else (math.nan,) * count
    amplitude, phase = options.get("amplitude"), options.get("phase")
    known = isinstance(amplitude, int | float) and isinstance(phase, int | float)
    return (amplitude, phase, options.get("frequency", 1.0)) if known else (math.nan,) * count


def layer_names(plan: Plan) -> tuple[str, ...]:
    """[layer]: "hidden 1" … and "output"."""
    return (*(f"hidden {nth + 1}" for nth in range(plan.model.depth - 1)), "output")
