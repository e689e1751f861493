"""The meta-test: how well an initialization adapts to held-out tasks.

Protocol: tasks from the stream (seed, "meta-test"), never the training stream; supports nested over
shots; queries are 100 equally spaced x with clean targets; noise is on supports only. A task has
diverged where its error is non-finite or above 100 × the exact error of predicting 0.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from maml_explorer.core.adaptation import StepSizes, adapt
from maml_explorer.core.models.mlp import Mlp, with_ones
from maml_explorer.core.plan import Plan, test_step_sizes
from maml_explorer.core.streams import stream
from maml_explorer.core.tasks.sine import held_out, predict_zero_mse, query_grid, targets
from maml_explorer.settings import TaskSettings

CHUNK_TASKS = 50
"""Tasks per piece of work: a few milliseconds at the paper's size."""
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
    with torch.no_grad():
        theta = initialization
        held, support = held_out(tasks, task_count, shots, stream(seed, stream_name), theta.dtype)
        grid = query_grid(tasks)[None, :, None].to(theta.dtype)
        truth = targets(held, grid.expand(task_count, -1, -1))
        layers = model.layers(theta)
        columns = []
        for begin in range(0, task_count, CHUNK_TASKS):
            part = slice(begin, begin + CHUNK_TASKS)
            count = len(held[part])
            x = with_ones(support.x[part].to(theta.device))
            query = with_ones(grid.to(theta.device))
            if start:
                body = layers[:start]
                x = model.forward(body, x, activate_last=True).output
                query = model.forward(body, query, activate_last=True).output
            path = adapt(
                model, layers[start:], x, support.y[part].to(theta.device), step_sizes, steps,
                keep_traces=False,
            )  # fmt: skip
            goal = truth[part].to(theta.device)
            queries = query.expand(count, -1, -1)
            errors = [
                (model.forward(phi, queries).output - goal).double().square().mean((1, 2))
                for phi in path.parameters
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
    start, sizes = test_step_sizes(plan, arm_name)
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


def fine_tuning_rate(
    plan: Plan,
    initialization: Tensor,
    shots: int,
    steps: int,
    grid: Sequence[float] = FINE_TUNING_GRID,
) -> float:
    """MTL's fine-tuning α for verdicts: the best of the grid on validation tasks.

    Chosen for one (shots, steps) by the mean error of tasks of the stream (seed, "validation");
    rates at which any task diverges are out unless all are.
    """
    settings = plan.settings
    limit = DIVERGED_FACTOR * max(predict_zero_mse(settings.tasks), 1e-12)
    best, best_error = grid[0], math.inf
    for rate in grid:
        alpha = torch.tensor(rate, dtype=plan.dtype, device=plan.device)
        errors = run_to_end(
            held_out_errors(
                plan.model,
                initialization,
                0,
                StepSizes(((alpha,) * plan.model.depth,)),
                settings.tasks,
                shots=shots,
                steps=steps,
                task_count=VALIDATION_TASKS,
                seed=settings.run.seed,
                stream_name="validation",
            )
        )[-1]
        error = float(errors.mean())
        if bool((errors <= limit).all()) and error < best_error:
            best, best_error = rate, error
    return best


def run_to_end(work: Generator[object, None, T]) -> T:
    """The value a chunked computation returns."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: T = end.value
            return result


def _number(value: Tensor) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
