"""Exact predictors of a sine task before any data: 0 and the best single function.

The expectations are plain integrals over the uniform ranges of
:mod:`maml_explorer.core.families.sine`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from maml_explorer.settings.groups import TaskSettings


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
