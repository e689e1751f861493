"""Run folders opened and continued from a script."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from torch import nn

from maml_explorer.core.families.own_tasks.opened import OwnTasks, refuse_absent_tasks
from maml_explorer.core.families.own_tasks.task import Task
from maml_explorer.core.models.own_network import open_network
from maml_explorer.core.plan import prepare
from maml_explorer.core.training import RunState
from maml_explorer.experiments.continuing import checkpoint_of, gone_on
from maml_explorer.experiments.outcome import ArmMetrics
from maml_explorer.experiments.own_tasks import named_tasks
from maml_explorer.experiments.trained.run import TrainedRun
from maml_explorer.experiments.trained.seed import TrainedSeed
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.own_network import network_key
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.initialization.folder import Initialization, load_initialization
from maml_explorer.storage.run.checkpoint import Checkpoint, load_checkpoint
from maml_explorer.storage.run.folder import (
    CHECKPOINT,
    METRICS,
    RunFolder,
    open_run,
)
from maml_explorer.storage.run.metrics import read_losses


def load_run(
    path: str | Path,
    *,
    tasks: Task | str | None = None,
    model: nn.Module | Callable[[], nn.Module] | None = None,
) -> TrainedRun:
    """Load a run folder as a `TrainedRun`; an unfinished run is loaded as far as it got.

    A run on own tasks opens without them: what was measured is there, and its initializations
    adapt to points. Methods that need the tasks raise an error that names them.

    Args:
        path: a folder that `train`, the command line or the window has written.
        tasks: the own tasks that it was trained on, if they are not registered.
        model: the own network that it was trained with; a run of one opens with it alone.

    Raises:
        StorageError: if it is no run folder, or it is damaged.
        SettingsError: if a setting in it is not allowed.
    """
    folder, settings = open_run(Path(path))
    if tasks is not None:
        refuse_other_tasks(settings, named_tasks(tasks))
    if model is not None:
        open_same_network(folder.path, model)
    plan = prepare(settings.with_values({"device": "auto"}))
    saved = load_checkpoint(folder.path / CHECKPOINT, plan, to_resume=False)
    by_seed = {}
    for seed in saved.seeds:
        if seed in saved.results:
            by_seed[seed] = _finished(folder, settings, saved, seed)
        elif seed == saved.settings.run.seed:
            by_seed[seed] = _in_part(folder, settings, saved)
    settings = settings.with_values({"seed": saved.seeds[0]})
    return TrainedRun(settings, by_seed, folder.path, len(saved.results) < len(saved.seeds))


def with_network(settings: Settings, model: nn.Module | Callable[[], nn.Module]) -> Settings:
    """The settings with the user's own network in the place of theirs.

    Raises:
        SettingsError: naming what is wrong with it, and what is allowed.
    """
    plain = settings.with_values({"own_network": "", "norm": "none", "skip": False})
    return plain.with_values({"own_network": open_network(model, plain).text})


def open_same_network(path: Path, model: nn.Module | Callable[[], nn.Module]) -> None:
    """Opens the own network that a run was trained with.

    Raises:
        SettingsError: if it was trained with another one.
    """
    settings = open_run(path)[1]
    text = settings.model.own_network
    key, given = network_key(text), open_network(model, settings)
    if key is None:
        raise SettingsError("This run was trained with a built-in network: leave out model.")
    if given != key:
        raise SettingsError(
            f"This run was trained with the network {key.words}, not with {given.words}."
        )


def refuse_other_tasks(settings: Settings, tasks: OwnTasks) -> None:
    """Refuses tasks that a run was not trained on.

    Raises:
        SettingsError: naming those that it was trained on.
    """
    key = settings.tasks.own_key
    if key is None or not settings.family.own_tasks:
        raise SettingsError(
            f"This run was trained on {settings.family.label.lower()}, not on the tasks "
            f"{tasks.key.words}."
        )
    refuse_absent_tasks(settings)


def continued(path: Path, outer_steps: int | None) -> tuple[RunFolder, Settings, Checkpoint]:
    """A run folder to go on with, held and cut back to its checkpoint.

    Args:
        path: the folder.
        outer_steps: to train up to; as declared unless given.

    Raises:
        StorageError: if it is no run folder, is damaged, or in use.
        SettingsError: if the number of outer steps is not allowed.
        OSError: if nothing can be written there.
    """
    folder, settings = open_run(path)
    refuse_absent_tasks(settings)
    folder.take()
    saved = checkpoint_of(folder, settings)
    return folder, *gone_on(folder, saved, outer_steps, "outer_steps")


def _finished(folder: RunFolder, settings: Settings, saved: Checkpoint, seed: int) -> TrainedSeed:
    place = seed if len(saved.seeds) > 1 else None
    results = saved.results[seed]
    exported = {
        arm.name: load_initialization(folder.initialization_folder(settings, arm.name, place))
        for arm in settings.arms
    }
    return TrainedSeed(
        {name: dataclasses.replace(one, evaluations=results[name].evaluations)
         for name, one in exported.items()},
        _metrics(folder, seed),
        {name: result.diverged for name, result in results.items() if result.diverged},
    )  # fmt: skip


def _in_part(folder: RunFolder, settings: Settings, saved: Checkpoint) -> TrainedSeed:
    settings = settings.with_values({"seed": saved.settings.run.seed})
    exported = {name: _exported(settings, name, saved.state) for name in saved.state.arms}
    metrics = _metrics(folder, settings.run.seed, saved.state.outer_step)
    return TrainedSeed(exported, metrics, dict(saved.diverged))


def _exported(settings: Settings, name: str, state: RunState) -> Initialization:
    arm = state.arms[name]
    one = settings.with_arms((settings.arm(name),))
    return Initialization(one, arm.initialization.cpu().numpy(), arm.outer_step)


def _metrics(folder: RunFolder, seed: int, last: int | None = None) -> dict[str, ArmMetrics]:
    found = {}
    for name, one in read_losses(folder.path / METRICS, seed).items():
        # a run that was killed may have rows after its checkpoint
        known = one.outer_step <= (one.outer_step.max(initial=0) if last is None else last)
        found[name] = ArmMetrics(one.outer_step[known], one.inner[known], one.outer[known])
    return found
