"""One arm's outer gradient, or its whole outer step, in one call of the compiled kernels."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from maml_explorer.core.kernels.job import (
    MAX_STEPS,
    NO_UPDATE,
    OPTIMIZERS,
    RATES,
    STEP_TOWARDS,
    Job,
    job_of,
    network_covered,
    products,
)
from maml_explorer.core.kernels.library import TYPES, Kernels
from maml_explorer.core.optimizers import Moments
from maml_explorer.core.outer_gradient import OuterGradient, Shape
from maml_explorer.core.replay.interruption import Look

WIDEST = 256
"""Widest layer: beyond it, what a task needs leaves the cache and torch's products are faster."""
PIECE, MOST = 100_000_000, 250_000_000
"""Multiplications of a call, about 5 milliseconds, and the most that one task may take: a call is
one piece, and a pause waits for it. Between two calls the worker waits for the interpreter's lock
while the window paints, so shorter ones train more slowly."""


def covered(shape: Shape, dtype: torch.dtype, device: torch.device) -> bool:
    """True where the kernels know the shape and are the faster way."""
    return (
        device.type == "cpu"
        and dtype in TYPES
        and network_covered(shape.model)
        and max(shape.model.sizes) <= WIDEST
        and shape.steps <= MAX_STEPS
        and 0 < shape.shots < shape.points
        and products(shape) <= MOST
        and not shape.wide
        and shape.plain
        and (shape.learned is None or shape.learned.kind in RATES)
    )


@dataclass(frozen=True)
class CompiledUpdate:
    """The outer optimizer of an arm."""

    rule: int
    """A number of `job.h`."""
    momentum: float
    clip: float
    """Largest norm of the outer gradient; 0 where there is none."""

    @classmethod
    def of(cls, interpolates: bool, optimizer: str, momentum: float, clip: float) -> CompiledUpdate:
        """Outer update of these settings; interpolation has neither momentum nor clipping."""
        if interpolates:
            return cls(STEP_TOWARDS, 0.0, 0.0)
        return cls(OPTIMIZERS[optimizer], momentum, clip)


class CompiledStep:
    """The outer gradient of one shape, compiled.

    The sum over tasks does not depend on where the batch is cut into calls.
    """

    def __init__(self, kernels: Kernels, shape: Shape, dtype: torch.dtype) -> None:
        self.kind = kernels.kind
        self.shape = shape
        self._call, self._calls = kernels.outer_step[dtype], kernels.outer_steps.get(dtype)
        self._job = job_of(shape)
        self.bytes = kernels.memory_bytes[dtype](ctypes.byref(self._job))
        self._tasks_per_call = max(1, PIECE // max(1, products(shape)))
        most = self._tasks_per_call // shape.tasks
        self.steps_per_call = most if self._calls is not None else min(most, 1)
        """Outer steps that one call may take; 0 where one step takes several calls."""
        self._memory = self._fresh_memory(self._job)
        self._gradient = torch.empty(self._job.parameters + self._job.rate_count, dtype=dtype)
        self._between = self._gradient.new_empty(3, len(self._gradient))
        self._address = ctypes.addressof(self._job)
        self._set: tuple[tuple[Tensor, ...], CompiledUpdate] | None = None
        """Values of a whole outer step that the job holds from step to step."""

    def _fresh_memory(self, job: Job) -> Tensor:
        memory = torch.zeros(self.bytes + 64, dtype=torch.uint8)
        job.memory = (memory.data_ptr() + 63) // 64 * 64
        return memory

    def gradient(
        self,
        theta: Tensor,
        x: Tensor,
        y: Tensor,
        varying: tuple[Tensor, ...],
        look: Look | None = None,
    ) -> OuterGradient:
        """The outer gradient on these tasks, in memory of its own.

        Args:
            varying: α; the largest norm of an inner gradient, where they are clipped; the weights
                of the query losses, where several count.
            look: called between calls, and may raise to drop the work.
        """
        job, self._set = self._job, None
        job.optimizer = NO_UPDATE
        gradient, losses = torch.empty_like(theta), theta.new_empty(2)
        job.gradient, job.losses = gradient.data_ptr(), losses.data_ptr()
        _set_varying(job, varying)
        held = self._bind(job, theta, x, y)
        for begin in self._pieces(job, len(x)):
            if begin and look is not None:
                look()
            self._call(self._address)
        del held
        return OuterGradient(gradient, losses)

    def whole(
        self,
        theta: Tensor,
        moments: Moments,
        x: Tensor,
        y: Tensor,
        varying: tuple[Tensor, ...],
        update: CompiledUpdate,
        step: int,
        outer_rates: Sequence[float],
    ) -> tuple[Tensor, Moments, Tensor]:
        """(θ, moments, losses) after an outer step, or several, in one call.

        Args:
            x: points of the batch; of several steps [step, task, point, …], and so are targets y
                and losses.
            step: the number of the first outer step that is taken, from 1.
            outer_rates: one for each outer step, of which there are at most `steps_per_call`.
        """
        job, count = self._job, len(outer_rates)
        if self._set is None or self._set[0] is not varying or self._set[1] is not update:
            self._set = (varying, update)
            self._settle(job, varying, update)
            job.gradient = self._gradient.data_ptr()
            job.begin, job.end, job.first, job.last = 0, self.shape.tasks, 1, 1
        held = self._bind(job, theta, x, y)
        found = self._results(job, theta, moments, step, outer_rates[0], count)
        if count == 1:
            self._call(self._address)
        else:
            assert self._calls is not None
            rates = (ctypes.c_double * count)(*outer_rates)
            self._calls(self._address, count, rates, self._between.data_ptr())
        del held
        return found

    def pieces(
        self,
        theta: Tensor,
        moments: Moments,
        x: Tensor,
        y: Tensor,
        varying: tuple[Tensor, ...],
        update: CompiledUpdate,
        step: int,
        outer_rate: float,
    ) -> Iterator[tuple[Tensor, Moments, Tensor] | None]:
        """The same call by call: None after each but the last, then the result."""
        job = Job.from_buffer_copy(self._job)  # between calls other work may use the shared one
        memory, gradient = self._fresh_memory(job), torch.empty_like(theta)
        self._settle(job, varying, update)
        held = self._bind(job, theta, x, y)
        found = self._results(job, theta, moments, step, outer_rate)
        job.gradient = gradient.data_ptr()
        address = ctypes.addressof(job)
        for _ in self._pieces(job, len(x)):
            self._call(address)
            if not job.last:
                yield None
        del held, memory, gradient
        yield found

    def _settle(self, job: Job, varying: tuple[Tensor, ...], update: CompiledUpdate) -> None:
        """Sets the outer update, and where the values lie that change seldom."""
        _set_varying(job, varying)
        job.optimizer, job.momentum, job.outer_clip = update.rule, update.momentum, update.clip

    def _results(
        self,
        job: Job,
        theta: Tensor,
        moments: Moments,
        step: int,
        outer_rate: float,
        count: int = 1,
    ) -> tuple[Tensor, Moments, Tensor]:
        """Memory for what comes out; it is written by the last call."""
        size = (2,) if count == 1 else (count, 2)
        new_theta, losses = torch.empty_like(theta), theta.new_empty(size)
        job.step, job.outer_rate = step, outer_rate
        job.new_theta, job.losses = new_theta.data_ptr(), losses.data_ptr()
        if not moments:
            return new_theta, moments, losses
        new_moments = tuple([torch.empty_like(moment) for moment in moments])
        job.moment_1, job.new_moment_1 = moments[0].data_ptr(), new_moments[0].data_ptr()
        if len(moments) > 1:
            job.moment_2, job.new_moment_2 = moments[1].data_ptr(), new_moments[1].data_ptr()
        return new_theta, new_moments, losses

    def _bind(self, job: Job, theta: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        """Sets where the inputs lie; what is returned must live until the last call."""
        if not (x.is_contiguous() and y.is_contiguous() and theta.is_contiguous()):
            theta, x, y = theta.contiguous(), x.contiguous(), y.contiguous()
        job.theta, job.x, job.y = theta.data_ptr(), x.data_ptr(), y.data_ptr()
        return theta, x, y

    def _pieces(self, job: Job, tasks: int) -> Iterator[int]:
        """Sets which tasks the next call does, piece after piece."""
        for begin in range(0, tasks, self._tasks_per_call):
            end = min(tasks, begin + self._tasks_per_call)
            job.begin, job.end, job.first, job.last = begin, end, begin == 0, end == tasks
            yield begin


def _set_varying(job: Job, varying: tuple[Tensor, ...]) -> None:
    job.inner_rate = varying[0].data_ptr()
    if job.clips:
        job.clip = varying[1].data_ptr()
    if job.multi_step:
        job.weights = varying[-1].data_ptr()


def compiled_step(
    kernels: Kernels | None, shape: Shape, dtype: torch.dtype, device: torch.device
) -> CompiledStep | None:
    """The shape by compiled kernels; None where they do not cover it."""
    if kernels is None or not covered(shape, dtype, device):
        return None
    return CompiledStep(kernels, shape, dtype)
