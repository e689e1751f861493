"""Who may import whom: rings by one number a folder, and no circle of imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "maml_explorer"
MODULES = sorted(PACKAGE.rglob("*.py"))

RINGS: dict[str, float] = {
    "maml_explorer.version": 0,
    "maml_explorer.late_dataclass": 0,
    "maml_explorer.late_module": 0,
    "maml_explorer.files": 0,
    "maml_explorer.algorithms": 0,
    "maml_explorer.settings": 1,
    "maml_explorer.core": 2,
    "maml_explorer.published": 3,
    "maml_explorer.codegen": 3,
    "maml_explorer.storage": 4,
    "maml_explorer.protocol": 4,
    "maml_explorer.worker": 5,
    **{
        f"maml_explorer.worker.{name}": 5 + number / 10
        for number, names in enumerate(
            [
                ("answers", "bayes_error", "mailbox", "rate", "recorder"),
                ("insight", "meta_test", "slow_motion", "urgent"),
                ("files.begun_from", "files.metrics_file", "files.other_run"),
                ("pin_tests", "run"),
                ("beside_training", "divergence", "files", "kept_runs", "live_answers"),
                ("trainer",),
                ("actions",),
                ("loop",),
                ("handle",),
            ]
        )
        for name in names
    },
    "maml_explorer.gui.style": 6.0,
    "maml_explorer.gui.widgets": 6.0,
    "maml_explorer.gui.session": 6.1,
    "maml_explorer.gui.plots": 6.2,
    "maml_explorer.gui.settings_form": 6.2,
    "maml_explorer.gui.panels": 6.3,
    "maml_explorer.gui.lessons": 6.4,
    "maml_explorer.gui.files": 6.5,
    "maml_explorer.gui.window": 6.6,
    "maml_explorer.gui.app": 6.7,
    "maml_explorer.gui": 6.8,
    "maml_explorer.experiments": 7,
    "maml_explorer.commands": 8,
    "maml_explorer.cli": 9,
    "maml_explorer.__main__": 10,
    "maml_explorer": 7,
}
QT = {"PySide6", "pyqtgraph", "shiboken6"}
TORCH = {"torch", "safetensors"}
CORE_STDLIB = {"copy",
    "__future__", "collections", "contextlib", "dataclasses", "enum", "functools", "hashlib",
    "itertools", "math", "typing",
}  # fmt: skip
TORCH_FREE = [
    "maml_explorer",
    "maml_explorer.cli",
    "maml_explorer.settings.presets",
    "maml_explorer.settings.text",
    "maml_explorer.core.schedules",
    "maml_explorer.experiments.result_tables",
    "maml_explorer.published.verdicts",
    "maml_explorer.files.reader",
    "maml_explorer.files.writer",
    "maml_explorer.storage.run.folder",
    "maml_explorer.storage.initialization.model_card",
    "maml_explorer.storage.report.page",
    "maml_explorer.storage.report.report",
    "maml_explorer.gui",
    "maml_explorer.gui.app.run",
    "maml_explorer.worker",
]


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def ring(module: str) -> float:
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        prefix = ".".join(parts[:length])
        if prefix in RINGS:
            return RINGS[prefix]
    raise AssertionError(f"{module} belongs to no ring")


@cache
def imports(path: Path) -> tuple[tuple[int, str], ...]:
    """(line, module) of every import in a file, wherever it stands."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            assert node.module is not None
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                inner = ROOT.joinpath(*full.split("."))
                is_module = inner.is_dir() or inner.with_suffix(".py").exists()
                yield node.lineno, full if is_module else node.module


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_inwards(path: Path) -> None:
    name = name_of(path)
    for line, module in imports(path):
        if module.split(".")[0] == "maml_explorer" and module != "maml_explorer":
            assert ring(module) <= ring(name), f"{path}:{line} imports {module}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_libraries_stay_in_their_rings(path: Path) -> None:
    name = name_of(path)
    found = {module.split(".")[0]: line for line, module in imports(path)}
    if not name.startswith("maml_explorer.gui"):
        assert not QT & found.keys()
    if name.startswith("maml_explorer.gui") or ring(name) <= 1:
        assert not TORCH & found.keys()
    if name.startswith("maml_explorer.core") and not name.startswith("maml_explorer.core.insight"):
        asks_the_machine = {"os"} if name == "maml_explorer.core.machine_memory" else set()
        if name.startswith("maml_explorer.core.kernels"):  # they open a library
            asks_the_machine = {"os", "ctypes", "pathlib"}
        assert found.keys() <= CORE_STDLIB | asks_the_machine | {"torch", "numpy", "maml_explorer"}


@pytest.mark.parametrize(
    "path", [p for p in MODULES if name_of(p).startswith("maml_explorer.gui")], ids=name_of
)
def test_the_window_knows_the_tables_of_core_only(path: Path) -> None:
    known = (  # all torch-free
        "maml_explorer.algorithms",
        "maml_explorer.core.schedules",
        "maml_explorer.core.families.own.data",  # where the images that it reads are handed over
        "maml_explorer.core.families.own_tasks.opened",
    )
    for line, module in imports(path):
        if module.startswith("maml_explorer.core"):
            assert module.startswith(known), f"{path}:{line}: {module}"


def graph() -> dict[str, set[str]]:
    """Module → modules of the package that it imports, for types only or in a function as well."""
    names = {name_of(path) for path in MODULES}
    return {
        name_of(path): {module for _, module in imports(path) if module in names}
        for path in MODULES
    }


def reachable(edges: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    todo = [start]
    while todo:
        new = edges[todo.pop()] - found
        found |= new
        todo += new
    return found


def circles(edges: dict[str, set[str]]) -> set[frozenset[str]]:
    """The strongly connected components: sets of modules each of which imports all others."""
    reach = {name: reachable(edges, name) for name in edges}
    return {
        frozenset({name, *(other for other in reach[name] if name in reach[other])})
        for name in edges
        if name in reach[name]
    }


def test_circles_are_found() -> None:
    edges = {"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": {"d"}, "e": {"a"}, "f": set[str]()}
    assert circles(edges) == {frozenset("abc"), frozenset("d")}


def test_no_import_goes_in_a_circle() -> None:
    assert [sorted(circle) for circle in circles(graph())] == []


def test_algorithms_do_not_import_each_other() -> None:
    folder = PACKAGE / "algorithms"
    for path in folder.glob("*.py"):
        if path.name != "__init__.py":
            others = {module for _, module in imports(path)} - {"__future__", "dataclasses"}
            assert others <= {"maml_explorer.algorithms.record"}


def test_what_is_imported_without_torch_and_qt() -> None:
    code = (
        "import importlib, sys\n"
        f"for name in {TORCH_FREE!r}:\n"
        "    importlib.import_module(name)\n"
        "heavy = {'torch', 'PySide6', 'pyqtgraph', 'numpy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "from maml_explorer.cli import main\n"
        "for arguments in (['--help'], ['--version'], ['train', '--help'], ['presets']):\n"
        "    assert main(arguments) == 0\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_file_houses_two_things(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= 350, f"{path} has {lines} lines: does it house two things?"
