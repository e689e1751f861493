"""The meta-test: how well an initialization adapts to held-out tasks.

Protocol: tasks from the stream (seed, "meta-test"), never the training stream; supports nested over
shots; queries are 100 equally spaced x with clean targets; noise is on supports only. A task has
diverged where its error is non-finite or above 100 × the exact error of predicting 0.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from maml_explorer.core.adaptation import StepSizes, adapt, uniform_step_sizes
from maml_explorer.core.families.sine import (
    best_single_predictor,
    held_out,
    predict_zero_mse,
    query_grid,
    targets,
)
from maml_explorer.core.models.mlp import Mlp, with_ones
from maml_explorer.core.plan import Plan, test_step_sizes
from maml_explorer.core.replay.interruption import Look
from maml_explorer.core.streams import stream
from maml_explorer.settings.groups import TaskSettings

CHUNK_TASKS = 25
"""Most tasks per piece of work: a few milliseconds at the paper's size."""
CHUNK_FLOATS = 8_000_000
"""Adapted parameters of all inner steps per piece of work, about."""
DIVERGED_FACTOR = 100.0
FINE_TUNING_GRID = tuple(10 ** (-4 + i / 3) for i in range(13))
"""α tried for MTL's fine-tuning in verdicts: 1e-4 … 1, logarithmic."""
VALIDATION_TASKS = 200

T = TypeVar("T")


@dataclass(frozen=True)
class TestRecord:
    """Errors by inner step k = 0 … K; None where a figure would not be finite."""

    __test__ = False  # not a test case, whatever pytest thinks of the name

    mean: tuple[float | None, ...]
    ci95: tuple[float | None, ...]
    mean_kept: tuple[float | None, ...]
    median: tuple[float | None, ...]
    diverged: tuple[int, ...]


def held_out_errors(
    model: Mlp,
    initialization: Tensor,
    start: int,
    step_sizes: StepSizes,
    tasks: TaskSettings,
    *,
    shots: int,
    steps: int,
    task_count: int,
    seed: int,
    stream_name: str = "meta-test",
) -> Generator[int, None, Tensor]:
    """Query errors [inner step 0 … steps, task], float64 on the CPU; yields tasks done so far.

    Args:
        initialization: θ [parameter].
        start: first adapting layer.
    """
    theta = initialization
    held, support = held_out(tasks, task_count, shots, stream(seed, stream_name), theta.dtype)
    grid = query_grid(tasks)[None, :, None].to(theta.dtype)
    truth = targets(held, grid.expand(task_count, -1, -1))
    layers = model.layers(theta)
    columns = []
    chunk = max(1, min(CHUNK_TASKS, CHUNK_FLOATS // (model.parameter_count * (steps + 1))))
    for begin in range(0, task_count, chunk):
        part = slice(begin, begin + chunk)
        count = len(held[part])
        x = with_ones(support.x[part].to(theta.device))
        query = with_ones(grid.to(theta.device))
        if start:
            body = layers[:start]  # the same at every inner step, by the statistics of step 0
            x = model.forward(body, x, activate_last=True).output
            query = model.forward(body, query, activate_last=True).output
        path = adapt(
            model, layers[start:], x, support.y[part].to(theta.device), step_sizes, steps,
            keep_traces=False,
        )  # fmt: skip
        goal = truth[part].to(theta.device)
        queries = query.expand(count, -1, -1)
        errors = [
            (model.forward(phi, queries, step=k).output - goal).double().square().mean((1, 2))
            for k, phi in enumerate(path.parameters)
        ]
        columns.append(torch.stack(errors).cpu())
        yield begin + count
    return torch.cat(columns, 1)


def summarize(errors: Tensor, tasks: TaskSettings) -> TestRecord:
    """The record of errors [inner step, task]."""
    limit = DIVERGED_FACTOR * max(predict_zero_mse(tasks), 1e-12)
    kept = torch.isfinite(errors) & (errors <= limit)
    mean, ci95, mean_kept, median = [], [], [], []
    for row, keep in zip(errors, kept, strict=True):
        finite = bool(torch.isfinite(row).all())
        mean.append(_number(row.mean()) if finite else None)
        half = 1.96 * row.std() / math.sqrt(len(row)) if len(row) > 1 else torch.tensor(math.nan)
        ci95.append(_number(half) if finite else None)
        mean_kept.append(_number(row[keep].mean()) if bool(keep.any()) else None)
        # a diverged task counts as infinitely bad, so failing never improves the median
        bad = torch.where(torch.isfinite(row), row, torch.full_like(row, math.inf))
        median.append(_number(bad.quantile(0.5, interpolation="higher")))
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
) -> Generator[int, None, tuple[TestRecord, Tensor]]:
    """(record, errors [inner step, task]) of one arm by the protocol, in chunks.

    Shots, steps and tasks are those of the settings unless given.
    """
    settings = plan.settings
    start, sizes = test_step_sizes(plan, arm_name, initialization)
    errors = yield from held_out_errors(
        plan.model,
        initialization,
        start,
        sizes,
        settings.tasks,
        shots=shots if shots is not None else settings.inner.shots,
        steps=steps if steps is not None else settings.run.test_steps,
        task_count=task_count if task_count is not None else settings.run.test_tasks,
        seed=settings.run.seed,
    )
    return summarize(errors, settings.tasks), errors


def fine_tuning_rates(
    plan: Plan, arm_name: str, initialization: Tensor, shots: int, steps: int
) -> Generator[int, None, list[float]]:
    """MTL's fine-tuning α for every number of inner steps 1 … steps: the best of the grid.

    Best by the mean error over validation tasks, of the stream (seed, "validation"); rates at
    which any task diverges are out unless all are.
    """
    settings = plan.settings
    limit = DIVERGED_FACTOR * max(predict_zero_mse(settings.tasks), 1e-12)
    means = []
    for rate in FINE_TUNING_GRID:
        errors = yield from held_out_errors(
            plan.model,
            initialization,
            0,
            _fine_tuning(plan, arm_name, rate),
            settings.tasks,
            shots=shots,
            steps=steps,
            task_count=VALIDATION_TASKS,
            seed=settings.run.seed,
            stream_name="validation",
        )
        fine = (errors <= limit).all(1)
        means.append(torch.where(fine, errors.mean(1), torch.full_like(errors[:, 0], math.inf)))
    best = torch.stack(means)[:, 1:].argmin(0)
    return [FINE_TUNING_GRID[index] for index in best.tolist()]


def _fine_tuning(plan: Plan, arm_name: str, rate: float) -> StepSizes:
    """One rate for all layers; gradients are clipped as in the arm's own inner loop."""
    sizes = uniform_step_sizes(rate, plan.model.depth, torch.empty(0).to(plan.device, plan.dtype))
    return dataclasses.replace(sizes, clip=plan.arms[arm_name].inner.step_sizes.clip)


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
) -> Generator[int, None, FinalTest]:
    """The meta-test by the protocol: an arm trained without an inner loop (MTL) gets its own α.

    Its α is chosen per (shots, inner steps) by :func:`fine_tuning_rates`; the others adapt with
    the α of the settings.
    """
    settings, most = plan.settings, max(inner_steps)
    if plan.arms[arm_name].algorithm.adapts != "none" or most == 0:
        _, errors = yield from meta_test(plan, arm_name, initialization, shots, most, task_count)
        kept = errors[list(inner_steps)]
        return FinalTest(summarize(kept, settings.tasks), kept, None)
    rates = [0.0, *(yield from fine_tuning_rates(plan, arm_name, initialization, shots, most))]
    wanted = [rates[k] for k in inner_steps]
    by_rate = {}
    for rate in sorted(set(wanted)):
        by_rate[rate] = yield from held_out_errors(
            plan.model,
            initialization,
            0,
            _fine_tuning(plan, arm_name, rate),
            settings.tasks,
            shots=shots,
            steps=max(k for k, r in zip(inner_steps, wanted, strict=True) if r == rate),
            task_count=task_count,
            seed=settings.run.seed,
        )
    kept = torch.stack([by_rate[r][k] for k, r in zip(inner_steps, wanted, strict=True)])
    return FinalTest(summarize(kept, settings.tasks), kept, tuple(wanted))


def best_single_gap(model: Mlp, initialization: Tensor, tasks: TaskSettings) -> float:
    """Mean over x of (f_θ − f*)²: how far θ, not adapted, is from the best single predictor."""
    grid = query_grid(tasks)
    x = with_ones(grid[None, :, None].to(initialization))
    curve = model.forward(model.layers(initialization), x).output[0, :, 0].cpu().double()
    return float((curve - best_single_predictor(tasks)(grid)).square().mean())


@dataclass(frozen=True)
class Difference:
    """Paired differences of two arms by inner step, on the tasks that both kept."""

    mean: tuple[float | None, ...]
    ci95: tuple[float | None, ...]
    """Half-width of the 95 % interval."""
    kept: tuple[int, ...]


def paired_difference(one: Tensor, two: Tensor, tasks: TaskSettings) -> Difference:
    """The error of the first arm minus that of the second, errors [inner step, task] each."""
    limit = DIVERGED_FACTOR * max(predict_zero_mse(tasks), 1e-12)
    mean: list[float | None] = []
    ci95: list[float | None] = []
    kept = []
    for a, b in zip(one, two, strict=True):
        gap = (a - b)[(a <= limit) & (b <= limit)]
        kept.append(len(gap))
        mean.append(_number(gap.mean()) if len(gap) else None)
        ci95.append(_number(1.96 * gap.std() / math.sqrt(len(gap))) if len(gap) > 1 else None)
    return Difference(tuple(mean), tuple(ci95), tuple(kept))


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


def _number(value: Tensor) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
