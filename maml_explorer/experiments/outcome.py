"""Records of a run without a window: where it stands, and what it has trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

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
    """Of all arms together; None where no step was left to take."""
    device: str

    def summary(self) -> dict[str, Any]:
        """The results as JSON values."""
        return run_summary(
            self.settings,
            self.results,
            steps_per_second=self.steps_per_second,
            device=self.device,
            versions=versions(),
        )
