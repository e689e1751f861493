"""Predictions along the adaptation paths of some tasks, in one call of the compiled kernels."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from maml_explorer.core.kernels.compiled import MOST, WIDEST
from maml_explorer.core.kernels.job import (
    MAX_STEPS,
    RATES,
    RULES,
    job_of_network,
    network_covered,
)
from maml_explorer.core.kernels.library import TYPES, Kernels
from maml_explorer.core.learned_rates import Learned, LearnedRates
from maml_explorer.core.models.model import Model

Outputs = Callable[[Tensor, Tensor], Tensor | None]
"""(inputs, targets of the support sets) → :func:`compiled_predictions` of one arm."""


@dataclass(frozen=True)
class InnerSteps:
    """Inner steps by which the kernels adapt to tasks."""

    start: int
    """First layer that adapts; the depth of the network where none does."""
    steps: int
    """K."""
    inner_rate: Tensor
    """α, a scalar tensor."""
    clip: Tensor | None
    """Largest norm of an inner gradient."""
    learned: Learned | None
    """The step sizes behind θ."""
    minibatch: int = 0
    """Support points per inner step; 0 for all of them."""


def compiled_predictions(
    kernels: Kernels | None,
    model: Model,
    inner: InnerSteps,
    theta: Tensor,
    x: Tensor,
    y: Tensor,
) -> Tensor | None:
    """Predictions [inner step, task, point, output] by φ_0 … φ_K; None where not covered.

    Args:
        theta: [parameter], and behind it the learned step sizes.
        x: [task, point, in + 1] with its column of ones; the first points are the support set.
        y: [task, support point, output].
    """
    tasks, points, _ = x.shape
    shots = y.shape[1]
    passes = tasks * ((inner.steps + 1) * points + 3 * inner.steps * shots)
    if (
        kernels is None
        or theta.device.type != "cpu"
        or theta.dtype not in TYPES
        or not network_covered(model)
        or max(model.sizes) > WIDEST
        or inner.steps > MAX_STEPS
        or (inner.learned is not None and inner.learned.kind not in RATES)
        or passes * model.parameter_count > MOST
    ):
        return None
    job = job_of_network(model)
    job.rule, job.start, job.steps = RULES["interpolation"], inner.start, inner.steps
    job.minibatch, job.shots, job.points = inner.minibatch, shots, points
    job.end, job.total_tasks = tasks, tasks
    if isinstance(inner.learned, LearnedRates):
        job.rates, job.rate_steps = RATES[inner.learned.kind], inner.learned.steps
        job.rate_count = inner.learned.count(model)
    theta, x, y = theta.contiguous(), x.contiguous(), y.contiguous()
    found = theta.new_empty(inner.steps + 1, tasks, points, y.shape[2])
    job.theta, job.x, job.y = theta.data_ptr(), x.data_ptr(), y.data_ptr()
    job.inner_rate, job.predictions = inner.inner_rate.data_ptr(), found.data_ptr()
    if inner.clip is not None:
        job.clips, job.clip = True, inner.clip.data_ptr()
    size = kernels.memory_bytes[theta.dtype](ctypes.byref(job))
    memory = torch.zeros(size + 64, dtype=torch.uint8)
    job.memory = (memory.data_ptr() + 63) // 64 * 64
    kernels.probe[theta.dtype](ctypes.byref(job))
    return found
