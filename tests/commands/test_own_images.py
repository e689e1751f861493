"""`--data DIR`: training, testing, sweeping and code on the user's own images."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from maml_explorer.cli import main
from maml_explorer.core.families.own import data as own_data
from maml_explorer.settings.own_data import DataKey, data_key
from maml_explorer.settings.text import from_toml
from maml_explorer.storage.own_images.file import read_images
from tests.own_images import write_classes

SMALL = ["--outer-steps", "4", "--hidden", "6", "--side", "8", "--shots", "2", "--meta-batch", "2",
         "--test-tasks", "20", "--quiet"]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_classes(tmp_path / "own", 10, 6)
    return tmp_path / "own"


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is open, as in another process."""
    from maml_explorer.commands import data

    monkeypatch.setattr(own_data, "_OPEN", {})
    data._opened.cache_clear()


def key_of(run: Path) -> DataKey:
    key = data_key(from_toml((run / "settings.toml").read_text()).images.data)
    assert key is not None
    return key


def trained(folder: Path, out: Path, *more: str) -> None:
    arguments = ["train", "--data", str(folder), "--algorithms", "maml", "--out", str(out)]
    assert main([*arguments, *SMALL, *more]) == 0


def test_the_data_stands_in_run_card_and_export(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(folder, tmp_path / "run")
    said = capsys.readouterr()
    assert "“own”: 10 classes (6 for training, 2 for validation, 2 for test) of 6" in said.err
    assert "Query accuracy in %" in said.out
    key = key_of(tmp_path / "run")
    assert (key.name, key.classes, key.images) == ("own", 2, 6)
    card = (tmp_path / "run" / "maml" / "README.md").read_text()
    assert f"of the training split of the data “own” (fingerprint {key.fingerprint})" in card
    assert "Omniglot" not in card and "synthetic hands" not in card
    config = json.loads((tmp_path / "run" / "maml" / "config.json").read_text())
    assert key.text in json.dumps(config, ensure_ascii=False)


@pytest.mark.usefixtures("forgotten")
def test_a_run_without_its_data_says_which_it_needs(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trained(folder, tmp_path / "run")
    key = key_of(tmp_path / "run")
    capsys.readouterr()
    monkeypatch.setattr(own_data, "_OPEN", {})
    evaluate = ["evaluate", str(tmp_path / "run" / "maml"), "--tasks", "10", "--inner-steps", "0,1"]
    resume = ["train", "--resume", "--out", str(tmp_path / "run"), "--outer-steps", "6", "--quiet"]
    export = ["export", str(tmp_path / "run"), "--algorithm", "maml", "--out", str(tmp_path / "e")]
    for command in (evaluate, resume, export):
        assert main(command) == 2
        said = capsys.readouterr().err
        assert f"This needs the images “own” (fingerprint {key.fingerprint})" in said
    from maml_explorer.commands import data

    data._opened.cache_clear()
    assert main([*evaluate, "--data", str(folder)]) == 0
    assert main([*resume, "--data", str(folder)]) == 0
    assert main([*export, "--data", str(folder)]) == 0


def test_letters_and_own_images_test_each_others_initializations(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    preset = ["train", "--preset", "glyphs-2-way-4-shot", "--algorithms", "maml", *SMALL]
    assert main([*preset, "--out", str(tmp_path / "run")]) == 0
    capsys.readouterr()
    evaluate = ["evaluate", str(tmp_path / "run" / "maml"), "--tasks", "10", "--inner-steps", "0,1"]
    assert main([*evaluate, "--data", str(folder), "--json"]) == 0
    said = capsys.readouterr()
    assert "MAML was trained on glyphs and is tested on the images of --data." in said.err
    assert json.loads(said.out)["inner_steps"] == [0, 1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--ways", "3"], "Tasks of 3 classes are more than “own” has: its smallest split has 2"),
        (["--shots", "5"], "5 shots and 3 query images are 8 images of a class"),
        (["--preset", "finn-10-shot"], "--data needs a preset of images such as"),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["train", "--data", str(folder), "--shots", "2", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_folder_of_something_else_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("notes")
    for command in (["train"], ["ablate"], ["reproduce", "glyphs-2-way-4-shot"], ["code"]):
        assert main([*command, "--data", str(tmp_path)]) == 2
        said = capsys.readouterr().err
        assert "has no sub-folder with images: needed is one sub-folder for each class" in said
        assert said.count("\n") == 1


def test_reproduce_and_ablate_take_data(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = ["--data", str(folder), "--outer-steps", "2", "--seeds", "0", "--quiet"]
    preset = folder.parent / "small.toml"
    preset.write_text(
        'schema = 1\n[tasks]\nfamily = "glyphs"\n[images]\nside = 8\n[model]\nhidden = [4]\n'
        "[inner]\nshots = 2\nquery_points = 3\n[run]\ntest_tasks = 10\n"
    )
    assert main(["reproduce", str(preset), "--algorithms", "maml", *few]) == 0
    assert "Data:  → own:2:2:6:" in capsys.readouterr().out
    assert main(["ablate", "--preset", str(preset), "--inner-steps", "1", *few]) == 0
    assert "query accuracy in %" in capsys.readouterr().out


def test_a_sweep_keeps_its_images(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "sweep"
    sweep = ["sweep", "--data", str(folder), "--vary", "inner_lr=0.1,0.4", "--workers", "1"]
    assert main([*sweep, "--out", str(out), *SMALL]) == 0
    monkeypatch.setattr(own_data, "_OPEN", {})  # as another process goes on
    runs = sorted((out / "runs").iterdir())
    (runs[0] / "summary.json").unlink()
    assert main(["sweep", "--out", str(out), "--resume", "--workers", "1", "--quiet"]) == 0
    assert (runs[0] / "summary.json").is_file()
    assert "2 of 2 runs are done." in capsys.readouterr().out


def test_code_writes_its_images_and_trains_without_the_program(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [one for one in SMALL if one != "--quiet"]
    file = tmp_path / "images.npz"
    code = ["code", "--data", str(folder), "--images", str(file), "--family", "folder"]
    assert main([*code, *arguments, "--rotations", "true"]) == 0
    (tmp_path / "script.py").write_text(capsys.readouterr().out)
    done = subprocess.run(
        [sys.executable, "-I", "script.py", str(file)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "outer step 4: query loss" in done.stdout
    # the script's images are those that the program trains with
    probe = (
        "import sys; sys.argv = ['script.py', sys.argv[1]]\n"
        "import numpy as np, script\n"
        "found = script.training_images()[0]\n"
        "np.save('found.npy', np.stack([one.numpy() for one in found]))\n"
    )
    subprocess.run([sys.executable, "-c", probe, str(file)], cwd=tmp_path, check=True)
    from maml_explorer.core.families.own.data import scaled

    images = read_images(file)
    mine = np.repeat(images.split == 0, images.counts)
    expected = scaled(images.pixels[mine], 8) / np.float32(255)
    assert np.allclose(np.load(tmp_path / "found.npy").reshape(-1, 8, 8), expected)


def test_images_are_written_of_data_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["code", "--images", str(tmp_path / "images.npz")]) == 2
    assert "give --data DIR too" in capsys.readouterr().err
