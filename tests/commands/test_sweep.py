"""`maml-explorer sweep`."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from maml_explorer.cli import main
from maml_explorer.experiments.sweep import disk
from maml_explorer.storage.sweep.folder import open_sweep

QUICK = ["--hidden", "6", "--meta-batch", "2", "--outer-steps", "10", "--test-tasks", "10"]
VARY = ["--vary", "inner_lr=0.01,0.1", "--seeds", "0,1"]


def run(*arguments: object) -> int:
    return main(["sweep", *map(str, arguments)])


def test_a_sweep_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "s"
    assert run("--out", out, "--workers", 1, *VARY, *QUICK) == 0
    said = capsys.readouterr()
    assert "4 of 4 runs are done" in said.out and "held-out tasks" in said.out
    assert "4 of 4 runs, 0 running" in said.err
    assert json.loads((out / "summary.json").read_text(encoding="utf-8"))["runs"]["done"] == 4
    assert run("--out", out, "--status") == 0
    assert "4 of 4 runs are done" in capsys.readouterr().out
    (out / "report.html").unlink()
    assert run("--out", out, "--report") == 0
    assert (out / "report.html").exists()
    assert run("--out", out, "--extend", "--seeds", "2", "--workers", 1, "--quiet") == 0
    assert "6 of 6 runs are done" in capsys.readouterr().out


def test_a_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--out", tmp_path / "s", "--dry-run", "--workers", 2, *VARY, *QUICK) == 0
    said = capsys.readouterr().out
    assert said.startswith("4 runs of 10 outer steps") and "2 workers" in said
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "A sweep needs an axis"),
        (["--vary", "inner_lr="], "An axis is written KEY=VALUES"),
        (["--vary", "inner_lr=,"], "has 0 values"),
        (["--vary", "inner_lr=1:1:3"], "is empty, from 1 to 1: give inner_lr=1 for one value."),
        (["--vary", "inner_lr=1:2:0"], "allowed are 2 to 1000"),
        (["--vary", "colour=1,2"], "There is no axis"),
        (["--vary", "seed=1,2"], "--seeds gives the seeds"),
        (["--vary", "inner_lr=9:1:3"], "reverse it"),
        (["--vary", "inner_rl=1"], "did you mean inner_lr"),
        (
            ["--vary", "norm=batch,layer", "--search", "best"],
            "grid, random:N and tpe:N",
        ),
        (["--vary", "inner_lr=1:2:3", "--workers", "none"], "--workers takes auto or a number"),
        (["--vary", "inner_lr=1:2:3", "--objective", "mse@99"], "needs 99 inner steps"),
        (["--resume"], "is no sweep folder"),
        (["--resume", "--vary", "inner_lr=1,2"], "leave out --vary"),
    ],
)
def test_bad_arguments_are_told_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert run("--out", tmp_path / "s", *arguments, "--quiet") == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1
    assert not (tmp_path / "s").exists()


def test_more_runs_than_the_disk_holds_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def free(size: int) -> None:
        monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: SimpleNamespace(free=size))

    free(250_000)
    for more in ([], ["--dry-run"]):
        assert run("--out", tmp_path / "s", "--workers", 1, *VARY, *QUICK, *more) == 2
        said = capsys.readouterr()
        assert "4 runs need about 0.28" in said.err and "0.238 MiB free" in said.err
        assert said.err.count("\n") == 1 and not said.out
        assert not (tmp_path / "s").exists()
    free(2**40)
    quiet = ["--out", tmp_path / "s", "--workers", 1, "--quiet"]
    assert run(*VARY, *QUICK, *quiet) == 0
    free(100_000)
    assert run("--resume", *quiet) == 0  # nothing is left to train
    before = (tmp_path / "s" / "sweep.toml").read_bytes()
    capsys.readouterr()
    assert run("--extend", "--seeds", "2,3", *quiet) == 2
    assert "4 runs need about 0.28" in capsys.readouterr().err
    assert (tmp_path / "s" / "sweep.toml").read_bytes() == before
    free(200_000)
    assert run("--extend", "--seeds", "2", *quiet) == 0


def test_the_disk_that_a_run_needs_is_about_what_it_takes(tmp_path: Path) -> None:
    quick = ["--outer-steps", "900", "--meta-batch", "2", "--hidden", "30,30"]
    vary = ["--vary", "inner_lr=0.001", "--algorithms", "maml,anil,meta_sgd"]
    assert run("--out", tmp_path, "--workers", 1, "--quiet", *vary, *quick) == 0
    sweep = open_sweep(tmp_path)
    (trial,) = sweep.trials()
    files = [path for path in sweep.run(trial.name).rglob("*") if path.is_file()]
    taken = sum(-(-path.stat().st_size // 4096) * 4096 for path in files)
    assert taken < disk.run_bytes(trial.settings) < 1.8 * taken


def test_a_folder_that_another_driver_uses_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet = ["--out", tmp_path / "s", "--workers", 1, "--quiet"]
    assert run(*VARY, *QUICK, *quiet) == 0
    held = open_sweep(tmp_path / "s").held()
    files = {p: p.read_bytes() for p in (tmp_path / "s").rglob("*") if p.is_file()}
    capsys.readouterr()
    try:
        assert run("--resume", *quiet) == 2
    finally:
        now = {p: p.read_bytes() for p in (tmp_path / "s").rglob("*") if p.is_file()}
        held.release()
    said = capsys.readouterr().err
    assert "is in use: process" in said and said.count("\n") == 1
    assert now == files
