"""The meta-test: how well an initialization adapts to held-out tasks.

Protocol: tasks from the stream (seed, "meta-test"), never the training stream; supports nested over
shots. The family says the rest: for sines queries are 100 equally spaced x with clean targets,
noise is on supports only, the figure is the squared error, and a task has diverged where that is
non-finite, or above 1 and above 100 × the exact error of predicting 0; for images classes and
queries are of scripts never trained on, and the figure is accuracy.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from maml_explorer.core.adaptation import StepSizes, adapt, uniform_step_sizes
from maml_explorer.core.families.batch import HeldOutPart
from maml_explorer.core.families.record import HeldOut
from maml_explorer.core.families.table import family_of
from maml_explorer.core.intervals import finite_number, half_width
from maml_explorer.core.kernels.probe import Outputs
from maml_explorer.core.models.model import Model
from maml_explorer.core.models.trace import Layers
from maml_explorer.core.plan import Plan
from maml_explorer.core.replay.interruption import Look
from maml_explorer.core.tested_steps import test_start, test_step_sizes
from maml_explorer.settings.settings import Settings

CHUNK_TASKS = 25
"""Most tasks per piece of work: a few milliseconds at the paper's size."""
CHUNK_FLOATS = 8_000_000
"""Adapted parameters of all inner steps per piece of work, about."""
FINE_TUNING_GRID = tuple(10 ** (-4 + i / 3) for i in range(13))
"""α tried for MTL's fine-tuning in verdicts: 1e-4 … 1, logarithmic."""
VALIDATION_TASKS = 200

T = TypeVar("T")


@dataclass(frozen=True)
class TestRecord:
    """Figures by inner step k = 0 … K; None where one would not be finite."""

    __test__ = False  # not a test case, whatever pytest thinks of the name

    mean: tuple[float | None, ...]
    ci95: tuple[float | None, ...]
    mean_kept: tuple[float | None, ...]
    median: tuple[float | None, ...]
    diverged: tuple[int, ...]


def chunk_size(model: Model, steps: int) -> int:
    """Tasks in one piece of work, for so many inner steps."""
    return max(1, min(CHUNK_TASKS, CHUNK_FLOATS // (model.parameter_count * (steps + 1))))


def held_out_figures(
    model: Model,
    initialization: Tensor,
    start: int,
    step_sizes: StepSizes,
    held: HeldOut,
    *,
    steps: int,
    task_count: int,
    alone: bool = False,
    first: int = 0,
    outputs: Outputs | None = None,
    parts: int = 0,
    after: Sequence[int] | None = None,
) -> Generator[int, None, Tensor]:
    """Query figures [inner step 0 … steps, task], float64 on the CPU; yields tasks done so far.

    The figure is the loss's, squared error or accuracy; with parts [inner step, task, part].

    Args:
        initialization: θ [parameter].
        start: first adapting layer.
        held: the tasks, of the type of θ.
        alone: whether each query point passes the network beside the support set alone, so that
            batch norm knows of no other query point.
        first: the task to begin with, where those before are measured already.
        outputs: of the same arm by compiled kernels, tried first. They differ in the last digits,
            so what is written into files does without.
        parts: equal parts of the query set, such as functions of a stream, to be measured apart.
        after: inner steps to be measured alone, in that order; all unless given. A query set is
            far larger than a support set, so the others are most of the work.
    """
    wanted = range(steps + 1) if after is None else after
    theta = initialization
    layers = model.layers(theta)
    columns = []
    chunk = chunk_size(model, steps)
    for begin in range(first, task_count, chunk):
        tasks = held.part(begin, min(begin + chunk, task_count))
        count = len(tasks.support_x)
        found = None if outputs is None or alone else _by_outputs(model, outputs, tasks)
        if found is not None:
            columns.append(found[list(wanted)])
            yield begin + count
            continue
        x, query = tasks.support_x.to(theta.device), tasks.query_x.to(theta.device)
        raw_x, raw_query = x, query.expand(count, -1, -1)
        if start:
            body = layers[:start]  # the same at every inner step, by the statistics of step 0
            x = model.forward(body, x, activate_last=True).output
            query = model.forward(body, query, activate_last=True).output
        path = adapt(
            model, layers[start:], x, tasks.support_y.to(theta.device), step_sizes, steps,
            keep_traces=False,
        )  # fmt: skip
        goal = tasks.query_y.to(theta.device)
        queries = query.expand(count, -1, -1)
        figures = [
            _mean_of(
                model.loss.figure(
                    _one_by_one(model, [*layers[:start], *phi], raw_x, raw_query, k)
                    if alone
                    else model.forward(phi, queries, step=k).output,
                    goal,
                ),
                parts,
            )
            for k, phi in ((k, path.parameters[k]) for k in wanted)
        ]
        columns.append(torch.stack(figures).cpu())
        yield begin + count
    return torch.cat(columns, 1)


def _by_outputs(model: Model, outputs: Outputs, tasks: HeldOutPart) -> Tensor | None:
    """Figures [inner step, task] of some tasks."""
    shots = tasks.support_x.shape[1]
    query = tasks.query_x.expand(len(tasks.support_x), -1, -1)
    found = outputs(torch.cat([tasks.support_x, query], 1), tasks.support_y)
    return None if found is None else model.loss.figure(found[:, :, shots:], tasks.query_y).mean(2)


def _mean_of(figures: Tensor, parts: int) -> Tensor:
    """Means over the query points [task], or over each of so many parts of them [task, part]."""
    return figures.reshape(len(figures), parts, -1).mean(2) if parts else figures.mean(1)


def _one_by_one(model: Model, layers: Layers, support: Tensor, query: Tensor, step: int) -> Tensor:
    """Outputs [task, query point, out], each of one query point beside the support set."""
    found = [
        model.forward(layers, torch.cat([support, query[:, n : n + 1]], 1), step=step).output[:, -1]
        for n in range(query.shape[1])
    ]
    return torch.stack(found, 1)


def summarize(errors: Tensor, settings: Settings) -> TestRecord:
    """The record of figures [inner step, task]."""
    family = family_of(settings)
    kept = torch.isfinite(errors) & (errors <= family.failure_limit(settings))
    worst = family.loss.sign * math.inf
    mean, ci95, mean_kept, median = [], [], [], []
    for row, keep in zip(errors, kept, strict=True):
        finite = bool(torch.isfinite(row).all())
        mean.append(finite_number(row.mean()) if finite else None)
        ci95.append(half_width(row) if finite else None)
        mean_kept.append(finite_number(row[keep].mean()) if bool(keep.any()) else None)
        # a diverged task counts as infinitely bad, so failing never improves the median
        bad = torch.where(torch.isfinite(row), row, torch.full_like(row, worst))
        middle = bad.sort().values[(len(bad) - 1) // 2 : len(bad) // 2 + 1]
        median.append(finite_number(middle.mean()))
    return TestRecord(
        tuple(mean), tuple(ci95), tuple(mean_kept), tuple(median),
        tuple(int(n) for n in (~kept).sum(1)),
    )  # fmt: skip


def meta_test(
    plan: Plan,
    arm_name: str,
    initialization: Tensor,
    shots: int | None = None,
    steps: int | None = None,
    task_count: int | None = None,
    stream_name: str = "meta-test",
    alone: bool = False,
    after: Sequence[int] | None = None,
) -> Generator[int, None, tuple[TestRecord, Tensor]]:
    """(record, figures [inner step, task]) of one arm by the protocol, in chunks.

    Shots, steps and tasks are those of the settings unless given.

    Args:
        stream_name: "meta-test" for what is reported; `plan.family.watched` while a run goes on.
        alone: see :func:`held_out_figures`.
        after: see :func:`held_out_figures`.
    """
    settings = plan.settings
    start, sizes = test_step_sizes(plan, arm_name, initialization)
    count = task_count if task_count is not None else settings.run.test_tasks
    errors = yield from held_out_figures(
        plan.model,
        initialization,
        start,
        sizes,
        plan.family.held_out(
            settings,
            count,
            shots if shots is not None else settings.inner.shots,
            stream_name,
            initialization.dtype,
        ),
        steps=steps if steps is not None else settings.run.test_steps,
        task_count=count,
        alone=alone,
        after=after,
    )
    return summarize(errors, settings), errors


def fine_tuning_rates(
    plan: Plan,
    arm_name: str,
    initialization: Tensor,
    shots: int,
    steps: int,
    alone: bool = False,
    after: Sequence[int] | None = None,
) -> Generator[int, None, list[float]]:
    """MTL's fine-tuning α for every number of inner steps 1 … steps: the best of the grid.

    Best by the mean figure over validation tasks, of the stream (seed, "validation"); rates at
    which any task diverges are out unless all are. With `after`, for these numbers in their order.
    """
    settings, family = plan.settings, plan.family
    limit, sign = family.failure_limit(settings), family.loss.sign
    held = family.held_out(settings, VALIDATION_TASKS, shots, "validation", initialization.dtype)
    means = []
    for rate in FINE_TUNING_GRID:
        errors = yield from held_out_figures(
            plan.model,
            initialization,
            test_start(plan, arm_name),
            fine_tuning(plan, arm_name, rate),
            held,
            steps=steps,
            task_count=VALIDATION_TASKS,
            alone=alone,
            after=range(1, steps + 1) if after is None else after,
        )
        fine = (errors <= limit).all(1)
        worst = torch.full_like(errors[:, 0], math.inf)
        means.append(torch.where(fine, sign * errors.mean(1), worst))
    best = torch.stack(means).argmin(0)
    return [FINE_TUNING_GRID[index] for index in best.tolist()]


def fine_tuning(plan: Plan, arm_name: str, rate: float) -> StepSizes:
    """One rate for all layers that adapt; clipping and streams are as in the arm's inner loop."""
    own = plan.arms[arm_name].inner.step_sizes
    layers = plan.model.depth - test_start(plan, arm_name)
    sizes = uniform_step_sizes(rate, layers, torch.empty(0).to(plan.device, plan.dtype))
    return dataclasses.replace(sizes, clip=own.clip, batches=own.batches)


@dataclass(frozen=True)
class FinalTest:
    """A meta-test as verdicts use it."""

    record: TestRecord
    """By the inner steps asked for, in that order."""
    errors: Tensor
    """[inner step asked for, task]"""
    fine_tuning: tuple[float, ...] | None
    """The α chosen for each number of inner steps (0 for none); None where α is the arm's own."""


def final_test(
    plan: Plan,
    arm_name: str,
    initialization: Tensor,
    shots: int,
    inner_steps: Sequence[int],
    task_count: int,
    alone: bool = False,
) -> Generator[int, None, FinalTest]:
    """The meta-test by the protocol: an arm trained without an inner loop (MTL) gets its own α.

    Its α is chosen per (shots, inner steps) by :func:`fine_tuning_rates`; the others adapt with
    the α of the settings. With `alone`, see :func:`held_out_figures`.
    """
    settings, most = plan.settings, max(inner_steps)
    if plan.arms[arm_name].algorithm.adapts != "none" or most == 0:
        record, errors = yield from meta_test(
            plan, arm_name, initialization, shots, most, task_count, alone=alone, after=inner_steps
        )
        return FinalTest(record, errors, None)
    taken = [k for k in inner_steps if k]
    chosen = yield from fine_tuning_rates(
        plan, arm_name, initialization, shots, most, alone, after=taken
    )
    rates = {0: 0.0, **dict(zip(taken, chosen, strict=True))}
    wanted = tuple(rates[k] for k in inner_steps)
    held = plan.family.held_out(settings, task_count, shots, "meta-test", initialization.dtype)
    by_step: dict[int, Tensor] = {}
    for rate in sorted(set(wanted)):
        after = [k for k in inner_steps if rates[k] == rate]
        found = yield from held_out_figures(
            plan.model,
            initialization,
            test_start(plan, arm_name),
            fine_tuning(plan, arm_name, rate),
            held,
            steps=max(after),
            task_count=task_count,
            alone=alone,
            after=after,
        )
        by_step |= dict(zip(after, found, strict=True))
    kept = torch.stack([by_step[k] for k in inner_steps])
    return FinalTest(summarize(kept, settings), kept, wanted)


def at_theta(model: Model, initialization: Tensor) -> Callable[[Tensor], Tensor]:
    """θ, not adapted, as a function from inputs [task, point, in + 1] to outputs."""
    return lambda x: model.forward(model.layers(initialization), x.to(initialization)).output


def run_to_end(work: Generator[object, None, T], look: Look | None = None) -> T:
    """The value a chunked computation returns; `look` is called between pieces, and may raise."""
    while True:
        try:
            next(work)
            if look is not None:
                look()
        except StopIteration as end:
            result: T = end.value
            return result
