"""Sine tasks y = A sin(ωx − φ) + noise: how they are drawn.

Amplitude, phase, frequency and x are uniform in the ranges of the settings; a range of zero width
is one value. Source of the family: Finn, Abbeel, Levine 2017, section 5.1, where ω = 1; a frequency
that varies is from Li et al. 2017 (Meta-SGD). Predictions without data are in
:mod:`maml_explorer.core.families.sine_predictors`, those from support points in
:mod:`maml_explorer.core.families.sine_inference`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from maml_explorer.core.families.batch import Points, TaskBatch
from maml_explorer.settings.groups import TaskSettings


def targets(tasks: Tensor, x: Tensor) -> Tensor:
    """Clean targets A sin(ωx − φ): tasks [task, 3], x [task, point, 1] → [task, point, 1]."""
    amplitude, phase, frequency = torch.split(tasks[:, None], 1, 2)
    return torch.sin(frequency * x - phase).mul_(amplitude)


@dataclass(frozen=True)
class SineSampler:
    """Draws task batches; made once per change of the settings, so that a draw is few kernels."""

    low: Tensor
    """[drawn + point]: lower ends of amplitude, phase, frequency where it varies, and every x."""
    width: Tensor
    """[drawn + point]: widths of the same ranges."""
    frequency: float | None
    """The one frequency of all tasks; None where it is drawn."""
    noise: float
    shots: int
    point_count: int
    task_count: int

    def draw(self, generator: torch.Generator) -> TaskBatch:
        """The next batch."""
        return self.draw_block(generator, 1)[0]

    def draw_block(self, generator: torch.Generator, steps: int) -> list[TaskBatch]:
        """The batches of so many outer steps in one go: a small batch costs as much as twenty."""
        dtype, device = self.low.dtype, self.low.device
        size = (steps, self.task_count, len(self.low))
        uniform = torch.rand(size, generator=generator, dtype=dtype, device=device)
        drawn = torch.addcmul(self.low, uniform, self.width)
        x = drawn[..., -self.point_count :]
        amplitude, phase = drawn[..., :1], drawn[..., 1:2]
        # column by column, and no more arrays than needed: what is short or new is slow here
        tasks = drawn.new_empty(steps, self.task_count, 3)
        tasks[..., 0], tasks[..., 1] = drawn[..., 0], drawn[..., 1]
        tasks[..., 2] = drawn[..., 2] if self.frequency is None else self.frequency
        inputs = drawn.new_ones(steps, self.task_count, self.point_count, 2)
        inputs[..., 0] = x
        turned = x if self.frequency == 1 else torch.mul(x, tasks[..., 2:])
        y = torch.sub(turned, phase).sin_().mul_(amplitude)
        if self.noise > 0:
            error = torch.randn(y.shape, generator=generator, dtype=dtype, device=device)
            y.add_(error, alpha=self.noise)
        parts = zip(tasks.unbind(), inputs.unbind(), y[..., None].unbind(), strict=True)
        return [TaskBatch(*part, self.shots) for part in parts]


def sampler(
    settings: TaskSettings,
    task_count: int,
    shots: int,
    query_points: int,
    dtype: torch.dtype,
    device: torch.device,
) -> SineSampler:
    """A sampler of batches with these sizes."""
    points, varies = shots + query_points, settings.frequency_varies
    ranges = [
        (settings.amplitude_min, settings.amplitude_max),
        (settings.phase_min, settings.phase_max),
        # drawn only where it varies: tasks of one frequency are a stream of their own
        *[(settings.frequency_min, settings.frequency_max)] * varies,
        *[(settings.x_min, settings.x_max)] * points,
    ]
    low = torch.tensor([a for a, _ in ranges], dtype=torch.float64)
    width = torch.tensor([b - a for a, b in ranges], dtype=torch.float64)
    return SineSampler(
        low.to(device, dtype),
        width.to(device, dtype),
        None if varies else settings.frequency_min,
        settings.noise,
        shots,
        points,
        task_count,
    )


def held_out(
    settings: TaskSettings,
    task_count: int,
    shots: int,
    generator: torch.Generator,
    dtype: torch.dtype,
) -> tuple[Tensor, Points]:
    """Held-out tasks [task, 3] and their noisy support sets [task, shot, 1], on the CPU.

    Nested over shots: the first s points are the same for every `shots` ≥ s, because each point is
    drawn for all tasks at once, from streams of its own for x and noise. Nested over frequencies
    too: amplitudes, phases and x are the same whether it varies or not.
    """
    varies = settings.frequency_varies
    seeds = torch.randint(2**31, (3 + varies,), generator=generator).tolist()
    streams = [torch.Generator().manual_seed(seed) for seed in seeds]
    uniform = torch.rand(task_count, 2, generator=streams[0], dtype=torch.float64)
    low = torch.tensor([settings.amplitude_min, settings.phase_min], dtype=torch.float64)
    high = torch.tensor([settings.amplitude_max, settings.phase_max], dtype=torch.float64)
    frequency = torch.full((task_count, 1), settings.frequency_min, dtype=torch.float64)
    if varies:
        width = settings.frequency_max - settings.frequency_min
        frequency += width * torch.rand(task_count, 1, generator=streams[3], dtype=torch.float64)
    tasks = torch.cat([low + (high - low) * uniform, frequency], 1)
    columns = [
        torch.rand(task_count, generator=streams[1], dtype=torch.float64) for _ in range(shots)
    ]
    x = settings.x_min + (settings.x_max - settings.x_min) * torch.stack(columns, 1)[:, :, None]
    y = targets(tasks, x)
    if settings.noise > 0:
        errors = [
            torch.randn(task_count, generator=streams[2], dtype=torch.float64) for _ in range(shots)
        ]
        y = y + settings.noise * torch.stack(errors, 1)[:, :, None]
    return tasks.to(dtype), Points(x.to(dtype), y.to(dtype))


def query_grid(settings: TaskSettings, count: int = 100) -> Tensor:
    """Equally spaced x over the x range [point], float64, both ends included."""
    return torch.linspace(settings.x_min, settings.x_max, count, dtype=torch.float64)
