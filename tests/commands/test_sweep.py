"""`maml-explorer sweep`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from maml_explorer.cli import main

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
