"""What files may not be: the branches that no file of this program ever takes."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core.plan import prepare
from maml_explorer.core.training import start_run
from maml_explorer.files import reader, writer
from maml_explorer.files.reader import StorageError, read_bytes, read_text
from maml_explorer.files.writer import write_bytes, write_folder
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.storage.initialization.folder import load_initialization
from maml_explorer.storage.initialization.tensors import metadata_of, tensor_bytes
from maml_explorer.storage.run.changes import MAX_CHANGES, read_changes
from maml_explorer.storage.run.checkpoint import (
    ArmResult,
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from maml_explorer.storage.run.folder import is_run_folder
from maml_explorer.storage.run.records import checked_records

SMALL = Settings().with_values({"hidden": (3,)}).with_arms((default_arm("maml"),))
RECORD: dict[str, Any] = {
    "algorithm": "maml", "shots": 5, "tasks": 9, "seed": 1, "inner_steps": [0, 1],
    "mean": [1.0, None], "ci95": [0.5, 0.5], "mean_kept": [1, 2.5], "median": [2.0, 1.0],
    "diverged": [0, 3], "fine_tuning_lr": [0.0, 0.1],
}  # fmt: skip
CHANGES: list[Callable[[dict[str, Any]], object]] = [
    lambda r: r.pop("mean"),
    lambda r: r.update(more=1),
    lambda r: r.update(algorithm="protonet"),
    lambda r: r.update(algorithm=3),
    lambda r: r.update(shots=True),
    lambda r: r.update(tasks=-1),
    lambda r: r.update(seed=2**31),
    lambda r: r.update(inner_steps=[]),
    lambda r: r.update(inner_steps=list(range(102))),
    lambda r: r.update(inner_steps=3),
    lambda r: r.update(inner_steps=[0, -1]),
    lambda r: r.update(fine_tuning_lr=[0.1]),
    lambda r: r.update(fine_tuning_lr=0.1),
    lambda r: r.update(fine_tuning_lr=["a", "b"]),
    lambda r: r.update(mean=[1.0]),
    lambda r: r.update(mean=1.0),
    lambda r: r.update(mean=[1.0, True]),
    lambda r: r.update(mean=[1.0, float("inf")]),
    lambda r: r.update(diverged=[0, 0.5]),
    lambda r: r.update(diverged=[0]),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_record_of_another_form_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    assert RECORD["algorithm"] in ALGORITHMS
    assert checked_records([RECORD], "x") == (RECORD,)
    damaged = json.loads(json.dumps(RECORD))
    change(damaged)
    with pytest.raises(StorageError, match="x has a meta-test that is not as this program"):
        checked_records([RECORD, damaged], "x")


@pytest.mark.parametrize("found", [None, {}, [1], [RECORD] * 17])
def test_records_that_are_no_list_of_a_few_are_refused(found: object) -> None:
    with pytest.raises(StorageError):
        checked_records(found, "x")


def checkpoint(path: Path, generator: np.ndarray | None = None, **about: Any) -> Path:
    """A checkpoint with another generator state, and with other counters."""
    state = start_run(prepare(SMALL))
    results = {1: {"MAML": ArmResult(9, (RECORD,), "why")}}
    save_checkpoint(path, Checkpoint(SMALL, state, (0, 1), results))
    data = path.read_bytes()
    tensors = load(data)
    known = json.loads(metadata_of(data, path)["checkpoint"])
    if generator is not None:
        tensors["generator"] = generator
    path.write_bytes(tensor_bytes(tensors, {"checkpoint": json.dumps({**known, **about})}))
    return path


RESULT = {"outer_step": 9, "evaluations": [RECORD], "diverged": ""}


@pytest.mark.parametrize(
    "arms",
    [
        [],
        {"ANIL": RESULT},
        {"MAML": []},
        {"MAML": {"outer_step": 9}},
        {"MAML": {**RESULT, "more": 1}},
        {"MAML": {**RESULT, "outer_step": -1}},
        {"MAML": {**RESULT, "diverged": 3}},
        {"MAML": {**RESULT, "diverged": "x" * 500}},
        {"MAML": {**RESULT, "evaluations": [1]}},
    ],
)
def test_results_of_another_form_are_refused(tmp_path: Path, arms: object) -> None:
    path = checkpoint(tmp_path / "c.safetensors", results={"1": {"MAML": RESULT}})
    assert load_checkpoint(path, prepare(SMALL)).results[1]["MAML"].outer_step == 9
    path = checkpoint(tmp_path / "c.safetensors", results={"1": arms})
    with pytest.raises(StorageError):
        load_checkpoint(path, prepare(SMALL))


def test_a_generator_state_that_is_none_is_refused(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "c.safetensors", np.full(5056, 255, dtype=np.uint8))
    with pytest.raises(StorageError, match="counters"):
        load_checkpoint(path, prepare(SMALL))


def test_a_run_of_another_device_is_read_but_not_resumed(tmp_path: Path) -> None:
    """CUDA's generator state has 16 bytes: its meta-test can be seen here, no more."""
    path = checkpoint(tmp_path / "c.safetensors", np.zeros(16, dtype=np.uint8))
    with pytest.raises(StorageError):
        load_checkpoint(path, prepare(SMALL))
    found = load_checkpoint(path, prepare(SMALL), to_resume=False)
    assert found.state.generator_state.shape == (16,)
    path = checkpoint(tmp_path / "c.safetensors", np.zeros(17, dtype=np.uint8))
    with pytest.raises(StorageError):
        load_checkpoint(path, prepare(SMALL), to_resume=False)


def test_a_file_that_grows_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"123456")
    known = os.fstat

    class Smaller:
        def __init__(self, status: os.stat_result) -> None:
            self.st_mode, self.st_size, self.st_nlink = status.st_mode, 2, 1

    monkeypatch.setattr(reader.os, "fstat", lambda descriptor: Smaller(known(descriptor)))
    with pytest.raises(StorageError, match="grew while it was read"):
        read_bytes(path, 5)


def test_a_text_that_is_too_large_says_so_and_not_that_it_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "changes.csv"
    with path.open("wb") as file:
        file.truncate(MAX_CHANGES + 1)
    with pytest.raises(StorageError, match="bytes: allowed are at most"):
        read_changes(path)
    with pytest.raises(StorageError, match="at most 5"):
        read_text(path, 5)


@pytest.mark.parametrize("rows", ["5,noise,0,1\n3,noise,1,0\n", f"{2**53},noise,0,1\n"])
def test_changes_out_of_order_are_refused(tmp_path: Path, rows: str) -> None:
    path = tmp_path / "changes.csv"
    path.write_text(f"outer_step,setting,old,new\n{rows}")
    with pytest.raises(StorageError, match="a row that is not"):
        read_changes(path)


def test_a_name_that_is_no_path_is_no_run(tmp_path: Path) -> None:
    assert not is_run_folder(Path("a\0b"))
    assert not is_run_folder(tmp_path / ("x" * 5000))
    assert not is_run_folder(tmp_path)


def test_a_new_folder_that_cannot_take_its_place_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", full)
        with pytest.raises(OSError, match="No space"):
            write_folder(tmp_path / "new", {"a": b"1"})
    assert list(tmp_path.iterdir()) == []


def test_an_older_version_that_cannot_be_removed_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "arm"
    write_folder(folder, {"a": b"old"})

    def busy(*_: object, **__: object) -> None:
        raise OSError(16, "Device or resource busy")

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(writer.shutil, "rmtree", busy)
        write_folder(folder, {"a": b"new"}, overwrite=True)
    assert (folder / "a").read_bytes() == b"new"
    assert "The older version was left behind" in caplog.text and "busy" in caplog.text


def test_a_link_to_a_folder_stays_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_folder(tmp_path / "link", {"a": b"new"}, overwrite=True)
    assert (tmp_path / "link").readlink() == tmp_path / "real"
    assert (tmp_path / "real" / "a").read_bytes() == b"new"


def test_where_folders_cannot_be_synced_files_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer.os, "name", "nt")
    with monkeypatch.context() as patch:
        patch.setattr(writer.os, "open", _never_a_folder(os.open))
        writer._sync_folder(tmp_path)
    monkeypatch.undo()
    write_bytes(tmp_path / "b", b"1")
    assert (tmp_path / "b").read_bytes() == b"1"


def _never_a_folder(known: Any) -> Any:
    def opened(path: Any, *arguments: Any) -> int:
        assert not Path(path).is_dir(), "Windows cannot open folders"
        return int(known(path, *arguments))

    return opened


def test_settings_nested_as_deeply_as_can_be_read_are_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "arm"
    shutil.copytree(Path(__file__).parent / "schema-1" / "initialization", folder)
    text = (folder / "config.json").read_text()
    assert '"noise": 0.1' in text
    seen = set()
    for depth in range(sys.getrecursionlimit() - 150, sys.getrecursionlimit()):
        deep = "[" * depth + "]" * depth
        (folder / "config.json").write_text(text.replace('"noise": 0.1', f'"noise": {deep}'))
        with pytest.raises((StorageError, SettingsError)) as refused:
            load_initialization(folder)
        seen |= {words for words in DEEP if words in str(refused.value)}
    assert seen == set(DEEP)

    def too_deep(*_: object) -> None:  # where the parser of another Python takes more
        raise RecursionError

    (folder / "config.json").write_text(text)
    monkeypatch.setattr(Settings, "with_values", too_deep)
    with pytest.raises(StorageError, match="is nested too deeply"):
        load_initialization(folder)


DEEP = ("cannot be [[[", "is not JSON as this program writes it")
