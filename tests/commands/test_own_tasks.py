"""Own tasks on the command line: named once, in every command that draws them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from maml_explorer.cli import main
from maml_explorer.core.families.own_tasks import opened as registry
from maml_explorer.storage.initialization.folder import load_initialization

QUICK = ["--outer-steps", "4", "--hidden", "6", "--meta-batch", "3", "--test-tasks", "10"]
WAVES = "tests.own_tasks:made_waves"


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run folder of one arm; its tasks are not registered any more."""
    monkeypatch.setattr(registry, "_OPEN", {})
    folder = tmp_path / "run"
    train = ["train", "--own-tasks", WAVES, "--algorithms", "maml", *QUICK, "--quiet"]
    assert main([*train, "--out", str(folder)]) == 0
    monkeypatch.setattr(registry, "_OPEN", {})
    return folder


def test_train_writes_a_run_that_evaluate_and_export_read(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (trained / "settings.toml").read_text(encoding="utf-8")
    assert 'family = "own"' in text and 'own_tasks = "made_waves:1:1:10:12:' in text
    assert (trained / "adaptation.png").stat().st_size > 5000
    card = (trained / "maml" / "README.md").read_text(encoding="utf-8")
    assert "tasks of “made_waves” (1 input, 1 output, 10 support points, 12 query points)" in card
    capsys.readouterr()
    evaluate = ["evaluate", str(trained / "maml"), "--tasks", "10", "--json"]
    assert main(evaluate) == 2
    said = capsys.readouterr().err
    assert "needs the tasks “made_waves”" in said and said.count("\n") == 1
    assert main([*evaluate, "--own-tasks", WAVES]) == 0
    record = json.loads(capsys.readouterr().out)
    (own,) = load_initialization(trained / "maml").evaluations
    assert record == own and record["shots"] == record["tasks"] == 10
    export = ["export", str(trained), "--algorithm", "maml", "--out", str(tmp_path / "out")]
    assert main([*export, "--own-tasks", WAVES]) == 0
    assert (tmp_path / "out" / "model.safetensors").is_file()


def test_resume_needs_the_tasks(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    resume = ["train", "--resume", "--out", str(trained), "--outer-steps", "6", "--quiet"]
    capsys.readouterr()
    assert main(resume) == 2
    assert "give --own-tasks made_waves" in capsys.readouterr().err
    assert main([*resume, "--own-tasks", WAVES]) == 0
    assert "outer_steps = 6" in (trained / "settings.toml").read_text(encoding="utf-8")


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert main(list(words)) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


def test_what_cannot_be_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "_OPEN", {})
    own = ("--own-tasks", WAVES)
    assert "Own tasks need tasks" in refused(capsys, "train", "--family", "own")
    assert "sets --family own" in refused(capsys, "train", "--family", "line", *own)
    assert "There are no tasks “waves”" in refused(capsys, "train", "--own-tasks", "waves")
    assert "allowed is one of sine, line" in refused(capsys, "train", "--family", "waves")
    assert "shots is 11" in refused(capsys, "train", *own, "--shots", "11")
    said = refused(capsys, "code", *own)
    assert "A script cannot include the tasks “made_waves”" in said
    folder = str(tmp_path / "sweep")
    vary = ("--vary", "inner_lr=0.01,0.1", "--out", folder)
    assert "Own tasks need tasks" in refused(capsys, "sweep", *vary, "--family", "own")
    assert "sets --family own" in refused(capsys, "sweep", *vary, *own, "--family", "line")
    assert not Path(folder).exists()
    assert main(["code", "--forms", *own]) == 0
