"""The README says what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from maml_explorer.settings.groups import DECLARATIONS
from tools.readme_table import BEGIN, END, README, table, with_table


def test_the_table_has_a_row_for_every_hyperparameter() -> None:
    rows = table().splitlines()[2:]
    assert len(rows) == len(DECLARATIONS)
    for row, (key, declared) in zip(rows, DECLARATIONS.items(), strict=True):
        assert f"(`{key}`)" in row and f"`{declared.flag}`" in row and declared.help in row
        assert row.count("|") == 8


def test_the_table_is_put_between_its_marks() -> None:
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert with_table(text) == f"before\n{BEGIN}\n\n{table()}\n\n{END}\nafter\n"
    assert with_table("no marks") == "no marks"


def test_the_table_of_the_readme_is_current() -> None:
    if not README.exists() or BEGIN not in README.read_text(encoding="utf-8"):
        pytest.skip("the README has no table yet")
    text = README.read_text(encoding="utf-8")
    assert with_table(text) == text, "run tools/readme_table.py"


def test_the_python_example_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not README.exists():
        pytest.skip("there is no README yet")
    examples = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    for example in examples:
        assert len(example.splitlines()) <= 15
        # the example must show the real size; a test must not take minutes
        short = re.sub(r'("outer_steps": )\d+', r"\g<1>3", example)
        exec(compile(short, "README.md", "exec"), {})
