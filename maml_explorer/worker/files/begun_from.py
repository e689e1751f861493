"""A run that begins from an exported initialization instead of its seed's."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch

from maml_explorer.core.plan import Plan, prepare
from maml_explorer.core.training import RunState, start_run
from maml_explorer.files.reader import StorageError
from maml_explorer.settings.declaration import SettingsError, shown
from maml_explorer.settings.groups import ModelSettings
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.initialization.folder import load_initialization
from maml_explorer.storage.initialization.step_size_tensors import rates_of
from maml_explorer.storage.run.changes import Row, begun_from_row


def begun_from(path: Path, settings: Settings | None = None) -> tuple[Plan, RunState, list[Row]]:
    """(plan, state at outer step 0, rows of changes.csv) of a run one of whose arms starts there.

    The arm that has the initialization's name gets its θ, and its learned step sizes where the arm
    learns them too; its optimizer starts fresh, as with every θ_0, and so does its count of
    outer steps. Arms of other names begin as the seed says.

    Args:
        path: the folder that was exported.
        settings: of the run; None are the initialization's own, with its arm alone.

    Raises:
        SettingsError: where the folder cannot be used, or does not fit the settings.
    """
    try:
        found = load_initialization(path)
    except StorageError as error:
        raise SettingsError(str(error)) from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    name = found.arm.name
    if settings is None:
        # the device it was trained on need not be the one used now
        settings = found.settings.with_values({"device": "auto"})
    settings.refuse_unshown()
    found.settings.refuse_unshown()
    if settings.model.architecture != found.settings.model.architecture:
        raise SettingsError(
            f"{path.name} has the hidden layers {_layers(found.settings.model)}, the run "
            f"{_layers(settings.model)}: it cannot begin there."
        )
    plan = prepare(settings)
    state = start_run(plan)
    if name not in state.arms:
        return plan, state, []
    learned = torch.from_numpy(found.parameters.copy()).to(plan.device, plan.dtype)
    if rates_of(found.settings) != plan.arms[name].learned:  # only θ fits
        count, begun = plan.model.parameter_count, state.arms[name].initialization
        learned = torch.cat([learned[:count], begun[count:]])
    arm = dataclasses.replace(state.arms[name], initialization=learned)
    state = dataclasses.replace(state, arms={**state.arms, name: arm})
    return plan, state, [begun_from_row(name, path.name, found.outer_step)]


def _layers(model: ModelSettings) -> str:
    """The architecture in words: "40,40 with skip connections"."""
    norm = "" if model.norm == "none" else f" with normalization {model.norm}"
    skip = (" and" if norm else " with") + " skip connections" if model.skip else ""
    return f"{shown(model.hidden)}{norm}{skip}"
