"""Every way in which settings leave the program and come back: for suite and long script."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import seed as of_seed
from hypothesis import settings as effort

from maml_explorer.commands.arguments import add_hyperparameters, given_hyperparameters
from maml_explorer.core.plan import prepare
from maml_explorer.core.training import start_arm, start_run
from maml_explorer.settings.declaration import SettingsError, Value
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.presets import Preset, load_preset, preset_toml
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.share import from_share, to_share
from maml_explorer.settings.text import from_toml, to_toml
from maml_explorer.storage.initialization.folder import (
    Initialization,
    load_initialization,
    save_initialization,
)
from maml_explorer.storage.run.changes import (
    change_rows,
    read_changes,
    settings_after,
    settings_before,
)
from maml_explorer.storage.run.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from maml_explorer.storage.run.folder import CHANGES, create_run, open_run
from tests import strategies

Trip = Callable[[Settings, Path], Settings]


def _small(settings: Settings) -> Settings:
    """With a network that is written in no time, on the device that is here."""
    small = {"hidden": (3,), "filters": 2, "device": "cpu", "meta_batch": 2}
    return settings.with_values(small)


def _preset(settings: Settings, place: Path) -> Settings:
    path = place / "preset.toml"
    path.write_text(preset_toml(Preset("mine", "Mine", "drawn", "", settings)))
    return load_preset(path).settings


def _share(settings: Settings, place: Path) -> Settings:
    try:
        return from_share(to_share(settings)).settings
    except SettingsError as error:
        assert "2000" in str(error)  # eight arms with long names do not fit, and are told so
        return settings


def _typed(value: Value) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _flags(settings: Settings, place: Path) -> Settings:
    parser = argparse.ArgumentParser()
    add_hyperparameters(parser)
    typed = [
        f"{declared.flag}={_typed(settings[key])}"
        for key, declared in DECLARATIONS.items()
        if declared.typed
    ]
    found = given_hyperparameters(parser.parse_args(typed))
    found["data"] = settings.images.data  # is given as a folder
    found["own_network"] = settings.model.own_network  # likewise
    found["own_tasks"] = settings.tasks.own_tasks
    return Settings().with_values(found).with_arms(settings.arms)


def _run_folder(settings: Settings, place: Path) -> Settings:
    create_run(place / "run", settings)
    return open_run(place / "run")[1]


def _changes(settings: Settings, place: Path) -> Settings:
    folder = create_run(place / "changed", settings)
    folder.append(CHANGES, change_rows(3, Settings(), settings))
    rows = read_changes(folder.path / CHANGES)
    assert settings_before(settings, rows) == Settings()
    return settings_after(Settings(), rows)


def _checkpoint(settings: Settings, place: Path) -> Settings:
    small = _small(settings)
    plan = prepare(small)
    path = place / "checkpoint.safetensors"
    save_checkpoint(path, Checkpoint(small, start_run(plan), (small.run.seed,)))
    assert load_checkpoint(path, plan).settings == small
    return settings


def _initialization(settings: Settings, place: Path) -> Settings:
    small = _small(settings)
    one = small.with_arms(small.arms[:1])
    # with the step sizes of an arm that learns them
    begun = start_arm(prepare(one), one.arms[0].name).initialization.numpy()
    parameters = np.linspace(-1, 1, len(begun), dtype=begun.dtype)
    save_initialization(place / "arm", Initialization(one, parameters, 3, ()))
    found = load_initialization(place / "arm")
    assert found.settings == one
    np.testing.assert_array_equal(found.parameters, parameters)
    return settings


FORMATS: dict[str, Trip] = {
    "TOML": lambda settings, place: from_toml(to_toml(settings)),
    "share string": _share,
    "preset": _preset,
    "flags": _flags,
    "run folder": _run_folder,
    "changes": _changes,
    "checkpoint": _checkpoint,
    "initialization": _initialization,
}


@contextmanager
def without_waiting_for_the_disk() -> Iterator[None]:
    """What is written is read at once, by this process."""
    fsync = os.fsync
    os.fsync = lambda _: None
    try:
        yield
    finally:
        os.fsync = fsync


def survive_every_format(place: Path, examples: int, seed: int = 0) -> None:
    """Draws so many settings and takes each through all formats, into folders below `place`."""
    count = iter(range(1_000_000_000))

    @of_seed(seed)
    @effort(max_examples=examples, deadline=None, database=None)
    @given(strategies.settings())
    def survive(settings: Settings) -> None:
        here = place / str(next(count))
        here.mkdir()
        for name, trip in FORMATS.items():
            assert trip(settings, here) == settings, name

    with without_waiting_for_the_disk():
        survive()
