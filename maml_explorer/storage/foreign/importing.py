"""A file of weights as an initialization."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from maml_explorer.core.models.table import network
from maml_explorer.files.opening import is_file
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.foreign.fitting import BEGINS, fitted, has_beside
from maml_explorer.storage.foreign.layers import hidden_of
from maml_explorer.storage.foreign.weights import read_weights
from maml_explorer.storage.initialization.folder import CHANGED, Initialization, load_initialization
from maml_explorer.storage.initialization.origin import one_arm, origin_of


def imported(path: Path, settings: Settings, *, take_sizes: bool = False) -> Initialization:
    """The weights of a file as the initialization of the only arm of these settings.

    Args:
        path: .safetensors, or what `torch.save` wrote of a state_dict.
        settings: of one arm.
        take_sizes: whether the sizes of hidden layers may be those of the file.

    Raises:
        StorageError: where the file is refused.
        SettingsError: one sentence with names and shapes, if a layer does not fit.
    """
    weights = read_weights(path)
    hidden = hidden_of(weights.tensors, settings.ends) if take_sizes else None
    sizes = []
    if hidden is not None and not settings.model_kind.pictures and hidden != settings.model.hidden:
        settings = settings.with_values({"hidden": hidden})
        sizes = [f"its hidden layers {','.join(map(str, hidden))} were taken"]
    theta, notes = fitted(weights, settings, path.name)
    return Initialization(settings, theta, 0, origin=origin_of(path.name, [*sizes, *notes]))


def initialization_at(path: Path, settings: Settings, *, take_sizes: bool) -> Initialization:
    """The initialization at a path: an exported folder or a file of one, or a file of weights.

    Args:
        path: a folder or a file.
        settings: for a file of weights that lies in no export; its first arm is taken.
        take_sizes: as for :func:`imported`.

    Raises:
        StorageError: where it is nothing of that, or is damaged.
        SettingsError: where a layer does not fit.
        OSError: where it cannot be read.
    """
    if is_export(path):
        return load_initialization(path)
    if is_export(path.parent):
        before = load_initialization(path.parent)
        own = path.name in ("model.safetensors", "config.json")
        return before if own else tuned(path, before)
    if path.is_dir():
        return load_initialization(path)  # says what it is instead
    return imported(path, one_arm(settings, None, {}), take_sizes=take_sizes)


def brings_settings(path: Path) -> bool:
    """True for an exported initialization, or a file in one: their settings lie beside them."""
    return is_export(path) or is_export(path.parent)


def is_export(path: Path) -> bool:
    """True where a folder has what an exported initialization has."""
    return is_file(path / "config.json") and not is_file(path / "settings.toml")


def tuned(path: Path, before: Initialization) -> Initialization:
    """The weights of a file that another program made of an exported initialization.

    Where they are those that were exported, bit for bit, all that was measured of them stays.

    Raises:
        StorageError: where the file is refused.
        SettingsError: where a layer does not fit.
    """
    weights = read_weights(path)
    theta, notes = fitted(weights, before.settings, path.name)
    if not has_beside(weights):  # model.pt has θ alone
        count = network(before.settings).parameter_count
        theta = np.concatenate([theta[:count], before.parameters[count:]])
        notes = [note for note in notes if note != BEGINS]
    found = dataclasses.replace(before, parameters=theta)
    if found.parameters.tobytes() == before.parameters.tobytes():
        return before
    said = origin_of(path.name, [f"they were tuned from {before.arm.name}", *notes])
    return dataclasses.replace(
        found, evaluations=(), changed=True, origin=f"{said} {CHANGED[0].upper()}{CHANGED[1:]}"
    )
