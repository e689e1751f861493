"""A path of the wrong kind is told what it is; a window without a display is one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from maml_explorer import cli
from maml_explorer.gui.app import run as starting
from maml_explorer.gui.app.options import Options

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kinds") / "r"
    quick = "--outer-steps 2 --hidden 4 --meta-batch 2 --test-tasks 5 --test-steps 1 --quiet"
    assert cli.main(["train", *quick.split(), "--algorithms", "maml", "--out", str(folder)]) == 0
    return folder


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("evaluate {r}", "is no exported initialization: it is a run folder (its initializations"),
        ("evaluate {r}/maml/model.safetensors", "it is a file of an exported initialization"),
        ("export {r}/maml --algorithm maml --out {r}/x", "it is an exported initialization"),
        ("train --out {r}/maml --resume", "it is an exported initialization"),
        ("code --preset {r}", "is a run folder: give {r}/settings.toml"),
        ("train --preset {r}/maml", "is no preset: it is an exported initialization"),
        ("code --preset {r}/metrics.csv", "is no preset: it is a file of a run folder"),
        ("code --preset ~nobody-of-that-name/x", "There is no preset and no file"),
    ],
)
def test_it_is_told_what_it_is(
    command: str, said: str, run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(command.format(r=run_folder).split()) == 2
    error = capsys.readouterr().err
    assert said.format(r=run_folder) in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("what", "opened"),
    [
        ("", "run"), ("metrics.csv", "run"), ("maml", "initialization"),
        ("maml/model.safetensors", "initialization"), ("settings.toml", "preset"),
    ],
)  # fmt: skip
def test_the_window_opens_all_of_them(
    what: str, opened: str, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Options] = []
    monkeypatch.setattr(starting, "run", lambda options: asked.append(options) or 0)
    assert cli.main(["gui", str(run_folder / what)]) == 0
    (options,) = asked
    assert getattr(options, opened) is not None


def test_without_a_display_the_window_is_one_line() -> None:
    kept = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    kept |= {"PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "xcb"}
    done = subprocess.run(
        [sys.executable, "-m", "maml_explorer"], env=kept, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "needs a display" in done.stderr


def test_without_qt_the_window_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(_: Options) -> int:
        raise ImportError("libEGL.so.1: cannot open shared object file", name=None)

    monkeypatch.setattr(starting, "run", missing)
    assert cli.main([]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "libEGL.so.1" in error and "libegl1" in error
