"""Every command line of the pages is one that the program understands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from maml_explorer.cli import _parser
from maml_explorer.commands.arguments import joined_values

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")),
         *sorted(ROOT.glob("resources/*/*.md"))]  # fmt: skip
LINES = [
    pytest.param(shlex.split(line, comments=True)[1:], id=f"{path.stem}: {line[:60]}")
    for path in PAGES
    for block in re.findall(r"```(?:sh|bash)\n(.*?)```", path.read_text("utf-8"), re.DOTALL)
    for line in re.findall(r"^maml-explorer .*", block.replace("\\\n", " "), re.MULTILINE)
]


def understood(words: list[str]) -> bool:
    """True where no word is left over, and none is missing."""
    return _parser().parse_known_args(joined_values(words))[1] == []


def test_there_are_such_lines() -> None:
    assert len(LINES) >= 20
    assert not understood(["train", "--no-such-flag"])


@pytest.mark.parametrize("words", LINES)
def test_the_line_is_understood(words: list[str]) -> None:
    assert understood(words)
