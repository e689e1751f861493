"""Nothing is opened but regular files of one name: no link, pipe or device leads elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from maml_explorer.files.opening import UnfitError, check_folder, is_file, open_file
from maml_explorer.files.reader import StorageError, read_bytes, read_text
from maml_explorer.files.resources import resources
from maml_explorer.files.writer import append_bytes, cut_file, write_bytes, write_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes of POSIX")

SECRET = b"alias ls='ls --color'\n"


def symbolic(path: Path, target: Path) -> None:
    path.symlink_to(target)


def hard(path: Path, target: Path) -> None:
    path.hardlink_to(target)


def dangling(path: Path, target: Path) -> None:
    path.symlink_to(target.with_name("nothing"))


def pipe(path: Path, _: Path) -> None:
    os.mkfifo(path)


def device(path: Path, _: Path) -> None:
    path.symlink_to("/dev/zero")


def folder(path: Path, _: Path) -> None:
    path.mkdir()


KINDS = [symbolic, hard, dangling, pipe, device, folder]
ACTIONS: dict[str, Callable[[Path], object]] = {
    "read": lambda path: read_bytes(path, 100),
    "append": lambda path: append_bytes(path, b"evil"),
    "cut": lambda path: cut_file(path, 0),
    "replace": lambda path: write_bytes(path, b"evil"),
}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_of_one_name_is_not_opened(
    tmp_path: Path, kind: Callable[[Path, Path], None], action: str
) -> None:
    shell = tmp_path / "bashrc"
    shell.write_bytes(SECRET)
    (tmp_path / "run").mkdir()
    path = tmp_path / "run" / "metrics.csv"
    kind(path, shell)
    before = sorted(p.name for p in tmp_path.rglob("*"))
    with pytest.raises((UnfitError, StorageError)) as refusal:
        ACTIONS[action](path)
    assert "\n" not in str(refusal.value) and "it is " in str(refusal.value)
    assert shell.read_bytes() == SECRET
    assert sorted(p.name for p in tmp_path.rglob("*")) == before


def test_what_a_person_names_may_be_a_link_which_stays(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles" / "a.toml", tmp_path / "a.toml"
    real.parent.mkdir()
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    assert read_text(link, follow=True) == "old"
    write_bytes(link, b"new", follow=True)
    assert link.readlink() == real and real.read_text() == "new"
    assert real.stat().st_mode & 0o777 == 0o640
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "to-pipe").symlink_to(tmp_path / "pipe")
    with pytest.raises(StorageError, match="pipe"):
        read_text(tmp_path / "to-pipe", follow=True)
    for name in ("pipe", "to-pipe", "dotfiles"):
        with pytest.raises(UnfitError, match="not a file"):
            write_bytes(tmp_path / name, b"new", follow=True)
    assert (tmp_path / "pipe").is_fifo() and sorted(real.parent.iterdir()) == [real]


def test_a_link_that_comes_between_the_look_and_the_opening_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").write_bytes(SECRET)
    monkeypatch.setattr("maml_explorer.files.opening.check_file", lambda _: True)
    with pytest.raises(UnfitError, match="symbolic link"):
        open_file(tmp_path / "a", os.O_RDONLY)


def test_modes_stay(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_bytes(path, b"1")
    path.chmod(0o600)
    write_bytes(path, b"2")
    assert path.stat().st_mode & 0o777 == 0o600 and path.read_bytes() == b"2"
    shared = tmp_path / "b"
    write_folder(shared, {"x": b"1"})
    shared.chmod(0o2770)
    (shared / "x").chmod(0o640)
    write_folder(shared, {"x": b"2"}, overwrite=True)
    assert shared.stat().st_mode & 0o7777 == 0o2770
    assert (shared / "x").stat().st_mode & 0o777 == 0o640 and (shared / "x").read_bytes() == b"2"


def test_names_of_any_script_up_to_the_length_of_the_file_system(tmp_path: Path) -> None:
    for letter in ("a", "α", "語", "🙂"):
        name = letter * (255 // len(letter.encode()))
        other = name[:-1] + "x"
        write_bytes(tmp_path / name, b"1")
        write_bytes(tmp_path / name, b"2")
        assert (tmp_path / name).read_bytes() == b"2"
        (tmp_path / name).unlink()
        for one in (name, other):
            write_folder(tmp_path / one, {"x": one.encode()})
            write_folder(tmp_path / one, {"x": one.encode()}, overwrite=True)
        assert (tmp_path / name / "x").read_text() == name


def test_what_came_with_the_program_may_have_a_second_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some installers link files from a store of theirs."""
    (tmp_path / "a").write_bytes(b"shipped")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    with pytest.raises(StorageError, match="hard link"):
        read_bytes(tmp_path / "a", 10)
    monkeypatch.setattr("maml_explorer.files.opening.resources", lambda: tmp_path)
    assert read_bytes(tmp_path / "a", 10) == b"shipped"
    assert resources().is_dir()


def test_folders_and_files_are_told_from_links(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "file").write_bytes(b"")
    assert check_folder(tmp_path / "real") and not check_folder(tmp_path / "none")
    for wrong in ("link", "file"):
        with pytest.raises(UnfitError):
            check_folder(tmp_path / wrong)
    (tmp_path / "to-file").symlink_to(tmp_path / "file")
    assert is_file(tmp_path / "file") and not is_file(tmp_path / "to-file")
    assert not is_file(tmp_path / "real") and not is_file(Path("a\0b"))
