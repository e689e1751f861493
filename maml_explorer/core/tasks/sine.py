"""Sine tasks y = A sin(x − φ) + noise, and their exact answers.

Amplitude, phase and x are uniform in the ranges of the settings; a range of zero width is one
value. Source of the family: Finn, Abbeel, Levine 2017, section 5.1. The closed forms are plain
integrals over the uniform ranges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from maml_explorer.core.tasks.batch import Points, TaskBatch
from maml_explorer.settings import TaskSettings

PARAMETER_NAMES = ("amplitude", "phase")


def targets(tasks: Tensor, x: Tensor) -> Tensor:
    """Clean targets A sin(x − φ): tasks [task, 2], x [task, point, 1] → [task, point, 1]."""
    return torch.sin(x - tasks[:, None, 1:2]).mul_(tasks[:, None, 0:1])


@dataclass(frozen=True)
class SineSampler:
    """Draws task batches; made once per change of the settings, so that a draw is few kernels."""

    low: Tensor
    """[2 + point]: lower ends of amplitude, phase and every x."""
    width: Tensor
    """[2 + point]: widths of the same ranges."""
    noise: float
    shots: int
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
        tasks = drawn[..., :2].contiguous()
        inputs = drawn.new_ones(steps, self.task_count, len(self.low) - 2, 2)
        inputs[..., 0] = drawn[..., 2:]
        y = torch.sin(drawn[..., 2:] - drawn[..., 1:2]).mul_(drawn[..., 0:1])
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
    points = shots + query_points
    ranges = [
        (settings.amplitude_min, settings.amplitude_max),
        (settings.phase_min, settings.phase_max),
        *[(settings.x_min, settings.x_max)] * points,
    ]
    low = torch.tensor([a for a, _ in ranges], dtype=torch.float64)
    width = torch.tensor([b - a for a, b in ranges], dtype=torch.float64)
    return SineSampler(
        low.to(device, dtype), width.to(device, dtype), settings.noise, shots, task_count
    )


def held_out(
    settings: TaskSettings,
    task_count: int,
    shots: int,
    generator: torch.Generator,
    dtype: torch.dtype,
) -> tuple[Tensor, Points]:
    """Held-out tasks [task, 2] and their noisy support sets [task, shot, 1], on the CPU.

    Nested over shots: the first s points are the same for every `shots` ≥ s, because each point is
    drawn for all tasks at once, from streams of its own for x and noise.
    """
    seeds = torch.randint(2**31, (3,), generator=generator).tolist()
    streams = [torch.Generator().manual_seed(seed) for seed in seeds]
    uniform = torch.rand(task_count, 2, generator=streams[0], dtype=torch.float64)
    low = torch.tensor([settings.amplitude_min, settings.phase_min], dtype=torch.float64)
    high = torch.tensor([settings.amplitude_max, settings.phase_max], dtype=torch.float64)
    tasks = low + (high - low) * uniform
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
    """f*(x) = a sin x + b cos x: the one function with the least expected squared error."""

    sine: float
    cosine: float

    def __call__(self, x: Tensor) -> Tensor:
        """f*(x), any shape."""
        return self.sine * torch.sin(x) + self.cosine * torch.cos(x)

    @property
    def formula(self) -> str:
        """For labels, such as "−1.62 cos x"."""
        terms: list[str] = []
        for factor, name in ((self.sine, "sin x"), (self.cosine, "cos x")):
            if abs(factor) < 5e-4:
                continue
            sign = "−" if factor < 0 else ("+" if terms else "")
            gap = " " if terms else ""
            terms.append(f"{gap}{sign}{gap}{abs(factor):.3g} {name}")
        return "".join(terms) or "0"


def best_single_predictor(settings: TaskSettings) -> SinglePredictor:
    """f*(x) = E[A] · E_φ[sin(x − φ)], what joint training (MTL) converges to.

    With φ uniform in [φ_min, φ_max], E sin(x − φ) =
    [cos(x − φ_max) − cos(x − φ_min)] / (φ_max − φ_min) = E[cos φ] sin x − E[sin φ] cos x.
    """
    amplitude = (settings.amplitude_min + settings.amplitude_max) / 2
    mean_cos, mean_sin = _mean_cos_sin(settings.phase_min, settings.phase_max)
    return SinglePredictor(amplitude * mean_cos, -amplitude * mean_sin)


def _mean_cos_sin(low: float, high: float) -> tuple[float, float]:
    """(E cos u, E sin u), u uniform in [low, high]; by the midpoint form, exact at zero width."""
    middle, half = (low + high) / 2, (high - low) / 2
    sinc = math.sin(half) / half if half > 1e-8 else 1.0
    return math.cos(middle) * sinc, math.sin(middle) * sinc


def predict_zero_mse(settings: TaskSettings) -> float:
    """E y² of clean targets: E[A²] · E sin²(x − φ)."""
    low, high = settings.amplitude_min, settings.amplitude_max
    mean_square = (low * low + low * high + high * high) / 3
    # E sin²(x − φ) = (1 − Re E e^{2i(x−φ)}) / 2, and the expectation factors over x and φ
    cos_x, sin_x = _mean_cos_sin(2 * settings.x_min, 2 * settings.x_max)
    cos_p, sin_p = _mean_cos_sin(2 * settings.phase_min, 2 * settings.phase_max)
    return mean_square * (1 - (cos_x * cos_p + sin_x * sin_p)) / 2


def best_single_mse(settings: TaskSettings) -> float:
    """Expected squared error of f* on clean targets: E y² − E f*²."""
    best = best_single_predictor(settings)
    cos_x, sin_x = _mean_cos_sin(2 * settings.x_min, 2 * settings.x_max)
    square = (
        best.sine**2 * (1 - cos_x) / 2
        + best.cosine**2 * (1 + cos_x) / 2
        + best.sine * best.cosine * sin_x
    )
    return max(0.0, predict_zero_mse(settings) - square)


def oracle(support_x: Tensor, support_y: Tensor) -> Tensor:
    """(a, b) of the least-squares a sin x + b cos x through the support points, per task.

    Shapes [task, point, 1] → [task, 2]; the smallest such pair where points do not determine it.
    Two generic noise-free points do.
    """
    design = torch.cat([torch.sin(support_x), torch.cos(support_x)], dim=2)
    solution: Tensor = torch.linalg.pinv(design, rtol=1e-9) @ support_y
    return solution[:, :, 0]


@dataclass(frozen=True)
class Posterior:
    """The Bayes-optimal answer to one support set."""

    mean: Tensor
    """[x]"""
    deviation: Tensor
    """[x]: standard deviation of the clean target."""


def bayes_posterior(
    settings: TaskSettings, support_x: Tensor, support_y: Tensor, x: Tensor, cells: int = 200
) -> Posterior:
    """Posterior mean and deviation of A sin(x − φ) under the uniform prior, by a grid.

    Amplitude × phase is cut into cells × cells midpoints, refined once around the mass. Noise-free
    settings are answered with the noise of the grid's own resolution.

    Args:
        support_x, support_y: [point], float64.
        x: [grid point], float64.
    """
    box = (
        (settings.amplitude_min, settings.amplitude_max),
        (settings.phase_min, settings.phase_max),
    )
    if settings.noise > 0 and len(support_x):
        box = _posterior_box(box, settings.noise, support_x, support_y, cells)
    amplitude, phase, log_weight = _log_likelihood(box, settings.noise, support_x, support_y, cells)
    weight = torch.softmax(log_weight, 0)
    # moments of the sufficient pair (A cos φ, A sin φ), so the cost does not grow with the x grid
    pair = torch.stack([amplitude * torch.cos(phase), -amplitude * torch.sin(phase)], 1)
    centre = weight @ pair
    spread = pair - centre
    covariance = spread.T @ (weight[:, None] * spread)
    basis = torch.stack([torch.sin(x), torch.cos(x)], 1)
    variance = ((basis @ covariance) * basis).sum(1).clamp_min(0)
    return Posterior(basis @ centre, variance.sqrt())


Box = tuple[tuple[float, float], tuple[float, float]]


def _log_likelihood(
    box: Box, noise: float, support_x: Tensor, support_y: Tensor, cells: int
) -> tuple[Tensor, Tensor, Tensor]:
    (a0, a1), (p0, p1) = box
    middle = (torch.arange(cells, dtype=torch.float64) + 0.5) / cells
    amplitude, phase = torch.meshgrid(
        a0 + (a1 - a0) * middle, p0 + (p1 - p0) * middle, indexing="ij"
    )
    amplitude, phase = amplitude.reshape(-1), phase.reshape(-1)
    # noise below the grid's resolution would leave one cell with all the weight
    floor = 0.5 * ((a1 - a0) + max(abs(a0), abs(a1)) * (p1 - p0)) / cells
    sigma = max(noise, floor, 1e-12)
    error = support_y[None] - amplitude[:, None] * torch.sin(support_x[None] - phase[:, None])
    return amplitude, phase, -(error * error).sum(1) / (2 * sigma * sigma)


def _posterior_box(box: Box, noise: float, support_x: Tensor, support_y: Tensor, cells: int) -> Box:
    """The smallest box of grid cells that holds all but e⁻²⁰ of the peak, one cell of margin."""
    amplitude, phase, log_weight = _log_likelihood(box, noise, support_x, support_y, cells)
    kept = log_weight > log_weight.max() - 20
    ranges = []
    for (low, high), values in zip(box, (amplitude, phase), strict=True):
        cell = (high - low) / cells
        inside = values[kept]
        ranges.append(
            (
                max(low, float(inside.min()) - 1.5 * cell),
                min(high, float(inside.max()) + 1.5 * cell),
            )
        )
    return ranges[0], ranges[1]
