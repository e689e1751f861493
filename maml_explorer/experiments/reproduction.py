"""Trains a preset for several seeds, tests it by the protocol, and says whether it reproduces."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from maml_explorer.core.plan import prepare
from maml_explorer.experiments.continuing import learned_of
from maml_explorer.experiments.outcome import Outcome, Progress
from maml_explorer.experiments.training import threads_of, train_headless
from maml_explorer.published.verdicts import wanted_tests
from maml_explorer.settings.presets import Preset
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.storage.initialization.folder import versions
from maml_explorer.storage.report.report import Report, binned
from maml_explorer.storage.run.checkpoint import Checkpoint
from maml_explorer.storage.run.folder import METRICS, RunFolder
from maml_explorer.storage.run.metrics import read_losses
from maml_explorer.storage.run.records import evaluation_record


def settings_to_reproduce(preset: Preset) -> Settings:
    """The preset's settings with the arms that something is published for; all where nothing is."""
    published = {entry.algorithm for entry in preset.published}
    if not published:
        return preset.settings
    arms = [arm for arm in preset.settings.arms if arm.algorithm in published]
    there = {arm.algorithm for arm in arms}
    arms += [default_arm(name) for name in sorted(published - there)]
    return preset.settings.with_arms(tuple(arms))


def reproduce(
    preset: Preset,
    settings: Settings,
    seeds: Sequence[int],
    command: str,
    *,
    folder: RunFolder | None = None,
    checkpoint: Checkpoint | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> tuple[Report, Outcome]:
    """The report on a training of all seeds, and the training's outcome.

    Args:
        preset: whose published figures are compared with.
        settings: to train; what differs from the preset's is said in the report.
        seeds: in order.
        command: how to make the report again.
        folder: the run folder to write; None writes nothing.
        checkpoint: where to go on from, in that folder.
        progress: called after every outer step.

    Raises:
        SettingsError: if the device is absent.
        OSError: if a file cannot be written.
    """
    outcome = train_headless(
        settings, seeds, folder=folder, checkpoint=checkpoint, progress=progress
    )
    wanted = wanted_tests(preset, settings)
    records: dict[int, dict[str, tuple[dict[str, Any], ...]]] = {}
    for seed, arms in learned_of(outcome, folder, seeds).items():
        plan = prepare(settings.with_values({"seed": seed}))
        records[seed] = {}
        for name, tests in wanted.items():
            theta = arms[name].to(plan.device)
            with threads_of(plan), torch.no_grad():
                records[seed][name] = tuple(
                    evaluation_record(plan, name, theta, shots=shots, inner_steps=steps)
                    for shots, steps in tests.items()
                )
    return (
        Report(
            preset=preset,
            settings=settings.with_values({"seed": seeds[0]}),
            records=records,
            outer_steps={
                name: min(arms[name].outer_step for arms in outcome.results.values())
                for name in wanted
            },
            losses=_losses(outcome, folder, seeds[0]),
            notes=frozen_arms(outcome.results),
            command=command,
            device=outcome.device,
            versions=versions(),
        ),
        outcome,
    )


def _losses(
    outcome: Outcome, folder: RunFolder | None, seed: int
) -> dict[str, tuple[list[float], list[float]]]:
    """The binned losses of a seed: of the file where there is one, which has every outer step."""
    if folder is None:
        return {
            name: binned(metrics.outer_step.tolist(), metrics.query_after.tolist())
            for name, metrics in outcome.metrics[seed].items()
        }
    return {
        name: binned(losses.outer_step.tolist(), losses.outer.tolist())
        for name, losses in read_losses(folder.path / METRICS, seed).items()
    }


def frozen_arms(results: Mapping[int, Mapping[str, Any]]) -> tuple[str, ...]:
    """A sentence per arm and seed that diverged while training."""
    return tuple(
        f"Seed {seed}: {result.diverged}"
        for seed, arms in results.items()
        for result in arms.values()
        if result.diverged
    )
