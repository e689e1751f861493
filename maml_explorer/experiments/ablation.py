"""Each trick on its own and all together, trained and tested on the same tasks.

Tricks that an arm may have for itself train side by side; what changes the network is a run of its
own with the same seeds, so the same tasks in the same order. Differences are paired: per held-out
task, then per seed, with Student's t over the seeds.
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

from maml_explorer.core.meta_test import final_test, paired_difference, run_to_end, summarize
from maml_explorer.core.plan import prepare
from maml_explorer.core.student_t import student_t_975
from maml_explorer.experiments.continuing import begun_run, learned_of
from maml_explorer.experiments.outcome import Progress
from maml_explorer.experiments.training import threads_of, train_headless
from maml_explorer.settings.declaration import Value
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.settings import MAX_ARMS, Arm, Settings
from maml_explorer.storage.initialization.folder import versions
from maml_explorer.storage.report.ablation_table import PLAIN

SCHEMA = 1
TOGETHER = "all together"
RUNS = "runs"
"""Folder in which the runs are kept."""


@dataclass(frozen=True)
class Trick:
    """One change of the plain algorithm."""

    name: str
    changes: Callable[[Settings], dict[str, Value]]
    """The settings it changes; schedules depend on the number of outer steps."""
    together: bool = True
    """True where it is part of "all together"."""
    algorithm: str = "maml"


SEVERAL = 5
"""Inner steps of the tricks that need several: with one, a multi-step loss changes nothing."""
INNER_CLIP, OUTER_CLIP = 10.0, 1.0
"""Largest norms of gradients where they are clipped: low enough to act on these tasks."""


def _multi_step(settings: Settings) -> dict[str, Value]:
    until = max(1, settings.outer.outer_steps // 2)
    return {"inner_steps": SEVERAL, "multi_step_loss": True, "multi_step_until": until}


TRICKS: tuple[Trick, ...] = (
    Trick(f"{SEVERAL} inner steps", lambda s: {"inner_steps": SEVERAL}),
    Trick(f"{SEVERAL} inner steps, multi-step loss", _multi_step),
    Trick(
        "first order for the first half",
        lambda s: {"second_order_from": max(1, s.outer.outer_steps // 2)},
    ),
    Trick("learned rates per layer (LSLR)", lambda s: {"lslr": True}),
    # in all together the rates are per layer and step
    Trick("Meta-SGD", lambda s: {}, together=False, algorithm="meta_sgd"),
    Trick("cosine schedule", lambda s: {"schedule": "cosine"}),
    Trick(f"inner clipping at {INNER_CLIP:g}", lambda s: {"inner_clip": INNER_CLIP}),
    Trick(f"outer clipping at {OUTER_CLIP:g}", lambda s: {"outer_clip": OUTER_CLIP}),
    Trick("skip connections", lambda s: {"skip": True}),
    Trick("layer norm", lambda s: {"norm": "layer"}),
    # one network has one norm
    Trick("batch norm", lambda s: {"norm": "batch"}, together=False),
)
"""Tricks that are tried, in the order of the table."""


def variants(settings: Settings) -> dict[str, Trick]:
    """Name → trick: the plain algorithm, each trick, and those that go together as one.

    Tricks that change nothing here are left out: skip connections of a network that has none, or a
    norm that is in use anyway.
    """
    tried = [trick for trick in TRICKS if _matters(trick, settings)]
    together: dict[str, Value] = {}
    for trick in tried:
        if trick.together:
            together |= trick.changes(settings)
    every = (Trick(PLAIN, lambda s: {}), *tried, Trick(TOGETHER, lambda s: together))
    return {trick.name: trick for trick in every}


def _matters(trick: Trick, settings: Settings) -> bool:
    changes = trick.changes(settings)
    if not all(map(settings.reads, changes)):
        return False
    changed = any(settings[key] != value for key, value in changes.items())
    return trick.algorithm != "maml" or changed


def runs_of(settings: Settings) -> list[Settings]:
    """The runs that train every variant once, each with an arm named after its variant."""
    shared: dict[tuple[tuple[str, Value], ...], list[Arm]] = {}
    for name, trick in variants(settings).items():
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


def run_folders(folder: Path, settings: Settings, seed: int) -> list[tuple[Path, Settings]]:
    """Folder and settings, with the first seed, of every run of an ablation."""
    runs = enumerate(runs_of(settings))
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
        seeds: in order.
        shots: support points of the meta-test.
        inner_steps: of the meta-test.
        command: how to make it again.
        progress: called after every outer step, over all runs.
        folder: where every run is kept, in a folder of its own; None keeps nothing.
        resume: whether existing runs may be continued.

    Raises:
        SettingsError: where the device is absent.
        StorageError: where something else is in the folder, or another process writes there.
        OSError: where a file cannot be written.
    """
    runs = [run.with_values({"seed": seeds[0]}) for run in runs_of(settings)]
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
                **_figures(settings, found, name),
            }
            for name, trick in variants(settings).items()
        ],
        "command": command,
        "device": device,
        "versions": dict(versions()),
    }


def _figures(
    settings: Settings, found: Mapping[str, Mapping[int, _Tested]], name: str
) -> dict[str, Any]:
    """Means over seeds with their intervals, and the paired differences to the plain algorithm."""
    tested, plain = found[name], found[PLAIN]
    records = [summarize(one.errors, settings) for one in tested.values()]
    gaps = [paired_difference(tested[seed].errors, plain[seed].errors, settings) for seed in tested]
    return {
        **_over_seeds("mean", [record.mean for record in records]),
        **_over_seeds("mean_kept", [record.mean_kept for record in records]),
        **_over_seeds("median", [record.median for record in records]),
        **_over_seeds("difference", [gap.mean for gap in gaps]),
        "kept": [sum(gap.kept[k] for gap in gaps) for k in range(len(gaps[0].kept))],
        "diverged": [sum(r.diverged[k] for r in records) for k in range(len(gaps[0].kept))],
        "training_diverged": [
            f"Seed {seed}: {one.diverged}" for seed, one in tested.items() if one.diverged
        ],
    }


def _over_seeds(name: str, rows: Sequence[Sequence[float | None]]) -> dict[str, list[float | None]]:
    """Means over seeds and half-widths of their 95 % intervals; None where a seed has none."""
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
