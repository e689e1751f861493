"""Wheel and source package: built, installed far from the checkout, used. Nothing is downloaded."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
BACKEND = "from setuptools import build_meta as b; print(b.build_{}({!r}))"
QUICK = ["--outer-steps", "3", "--test-tasks", "10", "--algorithms", "maml", "--quiet"]
WINDOW = """
import sys
from PySide6.QtCore import QTimer
from maml_explorer.gui.app.options import Options
from maml_explorer.gui.app.run import run
from maml_explorer.gui.app.startup import application
from maml_explorer.files.resources import resources
app = application()
lesson = sorted(resources().joinpath("lessons").glob("*.toml"))[0]
def close():
    windows = [w for w in app.topLevelWidgets() if w.isVisible() and hasattr(w, "session")]
    print("window:", len(windows), windows[0].windowTitle())
    for window in windows:
        window.close()
QTimer.singleShot(4000, close)
sys.exit(run(Options(lesson=lesson, safe_mode=True)))
"""
pytestmark = pytest.mark.slow


def called(command: list[Any], folder: Path, **environment: str) -> str:
    """What a command prints; away from the checkout, and without its path."""
    names = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    names |= {"HOME": str(folder), "OMP_NUM_THREADS": "1", **environment}
    done = subprocess.run(
        [*map(str, command)], cwd=folder, env=names, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-1500:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The unpacked source package, and the wheel that was built from it."""
    place = tmp_path_factory.mktemp("package")
    checkout = place / "checkout"
    built_here = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*_cache", "*.library")
    tops = {".git", ".venv", "build", "dist", "runs", "htmlcov"}

    def leave(folder: str, names: list[str]) -> set[str]:
        return built_here(folder, names) | (tops if Path(folder) == ROOT else set())

    shutil.copytree(ROOT, checkout, ignore=leave)
    called([sys.executable, "-c", BACKEND.format("sdist", str(place))], checkout)
    (archive,) = place.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(place / "unpacked", filter="data")
    (source,) = (place / "unpacked").iterdir()
    # without a compiler: the kernels are optional, and another test builds them
    called([sys.executable, "-c", BACKEND.format("wheel", str(place))], source, CC="false")
    (wheel,) = place.glob("*-py3-none-*.whl")
    return {"source": source, "wheel": wheel}


@pytest.fixture(scope="module")
def installed(built: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a fresh environment with the wheel; its libraries are those of this one."""
    place = tmp_path_factory.mktemp("fresh")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place / "env"], check=True)
    scripts = place / "env" / ("Scripts" if os.name == "nt" else "bin")
    library = "Lib" if os.name == "nt" else "lib/python*"
    (packages,) = place.glob(f"env/{library}/site-packages")
    # a line that is a path; the checkout's own line is not read again there
    (packages / "present.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", scripts / "python"]
    offline = ["--no-deps", "--no-index", "--ignore-installed", "--quiet"]
    called([*pip, "install", *offline, built["wheel"]], place)
    code = "import maml_explorer as m; print(m.__file__)"
    where = called([scripts / "python", "-c", code], place)
    assert Path(where.strip()).is_relative_to(packages)
    return scripts


def test_the_wheel_has_code_and_resources_only(built: dict[str, Path]) -> None:
    names = zipfile.ZipFile(built["wheel"]).namelist()
    tops = {name.split("/")[0].split("-")[0] for name in names}
    assert tops == {"maml_explorer"}  # and maml_explorer-….dist-info
    assert any(name.startswith("maml_explorer/resources/lessons/") for name in names)
    (points,) = [name for name in names if name.endswith("entry_points.txt")]
    text = zipfile.ZipFile(built["wheel"]).read(points).decode()
    assert "[gui_scripts]\nmaml-explorer-window = maml_explorer.__main__:main" in text


def test_the_installed_commands_work(installed: Path, tmp_path: Path) -> None:
    command = installed / "maml-explorer"
    called([command, "train", "--out", "run", *QUICK], tmp_path)
    found = json.loads(
        called([command, "evaluate", "run/maml", "--tasks", "10", "--json"], tmp_path)
    )
    assert found["algorithm"] == "maml" and found["tasks"] == 10
    assert "finn-10-shot" in called([command, "presets"], tmp_path)
    assert (tmp_path / "run" / "results.csv").exists()


def test_the_installed_window_opens_a_lesson(installed: Path, tmp_path: Path) -> None:
    pytest.importorskip("PySide6")
    said = called([installed / "python", "-c", WINDOW], tmp_path, QT_QPA_PLATFORM="offscreen")
    assert said.startswith("window: 1 ")


def test_the_source_package_tests_itself(built: dict[str, Path]) -> None:
    source = built["source"]
    some = ["tests/settings/test_readers.py", "tests/test_names.py", "tests/tools"]
    said = called(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *some],
        source,
        PYTHONPATH=str(source),
    )
    assert " passed" in said and "failed" not in said
    for name in ("conftest.py", "reference.py", "gui/screen.json", "core/families"):
        assert (source / "tests" / name).exists()
    for name in (
        "constraints.txt",
        "Makefile",
        "CITATION.cff",
        "docs/notebook.md",
        "tools/set_up.py",
    ):
        assert (source / name).exists()
