"""Inference of a sine task from support points: the oracle without noise, the posterior with it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maml_explorer.settings.groups import TaskSettings

SCAN = 64
"""Frequencies looked at per turn of the slowest beat, and in each refinement."""
MOST_SCANNED = 2048
"""Most frequencies of the first look: wider ranges are looked at less finely."""
REFINEMENTS = 5
CELLS = 200
"""Cells of the posterior along amplitude and along phase, at one frequency."""
CELLS_OF_THREE = 48
"""Cells along each of amplitude, phase and frequency, where it varies."""

_RANK = 1e-9
"""Singular values below this part of the largest count as none."""


def determined_by(settings: TaskSettings) -> int:
    """Noise-free points that determine a task: as many as it has unknowns.

    Two are enough for amplitude and phase (A sin(ωx − φ) = a sin ωx + b cos ωx is linear in a and
    b). With a frequency that varies there are three unknowns; three points then leave few answers,
    generically finitely many, and four leave one.
    """
    return 3 if settings.frequency_varies else 2


def oracle(settings: TaskSettings, support_x: Tensor, support_y: Tensor) -> Tensor:
    """(a, b, ω) of the least-squares a sin ωx + b cos ωx through the support points, per task.

    Shapes [task, point, 1] → [task, 3], float64. ω stays in its range; where it varies it is found
    by a scan, refined. Where points do not determine a and b, the smallest such pair.
    """
    if not settings.frequency_varies:
        points = zip(support_x.numpy()[..., 0], support_y.numpy()[..., 0], strict=True)
        found = [(*_pair(settings.frequency_min, *task), settings.frequency_min) for task in points]
        return torch.tensor(found, dtype=torch.float64)
    low = torch.full((len(support_x),), settings.frequency_min, dtype=torch.float64)
    high = torch.full_like(low, settings.frequency_max)
    beat = (settings.frequency_max - settings.frequency_min) * float(
        support_x.max() - support_x.min()
    )
    count = min(MOST_SCANNED, SCAN * (1 + math.ceil(beat / (2 * math.pi))))
    best = _scanned(low, high, count, support_x, support_y)
    for _ in range(REFINEMENTS):
        cell = (high - low) / (count - 1)
        low = torch.maximum(low, best[:, 2] - cell)
        high = torch.minimum(high, best[:, 2] + cell)
        count = SCAN
        best = _scanned(low, high, count, support_x, support_y)
    return best


def _pair(frequency: float, x: NDArray[np.float64], y: NDArray[np.float64]) -> list[float]:
    """(a, b) of one task at one frequency, from its points [point]."""
    angle = frequency * x
    design = np.stack([np.sin(angle), np.cos(angle)], 1)
    # a tenth of the time that a pseudoinverse takes, and a drag waits for it
    pair: list[float] = np.linalg.lstsq(design, y, rcond=_RANK)[0].tolist()
    return pair


def _scanned(low: Tensor, high: Tensor, count: int, support_x: Tensor, support_y: Tensor) -> Tensor:
    """(a, b, ω) [task, 3], the best of so many ω between low and high [task]."""
    part = torch.linspace(0, 1, count, dtype=torch.float64)
    return _least_squares(low[:, None] + (high - low)[:, None] * part, support_x, support_y)


def _least_squares(frequencies: Tensor, support_x: Tensor, support_y: Tensor) -> Tensor:
    """(a, b, ω) [task, 3] of the best of the frequencies [task, frequency]."""
    angle = frequencies[:, :, None] * support_x[:, None, :, 0]
    design = torch.stack([torch.sin(angle), torch.cos(angle)], 3)
    pairs = torch.linalg.pinv(design, rtol=_RANK) @ support_y[:, None]
    residual = (design @ pairs - support_y[:, None]).square().sum((2, 3))
    found = torch.cat([pairs[..., 0], frequencies[:, :, None]], 2)
    return found[torch.arange(len(found)), residual.argmin(1)]


@dataclass(frozen=True)
class Posterior:
    """The Bayes-optimal answer to one support set."""

    mean: Tensor
    """[x]"""
    deviation: Tensor
    """[x]: standard deviation of the clean target."""


Box = tuple[tuple[float, float], ...]
"""(low, high) of amplitude, phase and frequency."""


def bayes_posterior(
    settings: TaskSettings,
    support_x: Tensor,
    support_y: Tensor,
    x: Tensor,
    cells: tuple[int, int, int] | None = None,
) -> Posterior:
    """Posterior mean and deviation of A sin(ωx − φ) under the uniform prior, by a grid.

    Amplitude × phase × frequency is cut into cells with their midpoints, refined once around the
    mass. Noise-free settings are answered with the noise of the grid's own resolution. The cost
    does not grow with the number of support points.

    Args:
        support_x, support_y: [point], float64.
        x: [grid point], float64.
        cells: along amplitude, phase and frequency; :data:`CELLS` or :data:`CELLS_OF_THREE` each
            unless given.
    """
    if cells is None:
        three = settings.frequency_varies
        cells = (CELLS_OF_THREE,) * 3 if three else (CELLS, CELLS, 1)
    box: Box = (
        (settings.amplitude_min, settings.amplitude_max),
        (settings.phase_min, settings.phase_max),
        (settings.frequency_min, settings.frequency_max),
    )
    if settings.noise > 0 and len(support_x):
        box = _posterior_box(box, settings.noise, support_x, support_y, cells)
    amplitude, phase, frequency = _midpoints(box, cells)
    log_weight = _log_likelihood(box, settings.noise, support_x, support_y, cells)
    weight = torch.softmax(log_weight.reshape(-1), 0).view(log_weight.shape)
    # by frequency, moments of the pair (a, b) = A (cos φ, −sin φ) of f = a sin ωx + b cos ωx: the
    # cost grows with the frequencies times the x grid, not with all cells
    turn = torch.stack([torch.cos(phase), -torch.sin(phase)])
    first = torch.einsum("fpa,a,cp->fc", weight, amplitude, turn)
    second = torch.einsum("fpa,a,cp,dp->fcd", weight, amplitude.square(), turn, turn)
    angle = frequency[:, None] * x
    basis = torch.stack([torch.sin(angle), torch.cos(angle)])
    mean = torch.einsum("fc,cfx->x", first, basis)
    square = torch.einsum("fcd,cfx,dfx->x", second, basis, basis)
    # what rounding leaves of a difference of squares is no deviation
    variance = torch.where(square - mean**2 > 1e-14 * square, square - mean**2, 0.0)
    return Posterior(mean, variance.sqrt())


def _midpoints(box: Box, cells: tuple[int, int, int]) -> list[Tensor]:
    return [
        low + (high - low) * (torch.arange(count, dtype=torch.float64) + 0.5) / count
        for (low, high), count in zip(box, cells, strict=True)
    ]


def _log_likelihood(
    box: Box, noise: float, support_x: Tensor, support_y: Tensor, cells: tuple[int, int, int]
) -> Tensor:
    """[frequency, phase, amplitude], up to a constant."""
    amplitude, phase, frequency = _midpoints(box, cells)
    reach = float(support_x.abs().max()) if len(support_x) else 0.0
    largest = max(abs(box[0][0]), abs(box[0][1]))
    steps = [(high - low) / count for (low, high), count in zip(box, cells, strict=True)]
    # noise below the grid's resolution would leave one cell with all the weight
    floor = 0.5 * (steps[0] + largest * (steps[1] + reach * steps[2]))
    sigma = max(noise, floor, 1e-12)
    # −Σ (y − A s)² / 2σ² = (A Σ y s − A² Σ s² / 2) / σ² + constant, s = sin(ωx − φ): the points are
    # summed before there is an axis of amplitudes
    wave = torch.sin((frequency[:, None] * support_x)[:, None] - phase[:, None])
    product = (wave @ support_y / sigma**2)[:, :, None]
    square = (wave.square().sum(2) / (-2 * sigma**2))[:, :, None]
    return torch.addcmul(product * amplitude, square, amplitude.square())


def _posterior_box(
    box: Box, noise: float, support_x: Tensor, support_y: Tensor, cells: tuple[int, int, int]
) -> Box:
    """The smallest box of grid cells that holds all but e⁻²⁰ of the peak, one cell of margin."""
    log_weight = _log_likelihood(box, noise, support_x, support_y, cells)
    kept = log_weight > log_weight.max() - 20
    inside = (kept.any(0).any(0), kept.any(0).any(1), kept.any(2).any(1))
    ranges = []
    for (low, high), count, middles, keep in zip(
        box, cells, _midpoints(box, cells), inside, strict=True
    ):
        margin = 1.5 * (high - low) / count
        mine = middles[keep]
        ranges.append((max(low, float(mine.min()) - margin), min(high, float(mine.max()) + margin)))
    return tuple(ranges)
