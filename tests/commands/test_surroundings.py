"""A command in surroundings with other locales, streams, folders and warnings.

All commands go through all of them in `make outside`; here it is one that takes little time.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.long.environments import ENVIRONMENTS, judged


@pytest.mark.skipif(os.name == "nt", reason="the redirections are those of a POSIX shell")
@pytest.mark.parametrize("surroundings", ENVIRONMENTS)
def test_a_command_ends_without_a_traceback(surroundings: str, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert judged("presets", surroundings, tmp_path / "run", tmp_path) == ""
