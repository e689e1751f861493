"""A run folder that others touch: what a person laid there stays, and no link leads outside."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from maml_explorer.files.lock import InUseError, TakenOverError
from maml_explorer.files.reader import StorageError
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.storage.run import folder as files
from maml_explorer.storage.run.folder import (
    CHECKPOINT,
    COLUMNS,
    LOCK,
    METRICS,
    SETTINGS,
    create_run,
    open_run,
    whole_run,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes of POSIX")

SMALL = Settings().with_values({"hidden": (4,)}).with_arms((default_arm("maml"),))
ROW = (1, "MAML", 0, 0.5, 0.5, None, None)


def saved(path: Path) -> None:
    with whole_run(path, SMALL, overwrite=True) as folder:
        folder.append(METRICS, [ROW])


def test_saving_over_a_run_keeps_all_that_is_a_persons(tmp_path: Path) -> None:
    path = tmp_path / "run"
    saved(path)
    mine = {"notes/README.md": b"mine", "notes/config.json": b"{}", "a.part": b"1", "maml/x": b"2"}
    for name, data in mine.items():
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_bytes(data)
    (path / "maml" / "model.safetensors").write_bytes(b"of the run")
    (path / "empty" / "deep").mkdir(parents=True)
    (path / "data").symlink_to(tmp_path)
    (path / "gone").symlink_to("nowhere")
    os.mkfifo(path / "pipe")
    (path / "notes").chmod(0o700)
    (path / "a.part").chmod(0o400)
    (path / METRICS).chmod(0o640)
    path.chmod(0o750)
    (path / f".{METRICS}.{'0' * 16}.part").write_bytes(b"left by a kill")
    for _ in range(2):
        saved(path)
    assert {name: (path / name).read_bytes() for name in mine} == mine
    assert (path / "empty" / "deep").is_dir()
    assert (path / "data").readlink() == tmp_path and str((path / "gone").readlink()) == "nowhere"
    assert (path / "pipe").is_fifo()
    modes = {name: (path / name).stat().st_mode & 0o777 for name in ("notes", "a.part", METRICS)}
    assert modes == {"notes": 0o700, "a.part": 0o400, METRICS: 0o640}
    assert path.stat().st_mode & 0o777 == 0o750
    assert (path / "a.part").stat().st_nlink == 1
    assert not (path / "maml" / "model.safetensors").exists()
    names = {"notes", "a.part", "maml", "empty", "data", "gone", "pipe", SETTINGS, *COLUMNS}
    assert {p.name for p in path.iterdir()} == names
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("name", [METRICS, SETTINGS, "summary.json", "maml/model.safetensors"])
@pytest.mark.parametrize("kind", ["symbolic", "hard"])
def test_a_link_in_the_place_of_a_file_of_the_run_is_refused(
    tmp_path: Path, name: str, kind: str
) -> None:
    path, shell = tmp_path / "run", tmp_path / "bashrc"
    saved(path)
    text = (path / SETTINGS).read_bytes() if name == SETTINGS else b"mine"
    shell.write_bytes(text)
    (path / name).parent.mkdir(exist_ok=True)
    (path / name).unlink(missing_ok=True)
    (path / name).symlink_to(shell) if kind == "symbolic" else (path / name).hardlink_to(shell)
    with pytest.raises((OSError, StorageError), match=r"link|no settings\.toml|not a run folder"):
        saved(path)
    assert shell.read_bytes() == text
    assert (path / name).samefile(shell)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bashrc", "run"]


def test_rows_go_through_no_link_and_an_arms_folder_is_none(tmp_path: Path) -> None:
    path, shell = tmp_path / "run", tmp_path / "bashrc"
    folder = create_run(path, SMALL)
    shell.write_bytes(b"mine" * 100)
    (path / METRICS).unlink()
    (path / METRICS).symlink_to(shell)
    with pytest.raises(OSError, match="symbolic link"):
        folder.append(METRICS, [ROW])
    with pytest.raises((OSError, StorageError)):
        folder.cut_back({})
    (tmp_path / "elsewhere").mkdir()
    (path / "maml").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        folder.initialization_folder(SMALL, "MAML", None)
    assert shell.read_bytes() == b"mine" * 100
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_run_folder_that_is_a_link_stays_one(tmp_path: Path) -> None:
    real, link = tmp_path / "disk" / "real", tmp_path / "link"
    real.mkdir(parents=True)
    link.symlink_to(real)
    for _ in range(2):
        saved(link)
    assert link.readlink() == real and (real / METRICS).is_file()
    assert [p.name for p in real.parent.iterdir()] == ["real"]


OTHER = """
import pathlib, sys
sys.path.insert(0, sys.argv[1])
from maml_explorer.storage.run.folder import METRICS, open_run
folder, _ = open_run(pathlib.Path(sys.argv[2]))
with folder.owned():
    print("owned", flush=True)
    for line in sys.stdin:
        try:
            folder.append(METRICS, [(int(line), "MAML", 0, 1.0, 1.0, None, None)])
            print("written", flush=True)
        except OSError as error:
            print(error.strerror, flush=True)
"""


def test_two_processes_never_write_one_run(tmp_path: Path) -> None:
    path = tmp_path / "run"
    saved(path)
    root = str(Path(files.__file__).parents[3])
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, root, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        assert other.stdin is not None and other.stdout is not None

        def tell(step: int) -> str:
            assert other.stdin is not None and other.stdout is not None
            other.stdin.write(f"{step}\n")
            other.stdin.flush()
            return other.stdout.readline().strip()

        assert other.stdout.readline() == "owned\n"
        assert tell(2) == "written"
        folder, _ = open_run(path)  # it may be looked at
        before = (path / METRICS).read_bytes()
        with pytest.raises(InUseError, match=f"process {other.pid}"), folder.owned():
            pass
        with pytest.raises(InUseError, match=f"process {other.pid}"):
            saved(path)
        assert (path / METRICS).read_bytes() == before
        # a person puts another run in its place: its rows stay as they are
        path.rename(tmp_path / "moved")
        saved(path)
        before = (path / METRICS).read_bytes()
        assert "so nothing more was written there" in tell(3)
        assert (path / METRICS).read_bytes() == before
        assert "3,MAML" not in (tmp_path / "moved" / METRICS).read_text()
        other.stdin.close()
    assert LOCK not in {p.name for p in path.iterdir()}


def test_a_run_killed_before_its_first_checkpoint_is_begun_again(tmp_path: Path) -> None:
    path = tmp_path / "run"
    create_run(path, SMALL)
    (path / LOCK).write_text("{}")
    (path / f".{SETTINGS}.{'a' * 16}.part").write_text("half")
    again = create_run(path, SMALL.with_values({"noise": 1.0}))
    assert open_run(path)[1]["noise"] == 1.0
    again.append(METRICS, [ROW])
    with again.owned():
        pass
    with pytest.raises(StorageError, match="holds a run already"):
        create_run(path, SMALL)
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / METRICS).write_text(",".join(COLUMNS[METRICS]) + "\n")
    assert create_run(tmp_path / "half", SMALL).path == tmp_path / "half"
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / CHECKPOINT).write_text("x")
    with pytest.raises(StorageError, match="not a run folder"):
        create_run(tmp_path / "theirs", SMALL)


def test_a_writer_in_one_process_is_refused_by_the_first(tmp_path: Path) -> None:
    first = create_run(tmp_path / "run", SMALL)
    with pytest.raises(InUseError, match=f"process {os.getpid()}"):
        create_run(tmp_path / "run", SMALL)
    with first.owned(), first.owned():
        (tmp_path / "run" / LOCK).unlink()
        with pytest.raises(TakenOverError, match="removed or replaced"):
            first.write_settings(SMALL)
