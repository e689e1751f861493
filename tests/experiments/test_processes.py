"""One run that two processes of torchrun train: bytes, sockets, and a process that is killed."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from maml_explorer.cli import main
from maml_explorer.commands import pictures, together
from maml_explorer.core.plan import prepare
from maml_explorer.core.shards import shards_here
from maml_explorer.experiments.training import train_headless
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.run.checkpoint import kernels_before, load_checkpoint
from maml_explorer.storage.run.folder import CHECKPOINT, create_run

STEPS = 30
RUN = [
    "train", "--algorithms", "maml", "--meta-batch", "1200", "--outer-steps", str(STEPS),
    "--test-tasks", "10", "--quiet", "--shards", "4",
]  # fmt: skip


def digests(path: Path) -> dict[str, str]:
    """File with numbers of a run → digest."""
    return {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(path.rglob("*"))
        if file.suffix in (".csv", ".safetensors") and not file.name.startswith(".")
    }


def listening(process: psutil.Process) -> set[str]:
    return {
        one.laddr.ip for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN
    }


@pytest.mark.slow
def test_two_processes_one_of_which_is_killed_write_the_bytes_of_one(tmp_path: Path) -> None:
    out = tmp_path / "two"
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    launch += ["--max-restarts", "1", "-m", "maml_explorer", *RUN, "--out", str(out)]
    with subprocess.Popen(launch, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as agent:
        try:
            deadline = time.monotonic() + 120
            while not (out / CHECKPOINT).exists() and time.monotonic() < deadline:
                assert agent.poll() is None
                time.sleep(0.02)
            first, second = sorted(psutil.Process(agent.pid).children(), key=lambda p: p.pid)
            assert (listening(first) | listening(second)) == {"127.0.0.1"}
            second.kill()
            assert agent.wait(180) == 0
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):
                agent.terminate()
    assert first.pid not in psutil.pids()
    assert main([*RUN, "--out", str(tmp_path / "one")]) == 0
    assert digests(out) == digests(tmp_path / "one")
    rows = (out / "metrics.csv").read_text().splitlines()
    assert len(rows) == STEPS + 1


def test_a_run_in_shards_goes_on_with_as_many(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "draw_pictures", lambda *_: None)
    small = ["--algorithms", "maml", "--hidden", "5", "--meta-batch", "6", "--test-tasks", "10"]
    run = ["train", *small, "--quiet", "--shards", "3", "--outer-steps"]
    assert main([*run, "20", "--out", str(tmp_path / "whole")]) == 0
    assert main([*run, "10", "--out", str(tmp_path / "part")]) == 0
    resume = ["train", "--resume", "--out", str(tmp_path / "part"), "--quiet"]
    capsys.readouterr()
    assert main([*resume, "--shards", "2"]) == 2
    assert "was trained in 3 shards" in capsys.readouterr().err
    assert main([*resume, "--outer-steps", "20"]) == 0
    for name in ("metrics.csv", "maml/model.safetensors"):
        whole = (tmp_path / "whole" / name).read_bytes()
        assert (tmp_path / "part" / name).read_bytes() == whole
    assert main(["train", "--replay", str(tmp_path / "whole"), "--quiet"]) == 0
    plain = ["--out", str(tmp_path / "plain"), "--quiet"]
    assert main(["train", *small, "--outer-steps", "5", *plain]) == 0
    capsys.readouterr()
    assert main(["train", "--resume", *plain, "--shards", "3"]) == 2
    assert "was trained without shards" in capsys.readouterr().err


def test_a_run_in_shards_says_so_where_it_goes_on_without(tmp_path: Path) -> None:
    settings = Settings().with_values({"hidden": (5,), "outer_steps": 3, "test_tasks": 5})
    folder = create_run(tmp_path / "r", settings)
    train_headless(settings, (0,), folder=folder, shards=shards_here(5))
    plan = prepare(settings)
    saved = load_checkpoint(folder.path / CHECKPOINT, plan)
    assert saved.shards == 5
    assert kernels_before(saved, plan).startswith("sharded ")
    assert kernels_before(saved, prepare(settings, shards=shards_here(5))) == ""
    again = train_headless(
        settings.with_values({"outer_steps": 4}),
        (0,),
        checkpoint=dataclasses.replace(saved, results={}),
    )
    whole = train_headless(settings.with_values({"outer_steps": 4}), (0,), shards=shards_here(5))
    assert torch.equal(again.learned[0]["MAML"], whole.learned[0]["MAML"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--shards", "1"], "takes a number from 2"),
        (["--shards", "many"], "takes a number from 2"),
        (["--shards", "26"], "allowed is from 2 to 25"),
        (["--shards", "5", "--workers", "2"], "exclude each other"),
    ],
)
def test_a_wrong_number_of_shards_is_said_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["train", "--out", str(tmp_path / "r"), *arguments, "--quiet"]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1
    assert not (tmp_path / "r").exists()


def test_processes_are_counted_by_what_torchrun_says() -> None:
    said = {"WORLD_SIZE": "4", "RANK": "1", "MASTER_ADDR": "localhost"}
    assert together.process_count(said) == 4
    assert together.process_count({"WORLD_SIZE": "4"}) == 1  # of something else
    assert together.process_count({}) == 1
    assert together.begun_again({"TORCHELASTIC_RESTART_COUNT": "2"})
    assert not together.begun_again({"TORCHELASTIC_RESTART_COUNT": "0"})


def test_other_machines_are_spoken_to_only_where_that_is_allowed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("WORLD_SIZE", "2"), ("RANK", "0"), ("MASTER_ADDR", "10.0.0.7")):
        monkeypatch.setenv(name, value)
    assert main(["train", "--shards", "5", "--quiet"]) == 2
    err = capsys.readouterr().err
    assert "speak to each other without TLS" in err and err.count("\n") == 1
