"""The README and the pages of docs/ say what the program does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import maml_explorer
from maml_explorer.settings.groups import DECLARATIONS
from tools.hyperparameters_page import BEGIN, END, PAGE, table, with_table

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("resources/*/*.md")])
LONGEST = {README: 120, ROOT / "docs" / "contributing.md": 60}
WIDEST = 112
"""Page → lines that it may have: a newcomer reads it whole."""


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


def test_the_table_of_the_page_is_current() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert BEGIN in text
    assert with_table(text) == text, "run tools/hyperparameters_page.py"


@pytest.mark.parametrize("page", LONGEST, ids=lambda page: page.name)
def test_the_pages_of_a_newcomer_are_short(page: Path) -> None:
    assert len(page.read_text(encoding="utf-8").splitlines()) <= LONGEST[page]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_named_files_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
    code = ROOT / "maml_explorer"
    for path in re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", text):
        assert any((root / path).exists() for root in (code, ROOT)), f"{page.name} names {path}"


def test_no_line_of_the_readme_is_wider_than_a_terminal() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > WIDEST] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_named_tests_exist(page: Path) -> None:
    """`test_x.py::test_y` and `test_y` are tests; `…` at the end stands for what follows."""
    tests = {path: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py")}
    named = r"`(?:[a-z_]+/)*(?:(test_\w+\.py)(?:::(test_\w+)…?)?|(test_\w{12,}))`"
    for file, function, alone in re.findall(named, page.read_text(encoding="utf-8")):
        found = [text for path, text in tests.items() if not file or path.name == file]
        assert found, f"{page.name} names {file}"
        name = function or alone
        assert any(f"def {name}" in text for text in found), f"{page.name} names {name}"


def test_the_rooms_of_the_architecture_page_are_those_of_the_package() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([a-z_]+)/`", text, re.MULTILINE))
    package = ROOT / "maml_explorer"
    rooms = {path.parent.name for path in package.glob("*/__init__.py")}
    assert named == rooms
    gui = {path.parent.name for path in package.glob("gui/*/__init__.py")}
    assert all(f"`{room}" in text for room in gui), gui


def test_pre_commit_runs_what_make_check_runs() -> None:
    def commands(text: str) -> set[str]:
        found = re.findall(r"(?:-m (?:ruff format --check|ruff check|mypy)|tools/\w+\.py)", text)
        return set(found)

    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    check = makefile.split("\ncheck: ")[1].split("\n\n")[0]
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert commands(check) == commands(hooks) and len(commands(check)) == 4


def test_the_version_is_the_same_everywhere() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {maml_explorer.__version__}\n" in citation
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## {maml_explorer.__version__}\n" in changes
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert "version" in tomllib.load(file)["project"]["dynamic"]
