"""A headless run that is asked to end is saved and goes on bit for bit."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from maml_explorer.cli import main
from maml_explorer.core.plan import prepare
from maml_explorer.storage.run.checkpoint import load_checkpoint
from maml_explorer.storage.run.folder import CHECKPOINT, open_run


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_headless_run_that_is_asked_to_end_is_saved(tmp_path: Path, kind: signal.Signals) -> None:
    folder = tmp_path / "run"
    arguments = [
        "train", "--out", str(folder), "--hidden", "6", "--meta-batch", "3",
        "--algorithms", "maml", "--outer-steps", "400000",
    ]  # fmt: skip
    command = [sys.executable, "-m", "maml_explorer", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert "of 400 000 outer steps" in process.stderr.readline()
            process.send_signal(kind)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 1
    assert "stopped; continue with" in errors and "Traceback" not in errors
    run, settings = open_run(folder)
    reached = load_checkpoint(run.path / CHECKPOINT, prepare(settings)).state.outer_step
    assert reached > 0
    steps = str(reached + 5)
    assert main(["train", "--out", str(folder), "--resume", "--outer-steps", steps, "--quiet"]) == 0
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


INTERRUPTED_AT = """
import os, runpy, signal, sys

loading = sys.argv.pop(1)

class Interrupting:
    def find_spec(self, name, *_):
        if name == loading:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
runpy.run_module("maml_explorer", run_name="__main__", alter_sys=False)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("loading", "code", "said"),
    [
        ("maml_explorer.cli", -signal.SIGINT, ""),
        ("maml_explorer.settings.groups", -signal.SIGINT, ""),
        ("maml_explorer.commands.info", 1, "maml-explorer: stopped.\n"),
    ],
)
def test_ctrl_c_while_the_program_loads_is_no_traceback(loading: str, code: int, said: str) -> None:
    command = [sys.executable, "-c", INTERRUPTED_AT, loading, "--info"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (code, said)
