"""Commands that are asked to end, or killed, go on with --resume and end in the same files."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from maml_explorer.cli import main
from maml_explorer.commands.signals import ends_as_by_ctrl_c, signals_held_back
from maml_explorer.experiments import saver, training
from maml_explorer.experiments.outcome import Progress
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.storage.run.checkpoint import Checkpoint
from maml_explorer.storage.run.folder import CHECKPOINT, METRICS, SETTINGS, create_run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

TINY = """\
schema = 1
[preset]
title = "Tiny"
[[published]]
algorithm = "maml"
shots = 3
inner_steps = [1, 2]
mse = [4.0, 4.0]
ci95 = [3.0, 0.001]
source = "made up"
[model]
hidden = [8]
[outer]
meta_batch = 3
outer_steps = STEPS
[run]
test_tasks = 20
test_steps = 2
"""


def preset(tmp_path: Path, steps: int) -> str:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY.replace("STEPS", str(steps)))
    return str(path)


def interrupted(arguments: list[str], kind: signal.Signals, lines: int) -> tuple[int, str]:
    """Exit code and stderr of a command that gets a signal after so many lines of progress."""
    command = [sys.executable, "-m", "maml_explorer", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            for _ in range(lines):
                assert "outer steps" in process.stderr.readline()
            process.send_signal(kind)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    return process.returncode, errors


def kept(folder: Path) -> dict[str, bytes]:
    """The files of a folder without those that hold times; pictures are none of these commands."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("summary.json", "model.pt")
    }


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGKILL])
def test_reproduce_goes_on_and_ends_in_the_same_report(
    tmp_path: Path, kind: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = ["reproduce", preset(tmp_path, 700), "--seeds", "0,1", "--algorithms", "maml,mtl"]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert main([*begun, "--quiet", "--out", str(whole)]) == 0
    code, errors = interrupted([*begun, "--out", str(cut)], kind, 7)
    assert not (cut / "report.html").exists() and "Traceback" not in errors
    if kind is signal.SIGTERM:
        assert code == 1 and "stopped; repeat the command with --resume" in errors
    capsys.readouterr()
    assert main([*begun, "--quiet", "--out", str(cut)]) == 2
    assert "holds a run already: continue it with --resume" in capsys.readouterr().err
    assert main([*begun[:3], "0,2", *begun[4:], "--out", str(cut), "--resume"]) == 2
    assert "--resume needs the arguments that it began with" in capsys.readouterr().err
    assert main([*begun, "--quiet", "--out", str(cut), "--resume"]) == 0
    assert kept(cut) == kept(whole) and "report.html" in kept(cut)
    # a finished one makes its report again
    (cut / "report.html").unlink()
    assert main([*begun, "--quiet", "--out", str(cut), "--resume"]) == 0
    assert kept(cut) == kept(whole)


def test_ablate_keeps_every_finished_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = ["ablate", "--preset", preset(tmp_path, 600), "--seeds", "0,1", "--inner-steps", "1"]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert main([*begun, "--quiet", "--out", str(whole)]) == 0
    code, errors = interrupted([*begun, "--out", str(cut)], signal.SIGHUP, 5)
    assert code == 1 and "stopped; repeat the command with --resume" in errors
    runs = sorted(path.name for path in (cut / "runs").iterdir())
    done = (cut / "runs" / "01" / CHECKPOINT).read_bytes()
    assert 1 < len(runs) < len(list((whole / "runs").iterdir())) and not (cut / FILE).exists()
    capsys.readouterr()
    assert main([*begun, "--quiet", "--out", str(cut)]) == 2
    assert "continue it with --resume" in capsys.readouterr().err
    assert main([*begun, "--quiet", "--out", str(cut), "--resume"]) == 0
    assert (cut / "runs" / "01" / CHECKPOINT).read_bytes() == done
    assert kept(cut) == kept(whole)


FILE = "ablation.json"


@pytest.mark.parametrize("command", ["reproduce", "ablate"])
def test_resume_needs_a_folder(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = [preset(tmp_path, 5)] if command == "reproduce" else []
    assert main([command, *first, "--resume"]) == 2
    assert "--resume needs the" in capsys.readouterr().err


def test_a_hang_up_saves_a_training_and_nohup_ignores_it(tmp_path: Path) -> None:
    arguments = ["train", "--hidden", "6", "--meta-batch", "3", "--algorithms", "maml"]
    out = ["--outer-steps", "400000", "--out", str(tmp_path / "run")]
    code, errors = interrupted([*arguments, *out], signal.SIGHUP, 1)
    assert code == 1 and "stopped; continue with" in errors
    rows = len((tmp_path / "run" / METRICS).read_text().splitlines()) - 1
    assert rows > 40_000 * 0.9
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        out = ["--outer-steps", "3000", "--out", str(tmp_path / "nohup")]
        code, errors = interrupted([*arguments, *out], signal.SIGHUP, 1)
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    assert code == 0 and "stopped" not in errors


def test_a_run_that_was_ended_before_its_first_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", "--hidden", "6", "--algorithms", "maml", "--outer-steps", "3", "--quiet"]
    small = Settings().with_values({"hidden": (6,)}).with_arms((default_arm("maml"),))
    create_run(tmp_path / "run", small)  # and killed
    assert main([*arguments[:1], "--out", str(tmp_path / "run"), "--resume"]) == 2
    said = capsys.readouterr().err
    assert "begin it again with the same command without --resume" in said
    assert sorted(p.name for p in (tmp_path / "run").iterdir() if p.name == SETTINGS) == [SETTINGS]
    assert main([*arguments, "--out", str(tmp_path / "run")]) == 0
    assert len((tmp_path / "run" / METRICS).read_text().splitlines()) == 4


def test_checkpoints_come_by_time_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(saver.time, "monotonic", lambda: now[0])
    seen: list[int] = []
    real = saver.save_checkpoint

    def save(path: Path, checkpoint: Checkpoint) -> None:
        seen.append(checkpoint.state.outer_step)
        real(path, checkpoint)

    def step(progress: Progress) -> None:
        now[0] += 11.0

    monkeypatch.setattr(saver, "save_checkpoint", save)
    small = Settings().with_values({"hidden": (4,), "outer_steps": 10, "test_tasks": 5})
    small = small.with_arms((default_arm("maml"),))
    folder = create_run(tmp_path / "run", small)
    training.train_headless(small, (0,), folder=folder, progress=step)
    # a state is saved once the losses after it are known
    assert seen == [0, 3, 6, 9, 10]


def test_two_resumes_at_once(tmp_path: Path) -> None:
    out = str(tmp_path / "run")
    arguments = ["train", "--hidden", "6", "--algorithms", "maml", "--out", out]
    code, _ = interrupted([*arguments, "--outer-steps", "400000"], signal.SIGTERM, 1)
    assert code == 1
    command = [sys.executable, "-m", "maml_explorer", "train", "--out", out, "--resume", "--quiet"]
    both = [
        subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        for _ in range(2)
    ]
    while all(one.poll() is None for one in both):
        time.sleep(0.02)
    first, second = sorted(both, key=lambda one: one.poll() is None)
    refused = first.stderr.read() if first.stderr else ""
    second.terminate()
    assert second.wait(60) == 1 and first.wait(60) == 2
    assert f"is in use: process {second.pid}" in refused
    for one in both:
        assert one.stderr is not None
        one.stderr.close()
    steps = [int(row.split(",")[0]) for row in (tmp_path / "run" / METRICS).read_text().split()[1:]]
    assert steps == list(range(1, len(steps) + 1))


def test_a_signal_while_pictures_are_drawn_waits_for_their_end() -> None:
    """An exception raised inside a painting of Qt ends the process by a fault."""
    done = []
    with pytest.raises(KeyboardInterrupt), ends_as_by_ctrl_c(), signals_held_back():
        for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.raise_signal(kind)
            done.append(kind)
    assert len(done) == 3
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
