"""A file is whole at every instant: the old one, then the new one."""

from __future__ import annotations

import itertools
import logging
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from maml_explorer.files import writer
from maml_explorer.files.writer import (
    recover_folder,
    remove_parts,
    write_bytes,
    write_folder,
    write_passing,
    write_text,
)
from tests.storage.disk import Disk

ROOT = str(Path(writer.__file__).parents[2])
OLD, NEW = b"old" * 5000, b"new" * 7000


@pytest.fixture
def disk() -> Iterator[Disk]:
    """Every save of the test goes through it."""
    watched = Disk()
    with watched.watched():
        yield watched


def test_a_new_file_and_an_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_bytes(path, OLD)
    assert path.read_bytes() == OLD
    write_bytes(path, NEW)
    assert path.read_bytes() == NEW
    write_text(path, "α\n")
    assert path.read_bytes() == "α\n".encode()
    assert list(tmp_path.iterdir()) == [path]


def test_a_fault_at_any_call_leaves_the_old_file_whole(
    tmp_path: Path, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.bin"
    write_bytes(path, OLD)
    disk.reset()
    write_bytes(path, NEW)
    plan = disk.calls.copy()
    replaced = plan.index("replace")
    assert plan[:2] == ["open", "write"] and plan[replaced - 2 : replaced] == ["fsync", "close"]
    assert plan[replaced + 1 :] == ["open", "fsync", "close"]
    for index in range(len(plan)):
        disk.reset()
        write_bytes(path, OLD)
        disk.reset(fail_at=index)
        caplog.clear()
        if index <= replaced:
            with pytest.raises(OSError, match="No space left"):
                write_bytes(path, NEW)
            assert path.read_bytes() == OLD
        else:
            write_bytes(path, NEW)
            assert path.read_bytes() == NEW
            assert [record.levelno for record in caplog.records] == [logging.WARNING]
        assert list(tmp_path.iterdir()) == [path], plan[index]


def test_what_passes_is_whole_and_does_not_wait_for_the_disk(tmp_path: Path, disk: Disk) -> None:
    path = tmp_path / "live.json"
    write_passing(path, "old")
    disk.reset()
    write_passing(path, "new")
    assert path.read_text() == "new"
    calls = disk.calls.copy()
    assert calls == ["open", "write", "close", "replace"]
    for index in range(len(calls)):
        disk.reset(fail_at=index)
        with pytest.raises(OSError, match="No space left"):
            write_passing(path, "newer")
        disk.reset()
        assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "b"
    write_folder(folder, {"x": b"1", "y": b"2"})
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {"x": b"1", "y": b"2"}
    with pytest.raises(FileExistsError):
        write_folder(folder, {"x": b"3"})
    assert (folder / "x").read_bytes() == b"1"
    write_folder(folder, {"x": b"3", "y": b"4", "z": b"5"}, overwrite=True)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {"x": b"3", "y": b"4", "z": b"5"}
    assert list(folder.parent.iterdir()) == [folder]


def test_other_files_are_never_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write_folder(folder, {"x": b"1", "thesis.tex": b"years of work"})
    with pytest.raises(FileExistsError, match=r"thesis\.tex"):
        write_folder(folder, {"x": b"2"}, overwrite=True)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {
        "x": b"1", "thesis.tex": b"years of work",
    }  # fmt: skip
    with pytest.raises(FileExistsError):
        write_folder(folder / "x", {"x": b"2"}, overwrite=True)


def test_a_file_is_not_replaced_by_a_folder_unasked(tmp_path: Path) -> None:
    path = tmp_path / "b"
    path.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        write_folder(path, {"x": b"1"})
    assert path.read_bytes() == b"mine"
    (tmp_path / "empty").mkdir()
    write_folder(tmp_path / "empty", {"x": b"1"})
    assert (tmp_path / "empty" / "x").read_bytes() == b"1"


def test_a_fault_at_any_call_leaves_the_old_folder_whole(
    tmp_path: Path, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "b"
    old, new = {"x": OLD, "y": b"2"}, {"x": NEW, "y": b"3"}
    write_folder(folder, old)
    disk.reset()
    write_folder(folder, new, overwrite=True)
    plan = disk.calls.copy()
    assert plan.count("rename") == 2
    done = max(index for index, name in enumerate(plan) if name == "rename")
    # the text of the lock, beside which the lock holds, and making the parent, which is there
    unnoticed = {plan.index("mkdir"), plan.index("write")}
    for index in range(done + 1):
        disk.reset()
        write_folder(folder, old, overwrite=True)
        disk.reset(fail_at=index)
        caplog.clear()
        try:
            write_folder(folder, new, overwrite=True)
            expected = new
            assert caplog.records or index in unnoticed, plan[index]
        except OSError:
            expected = old
        assert {p.name: p.read_bytes() for p in folder.iterdir()} == expected, plan[index]
        assert list(tmp_path.iterdir()) == [folder], plan[index]


CHILD = """
import pathlib, sys, time
sys.path.insert(0, sys.argv[1])
from maml_explorer.files import writer
path = pathlib.Path(sys.argv[2])
writer.write_bytes(path, b"A" * 300_000)
began = time.perf_counter()
writer.write_bytes(path, b"B" * 200_000)
writer.write_bytes(path, b"A" * 300_000)
print(time.perf_counter() - began, flush=True)
while True:
    writer.write_bytes(path, b"A" * 300_000)
    writer.write_bytes(path, b"B" * 200_000)
"""


def test_a_kill_at_any_instant_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"A" * 300_000)
    instants = random.Random(0)
    seen = set()
    for _ in range(50):
        command = [sys.executable, "-S", "-c", CHILD, ROOT, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            both = float(child.stdout.readline())
            time.sleep(instants.uniform(0, 4) * both)
            child.kill()
        content = path.read_bytes()
        assert content in (b"A" * 300_000, b"B" * 200_000)
        seen.add(content[:1])
    assert seen == {b"A", b"B"}
    parts = [p for p in tmp_path.iterdir() if p != path]
    assert all(p.name.startswith(".a.bin.") and p.suffix == ".part" for p in parts)


def test_temporary_names_are_never_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counter = itertools.count()
    monkeypatch.setattr(writer, "_unique", lambda: str(next(counter)))
    taken = tmp_path / ".a.bin.0.part"
    taken.write_bytes(b"somebody else's")
    with pytest.raises(FileExistsError):
        write_bytes(tmp_path / "a.bin", NEW)
    assert not (tmp_path / "a.bin").exists()


def test_a_folder_moved_aside_by_a_killed_program_is_brought_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "b"
    write_folder(folder, {"x": b"1"})
    (tmp_path / ".b.mine.old").mkdir()
    assert not recover_folder(folder)
    assert not recover_folder(tmp_path / "c")
    assert not recover_folder(Path("a\0b"))
    real, moved = Path.rename, []

    class Killed(BaseException):
        pass

    def rename(self: Path, target: Path) -> Path:
        if moved:
            raise Killed
        moved.append(target)
        return real(self, target)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Path, "rename", rename)
        write_folder(folder, {"x": b"2"}, overwrite=True)
    assert not folder.exists()
    assert recover_folder(folder)
    assert (folder / "x").read_bytes() == b"1"
    # and a save after the kill begins by doing so
    folder.rename(moved[0])
    write_folder(folder, {"x": b"3"}, overwrite=True)
    assert (folder / "x").read_bytes() == b"3"
    assert not moved[0].exists()


def test_what_a_killed_program_left_goes_with_the_next_writing(tmp_path: Path) -> None:
    target, part = tmp_path / "maml", "0123456789abcdef.part"
    left, others = tmp_path / f".maml.{part}", tmp_path / f".mtl.{part}"
    for folder in (left, others):
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"half")
    kept = tmp_path / f".maml.{part}.txt"
    kept.write_text("mine")
    link = tmp_path / ".maml.fedcba9876543210.part"
    link.symlink_to(others)
    write_folder(target, {"model.safetensors": b"whole"})
    assert (target / "model.safetensors").read_bytes() == b"whole"
    assert not left.exists() and kept.read_text() == "mine"
    assert link.is_symlink() and (others / "model.safetensors").read_bytes() == b"half"


def test_the_owner_of_a_folder_removes_all_parts_in_it(tmp_path: Path) -> None:
    for name in (".config.json.0123456789abcdef.part", "notes.part"):
        (tmp_path / name).write_text("half")
    (tmp_path / ".maml.0123456789abcdef.part").mkdir()
    remove_parts(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.part"]
