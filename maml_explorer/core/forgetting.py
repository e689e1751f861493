"""Forgetting on held-out streams: how well each function is answered after each that was learned.

A stream of functions is learned one after another. The error on function i after function j is
that of the parameters after the last batch of j; where i < j it shows what was forgotten.

Source: Javed, White 2019, section 4.2, where the error is averaged over the functions seen so far.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from torch import Tensor

from maml_explorer.core.intervals import finite_number, half_width
from maml_explorer.core.meta_test import fine_tuning, fine_tuning_rates, held_out_figures
from maml_explorer.core.plan import Plan
from maml_explorer.core.tested_steps import test_start, test_step_sizes


@dataclass(frozen=True)
class Forgetting:
    """Errors of one arm on held-out streams; None where one would not be finite."""

    mean: tuple[tuple[float | None, ...], ...]
    """[after function 0 … n, function]: the mean over streams; after 0 is before the stream."""
    ci95: tuple[tuple[float | None, ...], ...]
    """Half-widths of the 95 % intervals of those means."""
    seen: tuple[float | None, ...]
    """[after function 1 … n]: the mean over the functions seen so far."""
    seen_ci95: tuple[float | None, ...]
    streams: int
    rate: float | None
    """α that was chosen for a network trained without an inner loop; None where it is its own."""


def stream_errors(
    plan: Plan,
    arm_name: str,
    initialization: Tensor,
    streams: int,
    shots: int | None = None,
    stream_name: str = "meta-test",
    rate: float | None = None,
) -> Generator[int, None, Tensor]:
    """Errors [after function 0 … n, function, stream] of an arm on held-out streams, float64.

    Args:
        plan: of a run whose tasks are streams.
        arm_name: the arm.
        initialization: what it has learned.
        streams: held-out streams.
        shots: support points of each function; those of training unless given.
        stream_name: name of the random stream that draws them.
        rate: α in the place of the arm's own.
    """
    settings = plan.settings
    functions, length = settings.tasks.functions, settings.stream_batches
    start, sizes = test_step_sizes(plan, arm_name, initialization)
    if rate is not None:
        start, sizes = test_start(plan, arm_name), fine_tuning(plan, arm_name, rate)
    shots = settings.inner.shots if shots is None else shots
    held = plan.family.held_out(settings, streams, shots, stream_name, initialization.dtype)
    figures = yield from held_out_figures(
        plan.model, initialization, start, sizes, held,
        steps=length, task_count=streams, parts=functions,
    )  # fmt: skip
    return figures[:: settings.tasks.batches].transpose(1, 2)


def forgetting(
    plan: Plan, arm_name: str, initialization: Tensor, streams: int, shots: int | None = None
) -> Generator[int, None, Forgetting]:
    """The errors of an arm on streams of "meta-test", with their intervals, in pieces.

    Joint training learns a stream with the α of the grid that is best at its end on streams of
    "validation"; the others with their own.
    """
    rate = None
    own_shots = plan.settings.inner.shots if shots is None else shots
    if not plan.arms[arm_name].algorithm.has_inner_loop:
        length = plan.settings.stream_batches
        work = fine_tuning_rates(plan, arm_name, initialization, own_shots, length)
        rate = (yield from work)[-1]
    errors = yield from stream_errors(plan, arm_name, initialization, streams, own_shots, rate=rate)
    return summary(errors, rate)


def summary(errors: Tensor, rate: float | None = None) -> Forgetting:
    """Means and intervals over streams of errors [after function 0 … n, function, stream]."""
    functions = errors.shape[1]
    seen = [errors[j, :j].mean(0) for j in range(1, functions + 1)]
    return Forgetting(
        mean=tuple(tuple(finite_number(one.mean()) for one in row) for row in errors),
        ci95=tuple(tuple(half_width(one) for one in row) for row in errors),
        seen=tuple(finite_number(one.mean()) for one in seen),
        seen_ci95=tuple(map(half_width, seen)),
        streams=errors.shape[2],
        rate=rate,
    )
