"""Headless runs: a plain loop's numbers, resumed bit for bit, divergence contained."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from maml_explorer.core.plan import prepare
from maml_explorer.core.student_t import student_t_975
from maml_explorer.core.training import outer_step, start_run
from maml_explorer.experiments import saver, training
from maml_explorer.experiments.api import evaluate
from maml_explorer.experiments.outcome import Progress
from maml_explorer.experiments.training import train_headless
from maml_explorer.published.statistics import over_seeds
from maml_explorer.settings.settings import Arm, Settings, default_arm
from maml_explorer.storage.initialization.folder import load_initialization
from maml_explorer.storage.run.checkpoint import load_checkpoint
from maml_explorer.storage.run.folder import CHECKPOINT, create_run, open_run

SMALL = Settings().with_values(
    {
        "hidden": (6, 5), "activation": "tanh", "meta_batch": 3, "outer_steps": 24,
        "test_tasks": 20, "test_steps": 2, "evaluate_every": 9,
    }
)  # fmt: skip
SMALL = SMALL.with_arms(tuple(default_arm(a) for a in ("maml", "anil", "reptile", "mtl")))
EXPLODING = Arm("hot", "maml", (("inner_lr", 100.0), ("inner_steps", 5)))


@pytest.fixture(autouse=True)
def frequent_saves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_EVERY", 5)
    monkeypatch.setattr(training, "FULL_LOSSES_EVERY", 4)


def files(folder: Path) -> dict[str, bytes]:
    """All files but the summary, whose steps per second depend on the clock."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        # torch's zip has the name of a temporary file's folder in it
        if path.is_file() and path.name not in ("summary.json", "model.pt")
    }


def interrupted(settings: Settings, path: Path, seeds: tuple[int, ...], at: int) -> None:
    def stop(progress: Progress) -> None:
        if progress.done == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_headless(settings, seeds, folder=create_run(path, settings), progress=stop)


def resumed(path: Path, progress: Any = None) -> Any:
    folder, settings = open_run(path)
    checkpoint = load_checkpoint(path / CHECKPOINT, prepare(settings))
    folder.cut_back(checkpoint.file_sizes)
    return train_headless(
        settings, checkpoint.seeds, folder=folder, checkpoint=checkpoint, progress=progress
    )


def test_a_headless_run_is_a_plain_loop(tmp_path: Path) -> None:
    outcome = train_headless(SMALL, (3,), folder=create_run(tmp_path / "a", SMALL))
    settings = SMALL.with_values({"seed": 3})
    plan = prepare(settings)
    state = start_run(plan)
    losses: dict[str, list[tuple[float, float]]] = {arm.name: [] for arm in SMALL.arms}
    for _ in range(24):
        state, step = outer_step(plan, state)
        for name, loss in step.items():
            losses[name].append((float(loss[0]), float(loss[1])))
    for name, arm in state.arms.items():
        theta = arm.initialization.numpy()
        np.testing.assert_array_equal(outcome.initializations[3][name].parameters, theta)
        metrics = outcome.metrics[3][name]
        assert metrics.outer_step.tolist() == list(range(1, 25))
        pairs = zip(metrics.support_before, metrics.query_after, strict=True)
        assert [(float(a), float(b)) for a, b in pairs] == losses[name]
    with (tmp_path / "a" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24 * 4
    for row in rows:
        inner, outer = losses[row["arm"]][int(row["outer_step"]) - 1]
        assert (float(row["support_loss_before"]), float(row["query_loss_after"])) == (inner, outer)
        has_extra = int(row["outer_step"]) % 4 == 0 or row["outer_step"] == "1"
        assert bool(row["support_loss_after"]) == bool(row["query_loss_before"]) == has_extra
    with (tmp_path / "a" / "evaluations.csv").open() as file:
        tested = {int(row["outer_step"]) for row in csv.DictReader(file)}
    assert tested == {9, 18, SMALL.outer.outer_steps}


@pytest.mark.parametrize("at", [1, 2, 6, 7, 23, 24])
def test_an_interrupted_run_resumes_bit_for_bit(tmp_path: Path, at: int) -> None:
    train_headless(SMALL, (0,), folder=create_run(tmp_path / "whole", SMALL))
    interrupted(SMALL, tmp_path / "cut", (0,), at)
    resumed(tmp_path / "cut")
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


@pytest.mark.parametrize("at", [2, 7, 23])
def test_learned_step_sizes_and_schedules_resume_bit_for_bit(tmp_path: Path, at: int) -> None:
    arms = (
        default_arm("meta_sgd"),
        Arm("LSLR", "maml", (("lslr", True),)),
        Arm("sgd", "anil", (("lslr", True), ("momentum", 0.9), ("optimizer", "sgd"))),
    )
    tricks = SMALL.with_arms(arms).with_values(
        {
            "inner_steps": 2, "multi_step_loss": True, "multi_step_until": 12,
            "second_order_from": 6, "schedule": "cosine", "inner_clip": 1.0, "outer_clip": 1.0,
            "outer_lr": 0.01,
        }
    )  # fmt: skip
    outcome = train_headless(tricks, (0,), folder=create_run(tmp_path / "whole", tricks))
    learned = outcome.initializations[0]["LSLR"].parameters
    assert np.abs(learned[-6:] - 0.01).max() > 1e-3
    interrupted(tricks, tmp_path / "cut", (0,), at)
    resumed(tmp_path / "cut")
    assert files(tmp_path / "cut") == files(tmp_path / "whole")
    loaded = load_initialization(tmp_path / "cut" / "maml-lslr")
    np.testing.assert_array_equal(loaded.parameters, learned)
    record = evaluate(loaded, shots=5, inner_steps=(0, 1, 2), tasks=20)
    assert record["mean"] == outcome.results[0]["LSLR"].evaluations[0]["mean"]


def test_several_seeds_resume_too(tmp_path: Path) -> None:
    seeds = (4, 0, 9)
    whole = train_headless(SMALL, seeds, folder=create_run(tmp_path / "whole", SMALL))
    interrupted(SMALL, tmp_path / "cut", seeds, 24 + 11)
    outcome = resumed(tmp_path / "cut")
    assert files(tmp_path / "cut") == files(tmp_path / "whole")
    assert outcome.results == whole.results
    assert list(outcome.results) == list(seeds)
    names = {str(path.relative_to(tmp_path / "whole")) for path in (tmp_path / "whole").rglob("*")}
    assert {f"maml/seed-{seed}" for seed in seeds} <= names


def test_a_kill_between_two_files_of_a_save_is_repaired(tmp_path: Path) -> None:
    train_headless(SMALL, (0,), folder=create_run(tmp_path / "whole", SMALL))
    interrupted(SMALL, tmp_path / "cut", (0,), 12)
    with (tmp_path / "cut" / "metrics.csv").open("ab") as file:
        file.write(b"12,MAML,0,1.0,2.0,,\n12,ANI")  # appended, and then the power failed
    resumed(tmp_path / "cut")
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


def test_an_interrupt_inside_a_save_writes_no_row_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_headless(SMALL, (0,), folder=create_run(tmp_path / "whole", SMALL))
    real = saver.save_checkpoint
    saves = []

    def interrupt(path: Path, checkpoint: Any) -> None:
        saves.append(path)
        if len(saves) == 3:  # the rows are appended, the checkpoint is not there yet
            raise KeyboardInterrupt
        real(path, checkpoint)

    monkeypatch.setattr(saver, "save_checkpoint", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train_headless(SMALL, (0,), folder=create_run(tmp_path / "cut", SMALL))
    resumed(tmp_path / "cut")
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


def test_a_full_disk_leaves_a_run_that_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_headless(SMALL, (0,), folder=create_run(tmp_path / "whole", SMALL))
    real = saver.save_checkpoint
    saves = []

    def full(path: Path, checkpoint: Any) -> None:
        saves.append(path)
        if len(saves) >= 3:
            raise OSError(28, "No space left on device")
        real(path, checkpoint)

    monkeypatch.setattr(saver, "save_checkpoint", full)
    with pytest.raises(OSError, match="No space left"):
        train_headless(SMALL, (0,), folder=create_run(tmp_path / "cut", SMALL))
    monkeypatch.setattr(saver, "save_checkpoint", real)
    resumed(tmp_path / "cut")
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


def test_a_diverging_arm_is_frozen_and_the_others_are_as_without_it(tmp_path: Path) -> None:
    both = SMALL.with_arms((*SMALL.arms[:2], EXPLODING))
    outcome = train_headless(both, (0,), folder=create_run(tmp_path / "a", both))
    alone = train_headless(SMALL.with_arms(SMALL.arms[:2]), (0,))
    for name in ("MAML", "ANIL"):
        np.testing.assert_array_equal(
            outcome.initializations[0][name].parameters, alone.initializations[0][name].parameters
        )
    hot = outcome.results[0]["hot"]
    assert hot.diverged.startswith("hot diverged at outer step ")
    assert hot.outer_step < 24
    assert np.isfinite(outcome.initializations[0]["hot"].parameters).all()
    assert not outcome.results[0]["MAML"].diverged
    for text in ((tmp_path / "a" / "metrics.csv").read_text(), json.dumps(outcome.summary())):
        assert "nan" not in text.lower().replace("name", "") and "inf" not in text.lower()
    assert load_initialization(tmp_path / "a" / "maml-hot").outer_step == hot.outer_step


@pytest.mark.parametrize("at", [1, 2, 3, 8])
def test_divergence_is_resumed_bit_for_bit(tmp_path: Path, at: int) -> None:
    # diverges after a few steps, not at once
    slow = Arm("hot", "maml", (("outer_lr", 30.0), ("optimizer", "sgd")))
    both = SMALL.with_arms((SMALL.arms[0], slow))
    outcome = train_headless(both, (0,), folder=create_run(tmp_path / "whole", both))
    assert outcome.results[0]["hot"].diverged
    interrupted(both, tmp_path / "cut", (0,), at)
    again = resumed(tmp_path / "cut")
    assert again.results == outcome.results
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


def test_a_run_ends_when_all_arms_have_diverged() -> None:
    outcome = train_headless(SMALL.with_arms((EXPLODING,)), (0,))
    assert outcome.metrics[0]["hot"].outer_step.tolist() == [1]
    assert outcome.results[0]["hot"].outer_step == 0


def test_progress_counts_over_all_seeds() -> None:
    seen: list[Progress] = []
    train_headless(SMALL.with_values({"outer_steps": 3}), (0, 1), progress=seen.append)
    assert [p.done for p in seen] == [1, 2, 3, 4, 5, 6]
    assert {p.total for p in seen} == {6}
    assert [p.seed for p in seen] == [0, 0, 0, 1, 1, 1]
    assert set(seen[0].losses) == {"MAML", "ANIL", "Reptile", "MTL"}


def test_threads_are_set_for_the_run_and_restored() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    seen = []
    train_headless(
        SMALL.with_values({"outer_steps": 1}), (0,),
        progress=lambda _: seen.append(torch.get_num_threads()),
    )  # fmt: skip
    assert (seen, torch.get_num_threads()) == ([1], 2)
    torch.set_num_threads(before)


def test_the_interval_over_seeds_is_students() -> None:
    quantiles = {1: 12.7062, 2: 4.30265, 4: 2.77645, 9: 2.26216, 29: 2.04523, 99: 1.98422}
    for degrees, quantile in quantiles.items():
        assert student_t_975(degrees) == pytest.approx(quantile, abs=2e-5)
    runs = [
        [{"shots": 5, "inner_steps": [0, 1], "mean": [m, n]}] for m, n in ((1.0, 2.0), (3.0, None))
    ]
    (row,) = over_seeds(runs)
    assert row["mean"] == [2.0, None]
    assert row["ci95"][0] == pytest.approx(12.7062 * math.sqrt(2) / math.sqrt(2), abs=1e-3)
    assert row["ci95"][1] is None
    assert over_seeds(runs[:1])[0]["ci95"] == [None, None]
