"""Variants of a training, trained and tested on the same tasks; which: :mod:`.variants`.

What an arm may have for itself trains side by side; what changes the network is a run of its own
with the same seeds, so the same tasks in the same order. Differences are paired: per held-out task,
then per seed, with Student's t over the seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import torch
from torch import Tensor

from maml_explorer.core.meta_test import final_test, run_to_end, summarize
from maml_explorer.core.paired_difference import paired_difference
from maml_explorer.core.plan import prepare
from maml_explorer.core.student_t import student_t_975
from maml_explorer.experiments.continuing import begun_run, learned_of
from maml_explorer.experiments.outcome import Progress
from maml_explorer.experiments.training import threads_of, train_headless
from maml_explorer.experiments.variants import Trick, Variants
from maml_explorer.settings.declaration import Value
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.settings import MAX_ARMS, Arm, Settings
from maml_explorer.storage.initialization.folder import versions

SCHEMA = 1
RUNS = "runs"
"""Folder in which the runs are kept."""


def runs_of(settings: Settings, variants: Variants) -> list[Settings]:
    """The runs that train every variant once, each with an arm named after its variant."""
    shared: dict[tuple[tuple[str, Value], ...], list[Arm]] = {}
    for name, trick in variants.items():
        changes = trick.changes(settings)
        common = {k: v for k, v in changes.items() if not DECLARATIONS[k].per_arm}
        own = {k: v for k, v in changes.items() if DECLARATIONS[k].per_arm}
        arms = shared.setdefault(tuple(sorted(common.items())), [])
        arms.append(Arm(name, trick.algorithm, tuple(own.items())))
    return [
        settings.with_values(dict(common)).with_arms(tuple(arms[begin : begin + MAX_ARMS]))
        for common, arms in shared.items()
        for begin in range(0, len(arms), MAX_ARMS)
    ]


def run_folders(
    folder: Path, settings: Settings, variants: Variants, seed: int
) -> list[tuple[Path, Settings]]:
    """Folder and settings, with the first seed, of every run of an ablation."""
    runs = enumerate(runs_of(settings, variants))
    return [(_place(folder, nth), run.with_values({"seed": seed})) for nth, run in runs]


def _place(folder: Path, position: int) -> Path:
    return folder / RUNS / f"{position + 1:02d}"


@dataclass(frozen=True)
class _Tested:
    """One variant and seed."""

    errors: Tensor
    """[inner step asked for, task]"""
    outer_step: int
    diverged: str


def ablate(
    settings: Settings,
    variants: Variants,
    seeds: Sequence[int],
    shots: int,
    inner_steps: Sequence[int],
    command: str,
    progress: Callable[[Progress], None] | None = None,
    *,
    folder: Path | None = None,
    resume: bool = False,
) -> dict[str, Any]:
    """The table of the ablation as JSON values.

    Args:
        settings: what is varied; its arms are not used.
        variants: by name, the plain algorithm first.
        seeds: in order.
        shots: support points of the meta-test.
        inner_steps: of the meta-test.
        command: how to make it again.
        progress: called after every outer step, over all runs.
        folder: where every run is kept, in a folder of its own; None keeps nothing.
        resume: whether existing runs may be continued.

    Raises:
        SettingsError: if the device is absent.
        StorageError: if something else is in the folder, or another process writes there.
        OSError: if a file cannot be written.
    """
    runs = [run.with_values({"seed": seeds[0]}) for run in runs_of(settings, variants)]
    found: dict[str, dict[int, _Tested]] = {}
    device = "cpu"
    for position, run in enumerate(runs):
        kept, checkpoint = None, None
        if folder is not None:
            place = _place(folder, position)
            kept, checkpoint = begun_run(place, run, seeds, resume=resume)
        outcome = train_headless(
            run,
            seeds,
            folder=kept,
            checkpoint=checkpoint,
            progress=_over_all(progress, position, len(runs)),
        )
        device = outcome.device
        for seed, arms in learned_of(outcome, kept, seeds).items():
            plan = prepare(run.with_values({"seed": seed}))
            for name, trained in arms.items():
                theta = trained.to(plan.device)
                count = plan.settings.run.test_tasks
                with threads_of(plan), torch.no_grad():
                    work = final_test(plan, name, theta, shots, inner_steps, count)
                    errors = run_to_end(work).errors
                result = outcome.results[seed][name]
                tested = _Tested(errors, result.outer_step, result.diverged)
                found.setdefault(name, {})[seed] = tested
    return {
        "schema": SCHEMA,
        "outer_steps": settings.outer.outer_steps,
        "seeds": list(seeds),
        "shots": shots,
        "inner_steps": list(inner_steps),
        "tasks": settings.run.test_tasks,
        "figure": settings.family.figure,
        "variants": [
            {
                "name": name,
                "algorithm": trick.algorithm,
                "changes": _plain(trick.changes(settings)),
                **_figures(settings, found, trick),
            }
            for name, trick in variants.items()
        ],
        "command": command,
        "device": device,
        "versions": dict(versions()),
    }


def _figures(
    settings: Settings, found: Mapping[str, Mapping[int, _Tested]], trick: Trick
) -> dict[str, Any]:
    """Means over seeds with their intervals, and the paired differences to another variant."""
    tested, other = found[trick.name], found[trick.against]
    records = [summarize(one.errors, settings) for one in tested.values()]
    gaps = [paired_difference(tested[seed].errors, other[seed].errors, settings) for seed in tested]
    fewer: dict[str, Any] = {}
    if trick.fewer:
        base = found[trick.fewer]
        gains = [
            paired_difference(tested[seed].errors, base[seed].errors, settings) for seed in tested
        ]
        fewer = {"fewer": trick.fewer, **_over_seeds("gain", [gain.mean for gain in gains])}
    return {
        **_over_seeds("mean", [record.mean for record in records]),
        **_over_seeds("mean_kept", [record.mean_kept for record in records]),
        **_over_seeds("median", [record.median for record in records]),
        "against": trick.against,
        **_over_seeds("difference", [gap.mean for gap in gaps]),
        **fewer,
        "kept": [sum(gap.kept[k] for gap in gaps) for k in range(len(gaps[0].kept))],
        "diverged": [sum(r.diverged[k] for r in records) for k in range(len(gaps[0].kept))],
        "training_diverged": [
            f"Seed {seed}: {one.diverged}" for seed, one in tested.items() if one.diverged
        ],
    }


def _over_seeds(name: str, rows: Sequence[Sequence[float | None]]) -> dict[str, list[float | None]]:
    """Means over seeds and half-widths of their 95 % intervals; None if a seed has none."""
    means: list[float | None] = []
    halves: list[float | None] = []
    for values in zip(*rows, strict=True):
        known = [value for value in values if value is not None]
        complete = len(known) == len(values)
        means.append(fmean(known) if complete else None)
        several = complete and len(known) > 1
        halves.append(
            student_t_975(len(known) - 1) * stdev(known) / math.sqrt(len(known))
            if several
            else None
        )
    return {name: means, f"{name}_ci95": halves}


def _over_all(
    progress: Callable[[Progress], None] | None, position: int, count: int
) -> Callable[[Progress], None] | None:
    """Progress of one run of several as progress of all."""
    if progress is None:
        return None

    def shown(one: Progress) -> None:
        progress(Progress(one.seed, position * one.total + one.done, count * one.total, one.losses))

    return shown


def _plain(changes: Mapping[str, Value]) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in changes.items()}
