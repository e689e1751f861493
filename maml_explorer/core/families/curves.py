"""Families of curves by a formula: how tasks are drawn, and what needs no data.

The formulas and ranges are in :mod:`maml_explorer.settings.curves`. Sines have a file of their own:
:mod:`maml_explorer.core.families.sine`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from maml_explorer.core.families.batch import Points, TaskBatch
from maml_explorer.settings.curves.drawing import curve_of, parameters_of, values_at
from maml_explorer.settings.family import Parameter
from maml_explorer.settings.tasks import TaskSettings

LATTICE = 8192
"""Tasks that a mean without a closed form is over."""
_PIECES = 40
"""Pieces of the x range, of `_NODES` each, that a mean over x is over."""
_NODES, _WEIGHTS = (torch.from_numpy(values) for values in np.polynomial.legendre.leggauss(8))


def curve_targets(settings: TaskSettings, tasks: Tensor, x: Tensor) -> Tensor:
    """Clean targets: tasks [task, parameter], x [task, point, 1] → [task, point, 1]."""
    columns = [column[:, None] for column in torch.split(tasks, 1, 1)]
    return torch.as_tensor(values_at(settings, columns, x, torch))


@dataclass(frozen=True)
class CurveSampler:
    """Draws task batches of curves; made once per change of the settings."""

    settings: TaskSettings
    low: Tensor
    """[parameter + 1]: lower ends, that of x last; 0 where a parameter is normal."""
    width: Tensor
    """[parameter + 1]: widths of the same ranges."""
    normal: Tensor
    """[parameter]: True where a parameter is standard normal."""
    shots: int
    point_count: int
    task_count: int

    def draw(self, generator: torch.Generator) -> TaskBatch:
        """The next batch."""
        return self.draw_block(generator, 1)[0]

    def draw_block(self, generator: torch.Generator, steps: int) -> list[TaskBatch]:
        """The batches of so many outer steps in one go."""
        dtype, device, total = self.low.dtype, self.low.device, steps * self.task_count
        tasks = torch.rand(
            (total, len(self.normal)), generator=generator, dtype=dtype, device=device
        )
        tasks = torch.addcmul(self.low[:-1], tasks, self.width[:-1])
        if bool(self.normal.any()):
            weights = torch.randn(tasks.shape, generator=generator, dtype=dtype, device=device)
            tasks = torch.where(self.normal, weights, tasks)
        size = (total, self.point_count, 1)
        x = torch.rand(size, generator=generator, dtype=dtype, device=device)
        x = torch.addcmul(self.low[-1], x, self.width[-1])
        y = curve_targets(self.settings, tasks, x)
        if self.settings.noise > 0:
            error = torch.randn(y.shape, generator=generator, dtype=dtype, device=device)
            y = y.add(error, alpha=self.settings.noise)
        inputs = x.new_ones(total, self.point_count, 2)
        inputs[..., :1] = x

        def blocks(part: Tensor) -> tuple[Tensor, ...]:
            return part.view(steps, self.task_count, *part.shape[1:]).unbind()

        parts = zip(blocks(tasks), blocks(inputs), blocks(y), strict=True)
        return [TaskBatch(*part, self.shots) for part in parts]


def curve_sampler(
    settings: TaskSettings,
    task_count: int,
    shots: int,
    query_points: int,
    dtype: torch.dtype,
    device: torch.device,
) -> CurveSampler:
    """A sampler of batches with these sizes."""
    parameters = parameters_of(settings)
    ends = [*((one.low, one.high) for one in parameters), settings.span("x")]
    low = torch.tensor([a for a, _ in ends], dtype=torch.float64)
    width = torch.tensor([b - a for a, b in ends], dtype=torch.float64)
    normal = torch.tensor([one.normal for one in parameters], dtype=torch.bool, device=device)
    low, width = low.to(device, dtype), width.to(device, dtype)
    return CurveSampler(settings, low, width, normal, shots, shots + query_points, task_count)


def held_out_curves(
    settings: TaskSettings,
    task_count: int,
    shots: int,
    generator: torch.Generator,
    dtype: torch.dtype,
) -> tuple[Tensor, Points]:
    """Held-out tasks [task, parameter] and their noisy support sets [task, shot, 1], on the CPU.

    Nested over shots: the first s points are the same for every `shots` ≥ s, because each point is
    drawn for all tasks at once, from streams of its own for x and noise.
    """
    seeds = torch.randint(2**31, (3,), generator=generator).tolist()
    streams = [torch.Generator().manual_seed(seed) for seed in seeds]
    columns = [_drawn(one, task_count, streams[0]) for one in parameters_of(settings)]
    tasks = torch.stack(columns, 1) if columns else torch.zeros(task_count, 0, dtype=torch.float64)
    draws = [
        torch.rand(task_count, generator=streams[1], dtype=torch.float64) for _ in range(shots)
    ]
    low, high = settings.span("x")
    x = low + (high - low) * torch.stack(draws, 1)[:, :, None]
    y = curve_targets(settings, tasks, x)
    if settings.noise > 0:
        errors = [
            torch.randn(task_count, generator=streams[2], dtype=torch.float64) for _ in range(shots)
        ]
        y = y + settings.noise * torch.stack(errors, 1)[:, :, None]
    return tasks.to(dtype), Points(x.to(dtype), y.to(dtype))


def _drawn(one: Parameter, count: int, generator: torch.Generator) -> Tensor:
    if one.normal:
        return torch.randn(count, generator=generator, dtype=torch.float64)
    uniform = torch.rand(count, generator=generator, dtype=torch.float64)
    return one.low + (one.high - one.low) * uniform


def best_single_curve(settings: TaskSettings) -> Callable[[Tensor], Tensor]:
    """f*(x) = E y: the function with the least expected squared error, of x [point]."""
    return lambda x: _moments(settings, x.double())[0]


@lru_cache(maxsize=64)
def curve_mses(settings: TaskSettings) -> tuple[float, float]:
    """(E y², E y² − E f*²): expected squared errors of predicting 0 and of f*, clean targets."""
    low, high = settings.span("x")
    starts = torch.arange(_PIECES, dtype=torch.float64)[:, None]
    part = (starts + (_NODES + 1) / 2) / _PIECES
    single, square = _moments(settings, (low + (high - low) * part).reshape(-1))

    def over_x(values: Tensor) -> float:
        return float((values.view(_PIECES, -1) @ _WEIGHTS).mean() / 2)

    return over_x(square), max(0.0, over_x(square - single**2))


def _moments(settings: TaskSettings, x: Tensor) -> tuple[Tensor, Tensor]:
    """(E y, E y²) [point] at x [point]: by the family's closed form, or over a lattice of tasks."""
    closed = curve_of(settings).moments
    if closed is not None:
        found, square = closed(settings, x, torch)
        return torch.as_tensor(found), torch.as_tensor(square)
    tasks = _lattice(parameters_of(settings))
    total, squares = torch.zeros_like(x), torch.zeros_like(x)
    for piece in torch.split(tasks, 1024):  # of a size that stays in the cache
        y = curve_targets(settings, piece, x[None, :, None])[..., 0].expand(len(piece), -1)
        total, squares = total + y.sum(0), squares + y.square().sum(0)
    return total / len(tasks), squares / len(tasks)


def _lattice(parameters: tuple[Parameter, ...]) -> Tensor:
    """Tasks [task, parameter] that fill the ranges evenly: a rank-1 lattice, folded at its middle.

    Folding makes any smooth function periodic, so the mean converges with 1/n². Source: Hickernell
    2002 (the baker's transformation); the generator is of Korobov's form with the golden ratio.
    """
    if not parameters:
        return torch.zeros(1, 0, dtype=torch.float64)
    factors, factor = [], 1
    for _ in parameters:
        factors.append(factor)
        factor = factor * 3061 % LATTICE
    nth = torch.arange(LATTICE, dtype=torch.float64)[:, None] + 0.5
    part = torch.frac(nth * torch.tensor(factors, dtype=torch.float64) / LATTICE)
    part = 1 - (2 * part - 1).abs()
    low = torch.tensor([one.low for one in parameters], dtype=torch.float64)
    high = torch.tensor([one.high for one in parameters], dtype=torch.float64)
    return low + (high - low) * part
