"""A run that begins from an exported initialization instead of its seed's."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core.plan import Plan, prepare
from maml_explorer.core.training import RunState, start_run
from maml_explorer.files.reader import StorageError
from maml_explorer.settings.declaration import SettingsError, shown
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.models import MODEL_KINDS
from maml_explorer.settings.network import ModelSettings
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.foreign.importing import brings_settings, initialization_at
from maml_explorer.storage.initialization.folder import CHANGED, Initialization
from maml_explorer.storage.initialization.step_size_tensors import rates_of
from maml_explorer.storage.run.changes import Row, begun_from_row


@dataclass(frozen=True)
class Begun:
    """A run one of whose arms starts from an exported initialization."""

    plan: Plan
    state: RunState
    """At outer step 0."""
    rows: list[Row]
    """Of changes.csv."""
    notes: tuple[str, ...]
    """Sentences: what differs from the run that the initialization is of, and what was kept."""


def begun_from(path: Path, settings: Settings | None = None, *, in_window: bool = True) -> Begun:
    """A run whose arms start from weights that were trained before.

    Of an exported initialization, the arm that has its name gets its θ, and its learned step sizes
    where the arm learns them too; arms of other names begin as the seed says. A file of weights
    alone names no arm: every arm begins from it. Optimizers start fresh, as with every θ_0, and so
    does the count of outer steps.

    Args:
        path: the folder that was exported, or a file of weights.
        settings: of the run; None are the initialization's own, with its arm alone.
        in_window: whether the run is to be shown.

    Raises:
        SettingsError: where it cannot be used, or does not fit the settings.
    """
    try:
        found = initialization_at(path, settings or Settings(), take_sizes=settings is None)
    except StorageError as error:
        raise SettingsError(str(error)) from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    if settings is None:
        # the device it was trained on need not be the one used now
        settings = found.settings.with_values({"device": "auto"})
    if in_window:
        settings.refuse_unshown()
        found.settings.refuse_unshown()
    if settings.model.architecture != found.settings.model.architecture:
        raise SettingsError(
            f"{path.name} has {_layers(found.settings.model)}, the run has "
            f"{_layers(settings.model)}: it cannot begin there."
        )
    if settings.ends != found.settings.ends:
        was, now = found.settings.ends, settings.ends
        raise SettingsError(
            f"{path.name} has {was[0]} inputs and {was[1]} outputs, the run has {now[0]} and "
            f"{now[1]}: it cannot begin there."
        )
    plan = prepare(settings)
    state = start_run(plan)
    named = brings_settings(path)
    name = found.arm.name
    if named and name not in state.arms:
        note = f"No arm is named {name}, as the one in {path.name} is: all begin from the seed."
        return Begun(plan, state, [], (note,))
    arms = dict(state.arms)
    for arm in (name,) if named else arms:
        learned = torch.from_numpy(found.parameters.copy()).to(plan.device, plan.dtype)
        if rates_of(found.settings) != plan.arms[arm].learned:  # only θ fits
            count = plan.model.parameter_count
            learned = torch.cat([learned[:count], arms[arm].initialization[count:]])
        arms[arm] = dataclasses.replace(arms[arm], initialization=learned)
    state = dataclasses.replace(state, arms=arms)
    rows = [begun_from_row(arm, path.name, found.outer_step) for arm in arms
            if arm == name or not named]  # fmt: skip
    notes = _notes(path.name, found, settings) if named else (found.origin,)
    return Begun(plan, state, rows, tuple(notes))


def _notes(folder: str, found: Initialization, settings: Settings) -> Iterator[str]:
    """Differences between the training of an initialization and a run that begins there."""
    if found.changed and CHANGED[1:] not in found.origin:
        yield f"{folder}: {CHANGED}"
    if found.origin:
        yield found.origin
    name = found.arm.name
    arm, was, now = settings.arm(name), found.own_settings, settings.of_arm(settings.arm(name))
    pairs = [
        (DECLARATIONS["activation"].label.lower(), was.model.activation, now.model.activation),
        (DECLARATIONS["precision"].label.lower(), was.run.precision, now.run.precision),
        (
            "algorithm",
            ALGORITHMS[found.arm.algorithm].label,
            ALGORITHMS[arm.algorithm].label,
        ),
    ]
    differing = [pair for pair in pairs if pair[1] != pair[2]]
    if differing:
        trained = " and ".join(f"{what} {before}" for what, before, _ in differing)
        here = " and ".join(after for *_, after in differing)
        yield (
            f"{folder} was trained with the {trained}, and {name} has {here} here: it begins from "
            "those weights all the same."
        )
    if rates_of(found.settings) is not None and not _rates_fit(found, settings):
        yield (
            f"The step sizes that {folder} learned were left out: {name} does not learn the same "
            "ones here."
        )


def _rates_fit(found: Initialization, settings: Settings) -> bool:
    """True where the arm of that name learns the step sizes that the initialization has."""
    one = settings.with_arms((settings.arm(found.arm.name),))
    return rates_of(found.settings) == rates_of(one)


def _layers(model: ModelSettings) -> str:
    """The architecture in words: "the hidden layers 40,40 with skip connections"."""
    norm = "" if model.norm == "none" else f" with normalization {model.norm}"
    if MODEL_KINDS[model.model].pictures:
        end = "" if model.pooling == "none" else f" and their {model.pooling} before the head"
        return f"{model.blocks} blocks of {model.filters} filters{end}{norm}"
    skip = (" and" if norm else " with") + " skip connections" if model.skip else ""
    return f"the hidden layers {shown(model.hidden)}{norm}{skip}"
