"""Sine tasks y = A sin(ωx − φ) + noise, and what is known of them before any data.

Amplitude, phase, frequency and x are uniform in the ranges of the settings; a range of zero width
is one value. Source of the family: Finn, Abbeel, Levine 2017, section 5.1, where ω = 1; a frequency
that varies is from Li et al. 2017 (Meta-SGD). The expectations are plain integrals over the uniform
ranges. What support points say of a task is in :mod:`maml_explorer.core.families.sine_inference`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
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
        counts = [len(self.low) - self.point_count, self.point_count]
        parameters, x = torch.split(drawn, counts, -1)
        if self.frequency is None:
            tasks = parameters.contiguous()
        else:
            tasks = drawn.new_full((steps, self.task_count, 3), self.frequency)
            tasks[..., :2] = parameters
        inputs = drawn.new_ones(steps, self.task_count, self.point_count, 2)
        inputs[..., 0] = x
        amplitude, phase, frequency = torch.split(tasks, 1, -1)
        y = torch.sin(frequency * x - phase).mul_(amplitude)
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


# ---------------------------------------------------------------- exact answers


@dataclass(frozen=True)
class SinglePredictor:
    """f*(x) = sinc(hx) · (a sin ωx + b cos ωx): the function with the least expected squared error.

    With sinc u = sin u / u, ω the middle of the frequencies and h half their width: h = 0, and so
    a sinc of 1, where the frequency does not vary.
    """

    sine: float
    cosine: float
    frequency: float = 1.0
    half_width: float = 0.0

    def __call__(self, x: Tensor) -> Tensor:
        """f*(x), any shape."""
        u = self.frequency * x
        return _sinc(self.half_width * x) * (self.sine * torch.sin(u) + self.cosine * torch.cos(u))

    @property
    def formula(self) -> str:
        """For labels, such as "−1.62 cos x", or "−1.62 cos x · sinc(0.2x)"."""
        angle = "x" if self.frequency == 1 else f"{self.frequency:.3g}x"
        terms: list[str] = []
        for factor, name in ((self.sine, f"sin {angle}"), (self.cosine, f"cos {angle}")):
            if abs(factor) < 5e-4:
                continue
            sign = "−" if factor < 0 else ("+" if terms else "")
            gap = " " if terms else ""
            terms.append(f"{gap}{sign}{gap}{abs(factor):.3g} {name}")
        if not terms or not self.half_width:
            return "".join(terms) or "0"
        inner = f"({''.join(terms)})" if len(terms) > 1 else terms[0]
        return f"{inner} · sinc({self.half_width:.3g}x)"


def best_single_predictor(settings: TaskSettings) -> SinglePredictor:
    """f*(x) = E[A] · E[sin(ωx − φ)], what joint training (MTL) converges to.

    E e^{iωx} = sinc(hx) e^{i ω_m x} for ω uniform within h of ω_m, and E e^{−iφ} does not depend on
    x, so E sin(ωx − φ) = sinc(hx) · (E[cos φ] sin ω_m x − E[sin φ] cos ω_m x).
    """
    amplitude = (settings.amplitude_min + settings.amplitude_max) / 2
    mean_cos, mean_sin = _mean_cos_sin(settings.phase_min, settings.phase_max)
    return SinglePredictor(amplitude * mean_cos, -amplitude * mean_sin, *_middle_and_half(settings))


def _middle_and_half(settings: TaskSettings) -> tuple[float, float]:
    """The middle of the frequencies and half their width."""
    low, high = settings.frequency_min, settings.frequency_max
    return (low + high) / 2, (high - low) / 2


def _mean_cos_sin(low: float, high: float) -> tuple[float, float]:
    """(E cos u, E sin u), u uniform in [low, high]; by the midpoint form, exact at zero width."""
    middle, half = (low + high) / 2, (high - low) / 2
    sinc = math.sin(half) / half if half > 1e-8 else 1.0
    return math.cos(middle) * sinc, math.sin(middle) * sinc


def _sinc(u: Tensor) -> Tensor:
    """sin u / u, 1 at 0."""
    return torch.sinc(u / math.pi)


_NODES, _WEIGHTS = (torch.from_numpy(values) for values in np.polynomial.legendre.leggauss(16))


def _mean_over_x(settings: TaskSettings, function: Callable[[Tensor], Tensor]) -> float:
    """E of a function of x that turns no faster than sin² ωx does: Gauss-Legendre, 16 nodes a turn.

    Exact to rounding; one value where the x range has no width.
    """
    width = settings.x_max - settings.x_min
    pieces = 1 + math.ceil(width * settings.frequency_max / math.pi)
    starts = torch.arange(pieces, dtype=torch.float64)
    part = (starts[:, None] + (_NODES + 1) / 2) / pieces
    return float((function(settings.x_min + width * part) @ _WEIGHTS).mean() / 2)


def predict_zero_mse(settings: TaskSettings) -> float:
    """E y² of clean targets: E[A²] · E sin²(ωx − φ)."""
    low, high = settings.amplitude_min, settings.amplitude_max
    mean_square = (low * low + low * high + high * high) / 3
    # E sin²(ωx − φ) = (1 − Re E e^{2i(ωx−φ)}) / 2, and the expectation factors
    cos_p, sin_p = _mean_cos_sin(2 * settings.phase_min, 2 * settings.phase_max)
    middle, half = _middle_and_half(settings)
    turned = _mean_over_x(
        settings,
        lambda x: (
            _sinc(2 * half * x)
            * (cos_p * torch.cos(2 * middle * x) + sin_p * torch.sin(2 * middle * x))
        ),
    )
    return mean_square * (1 - turned) / 2


def best_single_mse(settings: TaskSettings) -> float:
    """Expected squared error of f* on clean targets: E y² − E f*²."""
    best = best_single_predictor(settings)
    square = _mean_over_x(settings, lambda x: best(x).square())
    return max(0.0, predict_zero_mse(settings) - square)
