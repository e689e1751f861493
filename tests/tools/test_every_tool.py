"""The tools of the repository: each can be run, and says by --help or its text what it does."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

TOOLS = sorted(path.stem for path in (Path(__file__).parents[2] / "tools").glob("[a-z]*.py"))


@pytest.mark.parametrize("name", TOOLS)
def test_every_tool_can_be_imported_and_tells_its_use(name: str) -> None:
    module = importlib.import_module(f"tools.{name}")
    assert module.__doc__ and len(module.__doc__) > 20
