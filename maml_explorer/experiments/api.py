"""The interface for scripts and notebooks: train, resume, evaluate, compare."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import nn

from maml_explorer.core.families.own_tasks.opened import refuse_absent_tasks
from maml_explorer.core.families.own_tasks.task import Task
from maml_explorer.core.meta_test import final_test, run_to_end
from maml_explorer.core.paired_difference import paired_difference
from maml_explorer.core.plan import prepare
from maml_explorer.experiments.outcome import Evaluation, Progress
from maml_explorer.experiments.own_tasks import named_tasks
from maml_explorer.experiments.trained.asked import Wanted, asked_seeds, asked_settings
from maml_explorer.experiments.trained.bar import shown_progress
from maml_explorer.experiments.trained.folders import (
    continued,
    load_run,
    open_same_network,
    with_network,
)
from maml_explorer.experiments.trained.run import TrainedRun, trained_run
from maml_explorer.experiments.training import threads_of, train_headless
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.presets import DEFAULT_PRESET
from maml_explorer.storage.initialization.folder import Initialization
from maml_explorer.storage.run.folder import create_run
from maml_explorer.storage.run.records import SHOWN_STEPS, evaluation_record, record_of


def train(
    settings: Wanted = DEFAULT_PRESET,
    *,
    seeds: Iterable[int] | None = None,
    tasks: Task | str | None = None,
    model: nn.Module | Callable[[], nn.Module] | None = None,
    algorithms: str | Iterable[str] | None = None,
    out: str | Path | None = None,
    progress: bool | Callable[[Progress], None] | None = None,
    on_evaluation: Callable[[Evaluation], None] | None = None,
    **values: object,
) -> TrainedRun:
    """Meta-train all arms of the settings, for every seed and the declared number of outer steps.

    If it is interrupted (Ctrl+C, a stopped cell), what was trained until then is returned, and
    with `out` it can be resumed.

    Args:
        settings: settings, a preset or its name, or the path of a settings file or a run folder.
        seeds: such as range(5), trained one after the other; that of the settings unless given.
        tasks: your own, an object with `sample(n, generator)` (see :class:`Task`), the name of
            registered or installed ones, or "module:object"; those of the settings unless given.
            Shots and query points are those of the settings, or fewer if the tasks give fewer.
        model: your own network, or a function that makes it: from [point, in] to [point, out],
            where the pixels of an image are one row (begin with `nn.Unflatten`). Its
            weights are θ_0 for every seed; the module itself is copied and not changed. Only the
            children of an `nn.Sequential` are layers of their own, for algorithms that adapt some
            of them.
        algorithms: an arm for each, such as "maml,fomaml" or ["MAML", "ANIL"]; the arms of the
            settings unless given.
        out: a new run folder; None writes nothing.
        progress: True shows a bar (tqdm's if it is installed); a function is called after every
            outer step, and may raise to end the training.
        on_evaluation: called after every meta-test, in training and at its end, for each arm.
        **values: any setting by its key, such as outer_steps=2000, inner_lr=0.02, hidden=(40, 40).

    Raises:
        SettingsError: naming what is not allowed and what is; also if the device or the tasks are
            missing, or the tasks give what is not allowed.
        StorageError: if the folder holds something, or cannot be written.
        OSError: if the disk fails while training.
    """
    asked = asked_settings(settings, algorithms, values, tasks)
    if model is not None:
        asked = with_network(asked, model)
    if seeds is not None and "seed" in values:
        raise SettingsError("seed and seeds exclude each other: give one of them.")
    several = asked_seeds(seeds, asked)
    asked = asked.with_values({"seed": several[0]})
    prepare(asked)  # refuses an absent device before a folder is made
    refuse_absent_tasks(asked)
    folder = None if out is None else create_run(Path(out), asked)
    with shown_progress(progress) as follow:
        outcome = train_headless(
            asked,
            several,
            folder=folder,
            progress=follow,
            on_evaluation=on_evaluation,
            keep_interrupted=True,
        )
    if folder is not None and not outcome.interrupted:
        folder.write_summary(outcome.summary())
    return trained_run(outcome, None if folder is None else folder.path)


def resume(
    path: str | Path,
    *,
    tasks: Task | str | None = None,
    model: nn.Module | Callable[[], nn.Module] | None = None,
    outer_steps: int | None = None,
    progress: bool | Callable[[Progress], None] | None = None,
    on_evaluation: Callable[[Evaluation], None] | None = None,
) -> TrainedRun:
    """Go on with the run in a folder, bit for bit as if it had never been interrupted.

    Args:
        path: the run folder.
        tasks: the own tasks that it was trained on, if they are not registered.
        model: the own network that it was trained with, if this process does not have it.
        outer_steps: the outer step to train up to, for a run of one seed; default: as declared.
        progress: as for :func:`train`.
        on_evaluation: as for :func:`train`.

    Raises:
        StorageError: if it is no run folder, is damaged, or another process writes it.
        SettingsError: if the number of outer steps is not allowed, or its tasks are absent.
        OSError: if the disk fails.
    """
    if tasks is not None:
        named_tasks(tasks)
    if model is not None:
        open_same_network(Path(path), model)
    folder, settings, checkpoint = continued(Path(path), outer_steps)
    with folder.owned(), shown_progress(progress) as follow:
        outcome = train_headless(
            settings,
            checkpoint.seeds,
            folder=folder,
            checkpoint=checkpoint,
            progress=follow,
            on_evaluation=on_evaluation,
            keep_interrupted=True,
        )
        if not outcome.interrupted:
            folder.write_summary(outcome.summary())
    return load_run(folder.path)


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
        SettingsError: if an argument is out of range or the task families differ.
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
        initialization: an initialization that was trained or loaded.
        shots: support points per task (per class for images). Default: 5 for sines; for images,
            the number used in training.
        inner_steps: the numbers of inner steps to report.
        tasks: held-out tasks, of the family the initialization was trained on.
        seed: the seed of the stream of held-out tasks.
        alone: if true, batch norm normalizes each query point with the support set only, instead of
            with all query points of its task.

    Returns:
        algorithm, shots, tasks, seed, inner_steps, and per inner step mean, ci95, mean_kept,
        median (None if not finite) and diverged.

    Raises:
        SettingsError: if an argument is out of range.
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
