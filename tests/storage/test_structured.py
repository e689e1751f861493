"""Files whose form is kept and whose values are others: read, or refused in one sentence."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from maml_explorer.files.reader import StorageError
from maml_explorer.settings.declaration import SettingsError
from tests.storage.hostile import no_code_runs
from tests.storage.structured import STRUCTURED, edited, good_files_of_all


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one good file of every kind."""
    folder = tmp_path_factory.mktemp("structured")
    good_files_of_all(folder)
    return folder


@pytest.mark.parametrize("name", STRUCTURED)
def test_edited_files_are_read_or_refused(place: Path, name: str) -> None:
    path, opens = place / name, STRUCTURED[name]
    good = path.read_bytes()
    opens(place)
    dice = random.Random(name)
    refused = 0
    with no_code_runs():
        for _ in range(340):
            path.write_bytes(edited(name, good, dice))
            try:
                found = opens(place)
            except (StorageError, SettingsError) as error:
                refused += 1
                assert "\n" not in str(error) and len(str(error)) < 1000
            else:  # the window lists its pins and says which it did not read
                refused += name.startswith("pins/") and bool(found[1])  # type: ignore[index]
    path.write_bytes(good)
    opens(place)
    assert refused > 100
