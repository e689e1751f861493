"""The check of closed doors finds each of them, and nothing else."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tools.closed_doors import (
    ATTRIBUTES,
    BUILTINS,
    DECLARED,
    MODULES,
    QUALIFIED,
    ROOT,
    declared,
    opened,
)

PLANTED = [
    *(f"import {name}" for name in MODULES),
    *(f"import {name}.part as other" for name in MODULES),
    *(f"from {name} import something" for name in MODULES),
    *(f"from {p} import {n}" for p, _, n in (name.rpartition(".") for name in MODULES) if p),
    *(f"x = {name}('1')" for name in BUILTINS),
    *(f"run = {name}" for name in BUILTINS),
    *(f"application.{name}()" for name in ATTRIBUTES),
    *(f"{name}('file')" for name in QUALIFIED),
    *(f"from {p} import {n}" for p, _, n in (name.rpartition(".") for name in QUALIFIED)),
    "torch.hub.load('a', 'b')",
    "numpy.load('file', allow_pickle=True)",
    "def f():\n    import pickle",
]
HARMLESS = [
    "import json, torch, pyqtgraph, PySide6.QtCore",
    "from maml_explorer.files import reader",
    "from . import socket",
    "import re\nre.compile('a')",
    "model.eval()",
    "loop.exec()",
    "numpy.load('file', allow_pickle=False)",
    "'pickle eval exec torch.load'",
    "# import pickle",
]


@pytest.mark.parametrize("source", PLANTED)
def test_an_opened_door_is_found(source: str) -> None:
    assert len(list(opened(ast.parse(source)))) >= 1


@pytest.mark.parametrize("source", HARMLESS)
def test_what_is_allowed_is_left_alone(source: str) -> None:
    assert list(opened(ast.parse(source))) == []


def test_the_doors_of_the_design_are_among_them() -> None:
    assert {"pickle", "socket", "PySide6.QtNetwork", "urllib", "http"} <= MODULES.keys()
    assert {"eval", "exec"} <= BUILTINS.keys()
    assert "torch.load" in QUALIFIED and "processEvents" in ATTRIBUTES


def test_a_declared_door_is_open_for_its_file_alone_and_used_there() -> None:
    package = ROOT / "maml_explorer"
    for name, doors in DECLARED.items():
        source = (package / name).read_text(encoding="utf-8")
        used = {found for _, found, _ in opened(ast.parse(source))}
        assert doors and all(reason for reason in doors.values())
        for door in doors:
            assert any(found == door or found.startswith(f"{door}.") for found in used)
            assert declared(package / name, door) and not declared(package / "cli.py", door)
    assert not declared(package / "experiments/processes.py", "torch.distributedly")


def test_the_command_fails_where_one_is_open(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "maml_explorer").mkdir()
    script = tmp_path / "tools" / "closed_doors.py"
    script.write_text((ROOT / "tools" / "closed_doors.py").read_text())
    planted = tmp_path / "maml_explorer" / "a.py"

    def checked(source: str) -> subprocess.CompletedProcess[str]:
        planted.write_text(source)
        return subprocess.run([sys.executable, script], capture_output=True, text=True)

    assert checked("import json\n").returncode == 0
    found = checked("import json\nimport torch\nx = torch.load('x')\n")
    assert found.returncode == 1
    assert found.stderr.startswith("maml_explorer/a.py:3: torch.load: runs code")
    assert "closed_doors.py" in (ROOT / "Makefile").read_text().partition("\ncheck:")[2][:300]
