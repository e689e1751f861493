"""Records of a run without a window: where it stands, and what it has trained."""

from __future__ import annotations

import platform
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from maml_explorer.core.training import RunState
from maml_explorer.experiments.result_tables import run_summary
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.initialization.folder import Initialization, versions
from maml_explorer.storage.run.checkpoint import ArmResult

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Progress:
    """Progress of a headless run."""

    seed: int
    done: int
    """Outer steps over all seeds."""
    total: int
    """Outer steps over all seeds when it is finished."""
    losses: Mapping[str, float]
    """Arm name → outer loss of the newest outer step."""


@dataclass(frozen=True)
class Evaluation:
    """Meta-test of one arm, while it trains or at its end."""

    arm: str
    seed: int
    outer_step: int
    shots: int
    inner_steps: tuple[int, ...]
    mean: tuple[float | None, ...]
    """[inner step]: MSE, or accuracy from 0 to 1; None if it is not finite."""
    ci95: tuple[float | None, ...]
    """[inner step]: half-width of the 95 % interval over tasks."""
    final: bool
    """True for the meta-test at the end of a seed."""


def evaluations_of(rows: Iterable[tuple[Any, ...]], final: bool) -> list[Evaluation]:
    """The meta-tests in rows of evaluations.csv, in their order."""
    found = []
    for (step, arm, seed, shots), group in groupby(rows, key=lambda row: row[:4]):
        steps, mean, ci95 = zip(*(row[4:7] for row in group), strict=True)
        found.append(Evaluation(arm, seed, step, shots, steps, mean, ci95, final))
    return found


@dataclass(frozen=True)
class ArmMetrics:
    """Losses of one arm and seed at every outer step."""

    outer_step: NDArray[np.int64]
    """[step]"""
    support_before: Array
    """[step]: inner loss at θ."""
    query_after: Array
    """[step]: outer loss after adaptation."""


@dataclass(frozen=True)
class Outcome:
    """Result of a headless run."""

    settings: Settings
    results: Mapping[int, Mapping[str, ArmResult]]
    """By seed and arm name."""
    initializations: Mapping[int, Mapping[str, Initialization]]
    """By seed and arm name; of the seeds trained now."""
    learned: Mapping[int, Mapping[str, Tensor]]
    """By seed and arm name [parameter]: θ with all that was learned beside it, on the CPU."""
    metrics: Mapping[int, Mapping[str, ArmMetrics]]
    """By seed and arm name; of the outer steps taken now."""
    steps_per_second: float | None
    """Of all arms together; None if no step was left to take."""
    device: str
    states: Mapping[int, RunState] = field(default_factory=dict)
    """By seed, of those trained now: its last state."""
    interrupted: bool = False
    """True if Ctrl+C ended it and what there was is kept; the seed it ended in has no result."""

    def summary(self) -> dict[str, Any]:
        """The results as JSON values, with the command and the machine that made them."""
        found = run_summary(
            self.settings,
            self.results,
            steps_per_second=self.steps_per_second,
            device=self.device,
            versions=versions(),
        )
        command = [Path(sys.argv[0]).name, *sys.argv[1:]]
        return {**found, "command": shlex.join(command), "host": platform.node()}
