"""The parts of a task family. A new family is a file or folder beside these and a line in a table.

Nothing outside this package knows which family it works on: training asks for a sampler, the
meta-test for held-out tasks and the figure from which on a task has failed, the look-out for
divergence for the loss of guessing, tables and plots for references.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from maml_explorer.core.families.batch import HeldOutPart, TaskBatch
from maml_explorer.core.losses import Loss
from maml_explorer.settings.families import Family
from maml_explorer.settings.settings import Settings


class Sampler(Protocol):
    """Draws the batches of training; made once per change of the settings."""

    def draw(self, generator: torch.Generator) -> TaskBatch:
        """The next batch."""
        ...

    def draw_block(self, generator: torch.Generator, steps: int) -> list[TaskBatch]:
        """The batches of so many outer steps in one go."""
        ...


class HeldOut(Protocol):
    """Held-out tasks: drawn at once, so that chunks do not change them, and made up in parts."""

    def part(self, begin: int, end: int) -> HeldOutPart:
        """The tasks begin … end − 1, on the CPU."""
        ...

    def batch(self) -> TaskBatch:
        """All of them, on the CPU, the queries behind the support set."""
        ...


@dataclass(frozen=True)
class Reference:
    """A predictor to compare with, and what it gets exactly."""

    label: str
    """Such as "predict 0", "chance"."""
    loss: float | None
    """Its expected loss on training targets; None where it is not known."""
    figure: float | None
    """Its expected figure at meta-test; None where it is not known."""


@dataclass(frozen=True, eq=False)
class TaskFamily:
    """One family. `settings` are those of a run; generators are CPU's unless said."""

    about: Family
    """The same family as plain data: labels, figure, sizes."""
    loss: Loss
    sampler: Callable[[Settings, torch.dtype, torch.device], Sampler]
    """Of training batches; its generator is on the device."""
    held_out: Callable[[Settings, int, int, str, torch.dtype], HeldOut]
    """(settings, tasks, shots, name of the stream, type): held-out tasks of the run's seed. The
    stream "meta-test" draws what is reported, "validation" what choices may be made on."""
    watched: str
    """The stream that a run may be watched on while it trains."""
    seen: str
    """The stream of tasks that training may have seen, to show beside those of `watched`; empty
    where all tasks are alike."""
    failure_limit: Callable[[Settings], float]
    """The figure above which a held-out task has diverged; one that is not finite always has."""
    guess_loss: Callable[[Settings, Callable[[Tensor], Tensor]], float]
    """(settings, θ_0 as a function from inputs [1, point, in + 1] to outputs [1, point, out]) → the
    larger expected loss of guessing and of θ_0: what counts as usual before anything is learned."""
    references: Callable[[Settings], tuple[Reference, ...]]
    """References to compare with, the worst first."""
