"""Run folder and checkpoint: exact, bounded, never over somebody else's files."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from maml_explorer.core.plan import Plan, prepare
from maml_explorer.core.training import RunState, outer_step, start_run
from maml_explorer.files.csv_text import field_text
from maml_explorer.files.reader import StorageError
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Arm, Settings, default_arm
from maml_explorer.storage.initialization.tensors import metadata_of, tensor_bytes
from maml_explorer.storage.run.checkpoint import (
    ArmResult,
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from maml_explorer.storage.run.folder import (
    CHECKPOINT,
    COLUMNS,
    LOCK,
    METRICS,
    SETTINGS,
    arm_folders,
    create_run,
    is_run_folder,
    open_run,
    whole_run,
)
from maml_explorer.storage.run.metrics import read_losses
from tests.storage.disk import Disk

SMALL = Settings().with_values({"hidden": (4,), "meta_batch": 3, "seed": 2})
SMALL = SMALL.with_arms(
    (*(default_arm(a) for a in ("maml", "reptile")), Arm("S", "maml", (("optimizer", "sgd"),)))
)


def trained(settings: Settings = SMALL, steps: int = 5) -> tuple[Plan, RunState]:
    plan = prepare(settings)
    state = start_run(plan)
    for _ in range(steps):
        state, _ = outer_step(plan, state)
    return plan, state


def same(one: RunState, two: RunState) -> bool:
    arms = zip(one.arms.values(), two.arms.values(), strict=True)
    return (
        one.outer_step == two.outer_step
        and torch.equal(one.generator_state, two.generator_state)
        and list(one.arms) == list(two.arms)
        and all(
            torch.equal(a.initialization, b.initialization)
            and all(torch.equal(m, n) for m, n in zip(a.moments, b.moments, strict=True))
            and (a.outer_step, a.frozen) == (b.outer_step, b.frozen)
            for a, b in arms
        )
    )


# ---------------------------------------------------------------- checkpoint


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_checkpoint_resumes_bit_for_bit(tmp_path: Path, precision: str) -> None:
    settings = SMALL.with_values({"precision": precision})
    plan, state = trained(settings)
    record = {
        "algorithm": "maml", "shots": 5, "tasks": 2, "seed": 1, "inner_steps": [0],
        "mean": [None], "ci95": [None], "mean_kept": [1.0], "median": [2.0], "diverged": [1],
        "fine_tuning_lr": None,
    }  # fmt: skip
    results = {1: {arm.name: ArmResult(9, (record,), "why") for arm in settings.arms}}
    saved = Checkpoint(settings, state, (1, 2, 3), results, {"S": "because"}, {METRICS: 17})
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, saved)
    loaded = load_checkpoint(path, plan)
    assert same(loaded.state, state)
    assert (loaded.settings, loaded.seeds, loaded.results) == (settings, (1, 2, 3), results)
    assert (loaded.diverged, loaded.file_sizes) == ({"S": "because"}, {METRICS: 17})
    after, _ = outer_step(plan, state)
    again, _ = outer_step(prepare(settings), loaded.state)
    assert same(after, again)


@pytest.mark.parametrize("norm", ["batch-running", "batch-per-step"])
def test_running_averages_resume_bit_for_bit(tmp_path: Path, norm: str) -> None:
    settings = SMALL.with_values({"norm": norm, "skip": True, "hidden": (4, 4)})
    plan, state = trained(settings)
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, Checkpoint(settings, state, (2,)))
    loaded = load_checkpoint(path, prepare(settings))
    assert same(loaded.state, state)
    fresh = start_run(plan)
    for name, arm in state.arms.items():
        rows, begun = (
            plan.model.layers(one)[0][4:]
            for one in (arm.initialization, fresh.arms[name].initialization)
        )
        assert not torch.equal(rows, begun)
    again = loaded.state
    for _ in range(3):
        state, _ = outer_step(plan, state)
        again, _ = outer_step(prepare(settings), again)
    assert same(state, again)


def without_norms(about: dict[str, Any]) -> None:
    lines = about["settings"].splitlines()
    about["settings"] = "\n".join(x for x in lines if not x.startswith(("skip =", "norm =")))


def test_a_checkpoint_from_before_there_were_norms_opens(tmp_path: Path) -> None:
    plan, state = trained()
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, Checkpoint(SMALL, state, (2,)))
    data = changed(without_norms)(path.read_bytes())
    assert len(data) < len(path.read_bytes())
    path.write_bytes(data)
    assert same(load_checkpoint(path, plan).state, state)


def changed(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    """Bytes of a checkpoint with its counters edited, its tensors as they were."""

    def edit(data: bytes) -> bytes:
        from safetensors.numpy import load

        about = json.loads(metadata_of(data, Path("x"))["checkpoint"])
        change(about)
        return tensor_bytes(load(data), {"checkpoint": json.dumps(about)})

    return edit


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data + b"x",
        lambda data: b"\x80\x04cposix\nsystem\n(S'true'\ntR.",
        changed(lambda about: about.clear()),
        changed(lambda about: about.update(schema=2)),
        changed(lambda about: about.update(settings="schema = 1")),
        changed(lambda about: about.update(settings=3)),
        changed(lambda about: about.update(seeds=[])),
        changed(lambda about: about.update(seeds=[1])),
        changed(lambda about: about.update(seeds=list(range(1000)))),
        changed(lambda about: about.update(outer_step=-1)),
        changed(lambda about: about.update(outer_step=True)),
        changed(lambda about: about.update(arms={})),
        changed(lambda about: about["arms"]["MAML"].update(frozen=1)),
        changed(lambda about: about["arms"]["MAML"].update(outer_step=1.5)),
        changed(lambda about: about.update(results={"9": {}})),
        changed(lambda about: about.update(results={"2": {}})),
        changed(lambda about: about.update(diverged={"MAML": 1})),
        changed(lambda about: about.update(file_sizes={"metrics.csv": -1})),
    ],
)
def test_a_damaged_checkpoint_is_refused_in_one_sentence(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    plan, state = trained()
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, Checkpoint(SMALL, state, (2,)))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises((StorageError, SettingsError)) as refusal:
        load_checkpoint(path, plan)
    assert "\n" not in str(refusal.value)


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    _, state = trained()
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, Checkpoint(SMALL, state, (2,)))
    for change in ({"inner_lr": 0.02}, {"hidden": (5,)}, {"optimizer": "sgd"}):
        with pytest.raises(StorageError):
            load_checkpoint(path, prepare(SMALL.with_values(change)))
    assert load_checkpoint(path, prepare(SMALL.with_values({"outer_steps": 7}))).settings == SMALL


def test_a_state_that_is_not_finite_is_not_saved(tmp_path: Path) -> None:
    _, state = trained()
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, Checkpoint(SMALL, state, (2,)))
    before = path.read_bytes()
    state.arms["MAML"].initialization[0] = float("nan")
    with pytest.raises(ValueError, match="not finite"):
        save_checkpoint(path, Checkpoint(SMALL, state, (2,)))
    assert path.read_bytes() == before


# ---------------------------------------------------------------- run folder


def test_a_new_run_folder(tmp_path: Path) -> None:
    folder = create_run(tmp_path / "deep" / "run", SMALL)
    assert sorted(p.name for p in folder.path.iterdir()) == sorted([LOCK, SETTINGS, *COLUMNS])
    with folder.owned():
        pass
    assert sorted(p.name for p in folder.path.iterdir()) == sorted([SETTINGS, *COLUMNS])
    opened, settings = open_run(folder.path)
    assert (opened.path, settings) == (folder.path, SMALL)
    for name, columns in COLUMNS.items():
        assert (folder.path / name).read_text() == ",".join(columns) + "\n"


def test_rows_are_appended_and_cut_back(tmp_path: Path) -> None:
    folder = create_run(tmp_path / "run", SMALL)
    row = (1, 'a "b", c', 0, 0.1, float("inf"), None, float("nan"))
    folder.append(METRICS, [row])
    sizes = folder.file_sizes()
    kept = (folder.path / METRICS).read_bytes()
    folder.append(METRICS, [(2, "x", 0, 1.0, 1.0, None, None)])
    folder.cut_back(sizes)
    assert (folder.path / METRICS).read_bytes() == kept
    rows = list(csv.DictReader((folder.path / METRICS).read_text().splitlines()))
    assert rows == [
        {
            "outer_step": "1", "arm": 'a "b", c', "seed": "0", "support_loss_before": "0.1",
            "query_loss_after": "", "support_loss_after": "", "query_loss_before": "",
        }
    ]  # fmt: skip
    with pytest.raises(StorageError, match="shorter"):
        folder.cut_back({METRICS: 10_000})
    assert (folder.path / METRICS).read_bytes() == kept
    found = read_losses(folder.path / METRICS, 0)['a "b", c']
    assert found.outer_step.tolist() == [1]
    assert found.inner.tolist() == [0.1] and np.isnan(found.outer).all()
    assert read_losses(folder.path / METRICS, 1) == {}


@pytest.mark.parametrize(
    "text", ["a,b\nx\n", "h\n1,a,0,1.0,abc,,\n", "h\nx,a,0,1.0,1.0,,\n", "\xff"]
)
def test_damaged_metrics_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / METRICS
    path.write_bytes(text.encode("latin-1"))
    if text == "\xff":
        path.write_bytes(b"h\n1,\xff,0,1.0,1.0,,\n")
    with pytest.raises(StorageError):
        read_losses(path, 0)


def test_folders_that_are_there_are_left_alone(tmp_path: Path) -> None:
    (create_run(tmp_path / "run", SMALL).path / CHECKPOINT).write_bytes(b"")
    with pytest.raises(StorageError, match="--resume"):
        create_run(tmp_path / "run", SMALL)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(StorageError, match="not a run folder"):
        create_run(tmp_path / "mine", SMALL)
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.tex"]
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="is a file"):
        create_run(tmp_path / "file", SMALL)
    for wrong in (tmp_path / "file" / "run", Path("a\0b"), tmp_path / ("x" * 300)):
        with pytest.raises(StorageError, match="cannot be written"):
            create_run(wrong, SMALL)
    with pytest.raises(StorageError, match="not a run folder"):
        open_run(tmp_path / "mine")
    assert not is_run_folder(Path("a\0b"))
    (tmp_path / "empty").mkdir()
    assert is_run_folder(create_run(tmp_path / "empty", SMALL).path)


def test_arm_names_never_become_paths() -> None:
    names = ["../../etc", "MAML", "maml", "α", "a/b", "A B", ".", "con"]
    folders = arm_folders([Arm(name, "maml") for name in names])
    assert list(folders) == names
    assert len(set(folders.values())) == len(names)
    for folder in folders.values():
        assert folder.startswith("maml") and set(folder) <= set(
            "abcdefghijklmnopqrstuvwxyz0123456789-"
        )
    assert folders["MAML"] == "maml"
    usual = arm_folders([default_arm(a) for a in ("maml", "fomaml", "anil", "reptile", "mtl")])
    assert list(usual.values()) == ["maml", "fomaml", "anil", "reptile", "mtl"]


def test_a_summary_has_no_nan(tmp_path: Path) -> None:
    folder = create_run(tmp_path / "run", SMALL)
    with pytest.raises(ValueError):
        folder.write_summary({"mean": float("nan")})
    assert not (folder.path / "summary.json").exists()
    assert [field_text(v) for v in (1.5, 3, None, float("nan"), "a")] == ["1.5", "3", "", "", "a"]


def test_a_read_only_place_is_refused(tmp_path: Path) -> None:
    if os.name != "posix" or os.geteuid() == 0:
        pytest.skip("the superuser may write anywhere")
    (tmp_path / "shut").mkdir(mode=0o500)
    with pytest.raises(StorageError, match="Permission denied"):
        create_run(tmp_path / "shut" / "run", SMALL)


def test_a_run_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    """Row 4, for the saves of the window: a fault at any call leaves the older run."""
    path, disk = tmp_path / "run", Disk()

    def save(value: float) -> None:
        with whole_run(path, SMALL.with_values({"noise": value}), overwrite=True) as folder:
            folder.append(METRICS, [(1, "MAML", 0, value, value, None, None)])

    def found() -> tuple[object, ...]:
        return open_run(path)[1]["noise"], *read_losses(path / METRICS, 0)["MAML"].inner

    save(1.0)
    with disk.watched():
        save(2.0)
        calls = len(disk.calls)
        assert found() == (2.0, 2.0) and calls > 30
        old = 0
        for index in range(calls):
            disk.reset()
            save(1.0)
            disk.reset(fail_at=index)
            try:
                save(2.0)
                assert found() == (2.0, 2.0)
            except (OSError, StorageError):
                disk.reset()
                assert found() in ((1.0, 1.0), (2.0, 2.0))
                old += found() == (1.0, 1.0)
    assert old > 20  # folders that cannot be synchronized are warnings
    assert not list(tmp_path.glob(".run.*.part"))


def test_what_belonged_to_the_older_run_goes_and_a_persons_files_stay(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with whole_run(path, SMALL.with_arms((default_arm("anil"),))) as folder:
        folder.write_summary({"mean": 1.0})
        (path.parent / "other").mkdir()
    arm = path / "anil" / "seed-3"
    arm.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        (arm / name).write_text("of the older run")
    (arm / "thesis.tex").write_text("years of work")
    (path / "notes.txt").write_text("mine")
    with pytest.raises(StorageError, match="holds a run already"), whole_run(path, SMALL):
        pass
    with whole_run(path, SMALL, overwrite=True):
        pass
    kept = {str(p.relative_to(path)) for p in path.rglob("*") if p.is_file()}
    assert kept == {SETTINGS, *COLUMNS, "notes.txt", "anil/seed-3/thesis.tex"}
    assert (path / "notes.txt").read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other", "run"]
