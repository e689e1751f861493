"""A path of the wrong kind is told what it is; a window without a display is one line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from maml_explorer import cli
from maml_explorer.gui.app import run as starting
from maml_explorer.gui.app.options import Options
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.share import to_share
from maml_explorer.storage.initialization.folder import CHANGED

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kinds") / "r"
    quick = "--outer-steps 2 --hidden 4 --meta-batch 2 --test-tasks 5 --test-steps 1 --quiet"
    assert cli.main(["train", *quick.split(), "--algorithms", "maml", "--out", str(folder)]) == 0
    (folder.parent / "empty").touch()
    (folder.parent / "words").write_text("hello")
    (folder.parent / "shared").write_text(to_share(Settings(), {}) + "\n")
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
        (
            "code --preset {r}/../empty",
            "“empty” is no preset and no settings of this program: it is",
        ),
        ("gui {r}/../words", "“words” is no preset and no settings of this program: it has"),
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
        ("../shared", "share"),
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


def test_weights_tuned_elsewhere_are_evaluated_with_a_note(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tuned = tmp_path / "tuned"
    shutil.copytree(run_folder / "maml", tuned)
    weights = tuned / "model.safetensors"
    save_file({k: 3 * v for k, v in load_file(weights).items()}, weights, {"format": "pt"})
    printed = []
    for folder in (run_folder / "maml", tuned):
        assert cli.main(["evaluate", str(folder), "--tasks", "5", "--json"]) == 0
        printed.append(capsys.readouterr())
    assert printed[0].err == ""
    assert printed[1].err == f"maml-explorer evaluate: {tuned}: {CHANGED}\n"
    assert json.loads(printed[0].out)["mean"] != json.loads(printed[1].out)["mean"]


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
