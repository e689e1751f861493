"""The interface for scripts: train settings, evaluate an initialization."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from maml_explorer.core.meta_test import final_test, paired_difference, run_to_end
from maml_explorer.core.plan import prepare
from maml_explorer.experiments.outcome import ArmMetrics, Progress
from maml_explorer.experiments.training import threads_of, train_headless
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.initialization.folder import Initialization
from maml_explorer.storage.run.folder import create_run
from maml_explorer.storage.run.records import SHOWN_STEPS, evaluation_record, record_of


@dataclass(frozen=True)
class TrainedRun(Mapping[str, Initialization]):
    """The initializations a run has trained, by arm name, with their metrics."""

    settings: Settings
    initializations: Mapping[str, Initialization]
    metrics: Mapping[str, ArmMetrics]
    """By arm name: the losses of every outer step."""
    diverged: Mapping[str, str]
    """Arms that were frozen at their last good state, and why."""

    def __getitem__(self, arm_name: str) -> Initialization:
        return self.initializations[arm_name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.initializations)

    def __len__(self) -> int:
        return len(self.initializations)


def train(
    settings: Settings,
    *,
    out: str | Path | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> TrainedRun:
    """Meta-train all arms of the settings, for their seed and number of outer steps.

    Args:
        settings: what to train.
        out: a new run folder; None writes nothing.
        progress: called after every outer step.

    Raises:
        SettingsError: where the device is absent.
        StorageError: where the folder holds something, or cannot be written.
        OSError: where the disk fails while training.
    """
    prepare(settings)  # refuses an absent device before a folder is made
    folder = None if out is None else create_run(Path(out), settings)
    seed = settings.run.seed
    outcome = train_headless(settings, (seed,), folder=folder, progress=progress)
    if folder is not None:
        folder.write_summary(outcome.summary())
    results = outcome.results[seed]
    return TrainedRun(
        settings,
        outcome.initializations[seed],
        outcome.metrics[seed],
        {name: result.diverged for name, result in results.items() if result.diverged},
    )


def compare(
    initializations: Sequence[Initialization],
    shots: int | None = None,
    inner_steps: Sequence[int] = SHOWN_STEPS,
    tasks: int = 600,
    seed: int = 0,
    alone: bool = False,
) -> dict[str, Any]:
    """The meta-tests of several initializations on the same tasks, and their paired differences.

    Arguments as for :func:`evaluate`; all must be of one task family.

    Returns:
        "records", one as :func:`evaluate` returns it for each; "paired", for each but the first its
        error minus that of the one before it: names, mean, ci95 and kept by inner step.

    Raises:
        SettingsError: where an argument is out of range or the task families differ.
    """
    shots = _usual(initializations[0], shots)
    _check(shots, inner_steps)
    if any(not one.settings.same_tasks(initializations[0].settings) for one in initializations):
        raise SettingsError(
            "The initializations are of different task families: only one family can be compared."
        )
    found = []
    for one in initializations:
        plan = prepare(
            one.settings.with_values({"test_tasks": tasks, "seed": seed, "device": "cpu"})
        )
        theta, name = torch.from_numpy(one.parameters.copy()), one.arm.name
        with threads_of(plan):
            result = run_to_end(
                final_test(plan, name, theta, shots, list(inner_steps), tasks, alone)
            )
        record = record_of(plan, name, result, shots, list(inner_steps), tasks, alone)
        found.append((name, record, result.errors.double()))
    paired = []
    for (before, _, base), (name, _, errors) in pairwise(found):
        gap = paired_difference(errors, base, initializations[0].settings)
        paired.append(
            {
                "difference": f"{name} − {before}",
                "mean": list(gap.mean),
                "ci95": list(gap.ci95),
                "kept": list(gap.kept),
            }
        )
    return {"records": [record for _, record, _ in found], "paired": paired}


def evaluate(
    initialization: Initialization,
    shots: int | None = None,
    inner_steps: Sequence[int] = SHOWN_STEPS,
    tasks: int = 600,
    seed: int = 0,
    alone: bool = False,
) -> dict[str, Any]:
    """The meta-test of an initialization, as `maml-explorer evaluate --json` prints it.

    Args:
        initialization: trained or loaded.
        shots: support points per task, for images of each class; unless given 5 for sines, and
            those it was trained with for images.
        inner_steps: the numbers of inner steps to report.
        tasks: held-out tasks, of the family the initialization was trained on.
        seed: of the stream of held-out tasks.
        alone: whether batch norm sees each query point beside the support set alone, instead of all
            query points of a task together.

    Returns:
        algorithm, shots, tasks, seed, inner_steps, and per inner step mean, ci95, mean_kept,
        median (None where not finite) and diverged.

    Raises:
        SettingsError: where an argument is out of range.
    """
    shots = _usual(initialization, shots)
    _check(shots, inner_steps)
    changes = {"test_tasks": tasks, "seed": seed, "device": "cpu"}
    plan = prepare(initialization.settings.with_values(changes))
    theta = torch.from_numpy(initialization.parameters.copy())
    with threads_of(plan):
        return evaluation_record(
            plan,
            initialization.arm.name,
            theta,
            shots=shots,
            inner_steps=list(inner_steps),
            alone=alone,
        )


def _usual(initialization: Initialization, shots: int | None) -> int:
    """The shots asked for, or those of published tables, or those it was trained with."""
    usual = initialization.settings.family.record_shots
    if shots is None:
        return usual[0] if usual else initialization.settings.inner.shots
    return shots


def _check(shots: int, inner_steps: Sequence[int]) -> None:
    DECLARATIONS["shots"].check(shots)
    for steps in inner_steps:
        DECLARATIONS["test_steps"].check(steps)
