"""Damaged and hostile files: read exactly, or refused in a sentence; no code of theirs runs."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from maml_explorer.files.reader import StorageError
from maml_explorer.settings.declaration import SettingsError
from tests.storage.hostile import OPENERS, exploits, good_files, mutated, no_code_runs


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one good file of every kind."""
    folder = tmp_path_factory.mktemp("fuzz")
    good_files(folder)
    return folder


@pytest.mark.parametrize("name", OPENERS)
def test_mutated_files_are_read_or_refused(place: Path, name: str) -> None:
    path, opens = place / name, OPENERS[name]
    good = path.read_bytes()
    opens(place)
    dice = random.Random(name)
    refused = 0
    with no_code_runs():
        for _ in range(300):
            path.write_bytes(mutated(good, dice))
            try:
                opens(place)
            except (StorageError, SettingsError) as error:
                refused += 1
                assert "\n" not in str(error) and len(str(error)) < 1000
    path.write_bytes(good)
    opens(place)
    assert refused > 100


@pytest.mark.parametrize("name", OPENERS)
def test_exploits_are_refused(place: Path, name: str) -> None:
    path, opens = place / name, OPENERS[name]
    good = path.read_bytes()
    hostile = exploits()
    opens(place)
    with no_code_runs():
        for kind, data in hostile.items():
            path.write_bytes(data)
            if name == "run/metrics.csv" and kind in ("python", "json", "huge key", "yaml"):
                continue  # a line of text is a table's head, whatever it says
            with pytest.raises((StorageError, SettingsError)):
                opens(place)
    path.write_bytes(good)
    assert not (place.parent / "evil.py").exists()


def test_the_watch_sees_code_that_runs() -> None:
    with pytest.raises(AssertionError), no_code_runs():
        exec("1 + 1")
