"""Seeds trained apart: the same bytes as one after the other, interrupted and gone on with."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from maml_explorer.cli import main
from maml_explorer.experiments.sweep.apart import PARTS, SEEDS, ApartRun, begin_apart, train_apart
from maml_explorer.experiments.sweep.engine import InProcess
from maml_explorer.files.reader import StorageError
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.text import to_toml
from maml_explorer.storage.run.folder import SUMMARY

SMALL = ["--hidden", "8", "--meta-batch", "3", "--test-tasks", "10", "--algorithms", "maml,anil"]
CLOCKS = {SUMMARY}


def digests(path: Path) -> dict[str, str]:
    """File → digest, durations left out."""
    return {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.name not in CLOCKS
    }


def train(*arguments: object) -> int:
    return main(["train", *SMALL, *map(str, arguments)])


def without_clock(path: Path) -> dict[str, object]:
    found = json.loads((path / SUMMARY).read_text())
    assert found.pop("steps_per_second") > 0
    return dict(found)


def test_two_workers_train_seeds_to_the_same_folder_as_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask = ("--seeds", "3,1,2", "--outer-steps", 130, "--evaluate-every", 50)
    assert train("--out", tmp_path / "a", *ask, "--quiet") == 0
    alone = capsys.readouterr().out
    assert train("--out", tmp_path / "b", *ask, "--workers", 2) == 0
    together = capsys.readouterr()
    assert together.out == alone
    assert "3 of 3 runs, 0 running, 390 of 390 outer steps" in together.err
    assert digests(tmp_path / "b") == digests(tmp_path / "a")
    assert without_clock(tmp_path / "b") == without_clock(tmp_path / "a")
    assert {p.name for p in (tmp_path / "b").iterdir()} >= {"losses.png", "maml", "anil"}


def test_no_folder_is_left_where_none_was_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ask = ("--seeds", "0,1", "--outer-steps", 20)
    assert train(*ask, "--quiet") == 0
    alone = capsys.readouterr().out
    assert train(*ask, "--workers", 2) == 0
    said = capsys.readouterr()
    assert said.out == alone and "Nothing was saved" in said.err
    assert not list(tmp_path.glob("maml-explorer-*"))


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_training_goes_on_in_any_number_of_workers(
    tmp_path: Path, kind: signal.Signals
) -> None:
    path = tmp_path / "run"
    command = [
        sys.executable, "-m", "maml_explorer", "train", *SMALL, "--seeds", "0,1,2", "--out",
        str(path), "--outer-steps", "3000", "--workers", "2",
    ]  # fmt: skip
    child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert child.stderr is not None
    deadline = time.monotonic() + 120
    while len(list(path.glob(f"{PARTS}/runs/.*.step"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    child.send_signal(kind)
    said = child.communicate()[1]
    assert child.returncode == 1 and f"continue with --out {path} --resume" in said
    assert "Traceback" not in said
    saved = list(path.glob(f"{PARTS}/runs/*/checkpoint.safetensors"))
    assert saved and not (path / "checkpoint.safetensors").exists()
    assert main(["train", "--resume", "--out", str(path), "--quiet"]) == 0
    train("--out", tmp_path / "alone", "--seeds", "0,1,2", "--outer-steps", 3000, "--quiet")
    assert digests(path) == digests(tmp_path / "alone")


def test_parts_that_are_joined_twice_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from maml_explorer.experiments.sweep import apart

    settings = Settings().with_values({"hidden": (6,), "meta_batch": 2, "outer_steps": 10})
    runs = [ApartRun(tmp_path / "run", settings)]
    parts = begin_apart(tmp_path / "run", runs, (0, 1), resume=False)

    def fails(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(apart, "save_checkpoint", fails)
        with pytest.raises(OSError, match="disk full"):
            train_apart(parts, InProcess(None, parts.stop.exists))
    parts = begin_apart(tmp_path / "run", runs, (0, 1), resume=True)
    train_apart(parts, InProcess(None, parts.stop.exists))
    assert not (tmp_path / "run" / PARTS).exists()
    rows = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert len(rows) == 1 + 2 * 10 * len(settings.arms)


def test_other_seeds_and_a_second_beginning_are_refused(tmp_path: Path) -> None:
    runs = [ApartRun(tmp_path / "run", Settings())]
    begin_apart(tmp_path / "run", runs, (0, 1), resume=False)
    with pytest.raises(StorageError, match="holds a run already"):
        begin_apart(tmp_path / "run", runs, (0, 1), resume=False)
    with pytest.raises(StorageError, match="of other seeds"):
        begin_apart(tmp_path / "run", runs, (0, 2), resume=True)
    other = [ApartRun(tmp_path / "run", Settings().with_values({"inner_lr": 0.5}))]
    with pytest.raises(StorageError, match="other settings"):
        begin_apart(tmp_path / "run", other, (0, 1), resume=True)
    (tmp_path / "run" / PARTS / SEEDS).write_text('{"seeds": "all"}')
    assert train("--resume", "--out", tmp_path / "run") == 2


def test_reproduce_and_ablate_give_the_same_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = tmp_path / "tiny.toml"
    small = {"hidden": (6,), "meta_batch": 2, "outer_steps": 4, "test_tasks": 6, "test_steps": 2}
    tiny.write_text(to_toml(Settings().with_values(small)))
    ask = ["--seeds", "0,1", "--json", "--quiet"]
    for command in (
        ["reproduce", str(tiny), *ask],
        ["ablate", "--preset", str(tiny), "--inner-steps", "1", *ask],
    ):
        assert main(command) == 0
        alone = json.loads(capsys.readouterr().out)
        out = tmp_path / command[0]
        assert main([*command, "--workers", "2", "--out", str(out)]) == 0
        assert json.loads(capsys.readouterr().out) == alone
        assert not list(out.rglob(PARTS))
