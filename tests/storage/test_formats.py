"""Every stored format has a number: files of schema 1 open for ever, newer ones are refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from maml_explorer.core.plan import prepare
from maml_explorer.core.training import outer_step, start_run
from maml_explorer.files.reader import StorageError
from maml_explorer.gui.files.autosave_choice import Autosave
from maml_explorer.gui.window.remembered_layout import WindowLayout, read_layout
from maml_explorer.protocol import commands, reports
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.own_presets import own_presets
from maml_explorer.settings.presets import load_preset
from maml_explorer.settings.settings import Arm, Settings
from maml_explorer.settings.share import from_share
from maml_explorer.storage.initialization.folder import load_initialization
from maml_explorer.storage.initialization.tensors import (
    metadata_of,
    read_tensor_bytes,
    tensor_bytes,
)
from maml_explorer.storage.run.checkpoint import load_checkpoint
from maml_explorer.storage.run.folder import CHANGES, CHECKPOINT, METRICS, open_run
from maml_explorer.storage.run.metrics import read_losses
from tests.worker.driving import Driver

SAVED = Path(__file__).parent / "schema-1"
"""Written by the first version. Never write it anew: later versions must go on reading it."""
BEGUN = (
    Settings()
    .with_values(
        {
            "hidden": (3,), "meta_batch": 2, "test_tasks": 4, "test_steps": 2, "noise": 0.1,
            "seed": 7,
        }
    )
    .with_arms((Arm("MAML", "maml"), Arm("hot, 3", "fomaml", (("inner_lr", 0.3),)),
                Arm("Reptile", "reptile")))
)  # fmt: skip
"""With these it was begun; after three of its five outer steps α was changed to .02."""
ENDED = BEGUN.with_values({"inner_lr": 0.02})


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return shutil.copytree(SAVED, tmp_path / "saved")


def test_the_run_of_schema_1_opens_and_goes_on(saved: Path) -> None:
    folder, settings = open_run(saved / "run")
    assert settings == ENDED
    checkpoint = load_checkpoint(folder.path / CHECKPOINT, prepare(settings))
    assert checkpoint.settings == ENDED and checkpoint.seeds == (7,)
    assert checkpoint.state.outer_step == 5 and checkpoint.diverged == {}
    # trained again: rounding may be another on another machine
    state = start_run(prepare(BEGUN))
    for step in range(5):
        state, _ = outer_step(prepare(BEGUN if step < 3 else ENDED), state)
    for name, arm in checkpoint.state.arms.items():
        expected = state.arms[name]
        assert arm.outer_step == 5 and len(arm.moments) == len(expected.moments)
        torch.testing.assert_close(arm.initialization, expected.initialization)
    assert torch.equal(checkpoint.state.generator_state, state.generator_state)
    losses = read_losses(folder.path / METRICS, 7)
    assert list(losses) == ["MAML", "hot, 3", "Reptile"]
    assert losses["MAML"].outer.tolist()[0] == 1.7076282501220703
    driver = Driver(Settings().with_values({"hidden": (3,)}))
    driver.tell(commands.OpenRun(str(saved / "run")))
    driver.train_to(7)
    assert driver.step == 7 and driver.run.settings == ENDED
    assert driver.run.changes[0][1:] == ("inner_lr", "0.01", "0.02")


def test_the_initialization_of_schema_1_opens(saved: Path) -> None:
    found = load_initialization(saved / "initialization")
    checkpoint = load_checkpoint(saved / "run" / CHECKPOINT, prepare(ENDED))
    assert (found.arm, found.outer_step) == (Arm("MAML", "maml"), 5)
    arm = checkpoint.state.arms["MAML"]
    np.testing.assert_array_equal(found.parameters, arm.initialization.numpy())


def test_texts_of_schema_1_open(saved: Path) -> None:
    shared = from_share((saved / "share.txt").read_text())
    assert shared.settings == ENDED
    assert shared.view == {"x": [-1.0, 2.5], "y": [0.5, -0.25], "tab": "tasks"}
    preset = load_preset(saved / "own-mine.toml")
    assert (preset.title, preset.settings) == ("Mine", ENDED)
    assert read_layout(saved / "window.json") == WindowLayout(
        (1, 2, 900, 700), False, {"columns": (1, 2, 3)}, ("Losses",), "tasks", "dark", "large",
        ("/a/run",), True, Autosave(),
    )  # fmt: skip


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def newer_checkpoint(path: Path) -> None:
    expected = {"generator": ((5056,), "U8")}
    for arm in range(3):
        for name in ("initialization", *(f"moment.{n}" for n in range(2 if arm < 2 else 0))):
            expected[f"{arm}.{name}"] = ((10,), "F32")
    data = read_tensor_bytes(path, expected)
    about = json.loads(metadata_of(data, path)["checkpoint"])
    tensors = {"generator": np.zeros(5056, dtype=np.uint8)}
    tensors |= {name: np.zeros(10, dtype=np.float32) for name in list(expected)[1:]}
    path.write_bytes(tensor_bytes(tensors, {"checkpoint": json.dumps({**about, "schema": 999})}))


NEWER: dict[str, tuple[Callable[[Path], object], Callable[[Path], object]]] = {
    "settings of a run": (
        lambda saved: replaced(saved / "run/settings.toml", "schema = 1", "schema = 999"),
        lambda saved: open_run(saved / "run"),
    ),
    "preset": (
        lambda saved: replaced(saved / "own-mine.toml", "schema = 1", "schema = 999"),
        lambda saved: load_preset(saved / "own-mine.toml"),
    ),
    "share string": (
        lambda saved: replaced(saved / "share.txt", "maml1.", "maml999."),
        lambda saved: from_share((saved / "share.txt").read_text()),
    ),
    "initialization": (
        lambda saved: replaced(
            saved / "initialization/config.json", '"schema": 1', '"schema": 999'
        ),
        lambda saved: load_initialization(saved / "initialization"),
    ),
    "checkpoint": (
        lambda saved: newer_checkpoint(saved / "run" / CHECKPOINT),
        lambda saved: load_checkpoint(saved / "run" / CHECKPOINT, prepare(ENDED)),
    ),
    "layout": (
        lambda saved: replaced(saved / "window.json", '"schema": 1', '"schema": 999'),
        lambda saved: read_layout(saved / "window.json"),
    ),
}


@pytest.mark.parametrize("what", NEWER)
def test_a_newer_file_is_refused_in_words(saved: Path, what: str) -> None:
    change, read = NEWER[what]
    read(saved)
    change(saved)
    with pytest.raises((SettingsError, StorageError)) as refused:
        read(saved)
    words = str(refused.value)
    assert "999" in words and "newer version" in words and "allowed is" in words, words
    assert "\n" not in words and words.endswith(".")


def test_newer_presets_of_a_person_are_named_and_the_others_offered(saved: Path) -> None:
    shutil.copy(saved / "own-mine.toml", saved / "own-other.toml")
    replaced(saved / "own-other.toml", "schema = 1", "schema = 999")
    found, refused = own_presets(saved)
    assert list(found) == ["own-mine"]
    assert len(refused) == 1 and "own-other.toml" in refused[0] and "newer version" in refused[0]


def test_a_newer_session_is_kept_where_it_is(saved: Path) -> None:
    """What the autosave left is a run folder: opening it is refused, and nothing is deleted."""
    newer_checkpoint(saved / "run" / CHECKPOINT)
    driver = Driver(Settings().with_values({"hidden": (3,)}))
    driver.outbox.collect()
    driver.tell(commands.OpenRun(str(saved / "run")))
    (refused,) = driver.reports(reports.Refused)
    assert isinstance(refused, reports.Refused) and "newer version" in refused.reason
    assert driver.run.number == 1
    assert (saved / "run" / CHANGES).is_file() and (saved / "run" / CHECKPOINT).is_file()
