"""Who writes a folder: one process at a time, told by a lock and never by a process number."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from maml_explorer.files import lock
from maml_explorer.files.lock import InUseError, TakenOverError, hold
from maml_explorer.files.opening import UnfitError

ROOT = str(Path(lock.__file__).parents[2])
BEGIN = """
import pathlib, sys
sys.path.insert(0, sys.argv[1])
from maml_explorer.files.lock import InUseError, TakenOverError, hold
path = pathlib.Path(sys.argv[2])
"""
HOLDS = (
    BEGIN
    + """
held = hold(path)
print("held", flush=True)
for _ in sys.stdin:
    try:
        held.check()
        print("still mine", flush=True)
    except TakenOverError as error:
        print(error.strerror, flush=True)
held.release()
"""
)
COUNTS = (
    BEGIN
    + """
counter, own = path.parent / "counter", 0
while own < 60:
    try:
        held = hold(path)
    except InUseError:
        continue
    number = int(counter.read_text())
    counter.write_text(str(number + 1))
    held.release()
    own += 1
"""
)
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@contextmanager
def child(code: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-S", "-c", code, ROOT, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ask(process: subprocess.Popen[str]) -> str:
    assert process.stdin is not None
    process.stdin.write("?\n")
    process.stdin.flush()
    return line(process)


def test_a_second_process_is_refused_and_told_who_writes(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with child(HOLDS, path) as other:
        assert line(other) == "held"
        with pytest.raises(InUseError) as refusal:
            hold(path)
        words = str(refusal.value)
        assert f"{tmp_path} is in use: process {other.pid} on {platform.node()} has been" in words
        assert "since 20" in words and words.endswith("or choose another folder.")
        assert ask(other) == "still mine"


def test_the_lock_of_a_killed_process_is_taken_over_and_goes_with_its_holder(
    tmp_path: Path,
) -> None:
    path = tmp_path / ".lock"
    with child(HOLDS, path) as other:
        assert line(other) == "held"
        other.kill()
        other.wait()
    assert json.loads(path.read_text())["process"] == other.pid
    held = hold(path)
    assert json.loads(path.read_text())["process"] == os.getpid()
    held.check()
    held.release()
    held.release()
    assert list(tmp_path.iterdir()) == []


def test_a_process_number_says_nothing(tmp_path: Path) -> None:
    """A container in which the number of a dead holder comes again."""
    path = tmp_path / ".lock"
    path.write_text(json.dumps({"token": "x", "host": platform.node(), "process": os.getpid()}))
    hold(path).release()
    assert not path.exists()


@posix
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the state is read from /proc")
def test_a_suspended_holder_is_named_with_the_way_to_end_it(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with child(HOLDS, path) as other:
        assert line(other) == "held"
        os.kill(other.pid, signal.SIGSTOP)
        os.waitpid(other.pid, os.WUNTRACED)
        with pytest.raises(InUseError) as refusal:
            hold(path)
        assert f"“kill -KILL {other.pid}” ends it" in str(refusal.value)
        os.kill(other.pid, signal.SIGCONT)
        assert ask(other) == "still mine"


def test_a_holder_notices_that_it_is_one_no_more(tmp_path: Path) -> None:
    path = tmp_path / "run" / ".lock"
    path.parent.mkdir()
    with child(HOLDS, path) as other:
        assert line(other) == "held"
        path.parent.rename(tmp_path / "moved")
        gone = "it was removed or replaced, so nothing more was written there"
        assert ask(other) == gone
        path.parent.mkdir()
        assert ask(other) == gone
        held = hold(path)
        taken = f"process {os.getpid()} on {platform.node()} has taken it over"
        assert ask(other) == f"{taken}, so nothing more was written there"
        held.check()
        held.release()


def test_without_locks_of_the_system_the_token_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_: int) -> None:
        raise OSError(lock._NO_LOCKS[0], "No locks available")

    monkeypatch.setattr(lock, "_lock", none)
    first = hold(tmp_path / ".lock")
    first.check()
    second = hold(tmp_path / ".lock")
    second.check()
    with pytest.raises(TakenOverError, match="has taken it over"):
        first.check()


def test_of_several_processes_one_holds_it_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    (tmp_path / "counter").write_text("0")
    children = [
        subprocess.Popen([sys.executable, "-S", "-c", COUNTS, ROOT, str(path)]) for _ in range(3)
    ]
    assert [one.wait(60) for one in children] == [0, 0, 0]
    assert (tmp_path / "counter").read_text() == "180"
    assert not path.exists()


@posix
def test_a_lock_that_is_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "bashrc").write_text("mine")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").symlink_to(tmp_path / "bashrc")
    with pytest.raises(UnfitError, match="symbolic link"):
        hold(tmp_path / "run" / ".lock")
    assert (tmp_path / "bashrc").read_text() == "mine"


@pytest.mark.parametrize(
    "text", ["", "[1]", "{", '{"process": "\\u001b[2J", "host": "a b\\u202e"}']
)
def test_a_text_that_says_nothing_still_refuses(tmp_path: Path, text: str) -> None:
    held = hold(tmp_path / ".lock")
    (tmp_path / ".lock").write_text(text)
    with pytest.raises(InUseError, match="in use: another process has been writing it"):
        hold(tmp_path / ".lock")
    held.release()
