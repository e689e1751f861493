"""Successive halving: the best cells go on, the same ones however they are trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from maml_explorer.experiments.sweep.driver import drive
from maml_explorer.experiments.sweep.engine import InProcess
from maml_explorer.experiments.sweep.halving import prune
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.storage.report.sweep_table import TrialState
from maml_explorer.storage.run.folder import CHECKPOINT
from maml_explorer.storage.sweep.axes import parse_axis
from maml_explorer.storage.sweep.folder import DECISIONS, SweepFolder, create_sweep, open_sweep
from maml_explorer.storage.sweep.result import rung_file
from maml_explorer.storage.sweep.spec import SweepSpec
from tests.experiments.sweep.test_sweep import digests

SMALL = {"hidden": (6,), "meta_batch": 2, "outer_steps": 27, "test_tasks": 8, "schedule": "cosine"}
AXES = (parse_axis("outer_lr=0.00001,0.001,0.01"), parse_axis("inner_lr=0.001,0.01,0.02"))


def spec(halving: int = 3) -> SweepSpec:
    base = Settings().with_values(SMALL).with_arms((default_arm("maml"),))
    return SweepSpec(base, AXES, (0, 1), halving=halving)


def engine() -> InProcess:
    return InProcess(5, lambda: False)


def rungs_of(sweep: SweepFolder) -> list[dict[str, object]]:
    lines = (sweep.path / DECISIONS).read_text().splitlines()
    found = [json.loads(line) for line in lines]
    return [{k: d[k] for k in ("outer_step", "promoted", "pruned")} for d in found
            if d["what"] == "rung"]  # fmt: skip


def test_the_best_cells_go_on_and_equal_those_of_a_whole_sweep(tmp_path: Path) -> None:
    assert spec().rungs == (3, 9)
    sweep = create_sweep(tmp_path / "h", spec())
    assert open_sweep(sweep.path).spec == spec()
    ended = drive(sweep, engine())
    states = [row.state for row in sweep.rows()]
    assert (states.count(TrialState.DONE), states.count(TrialState.PRUNED)) == (2, 16)
    assert ended.done == 2
    first, second = rungs_of(sweep)
    assert (first["outer_step"], second["outer_step"]) == (3, 9)
    assert len(first["promoted"]) == 6 and len(second["promoted"]) == 2  # type: ignore[arg-type]
    # of the cells of the first rung the three with the smallest means went on
    means: dict[object, float] = {}
    for trial in sweep.trials():
        found = json.loads(rung_file(sweep.run(trial.name), 3).read_text())
        means[trial.point] = means.get(trial.point, 0.0) + found["mean"] / 2
    best = sorted(means, key=lambda point: means[point])[:3]
    assert {t.point for t in sweep.trials() if t.name in first["promoted"]} == set(best)  # type: ignore[operator]
    # what was stopped has not gone on, and what reached the end is what trains without halving
    whole = create_sweep(tmp_path / "w", spec(0))
    drive(whole, engine())
    kept, every = digests(sweep), digests(whole)
    for name in second["promoted"]:  # type: ignore[attr-defined]
        files = [file for file in every if file.startswith(f"runs/{name}/")]
        assert files and all(kept[file] == every[file] for file in files)
    assert not [name for name in first["pruned"] if (sweep.run(name) / "maml").exists()]  # type: ignore[attr-defined]


def test_an_interrupted_halving_decides_the_same(tmp_path: Path) -> None:
    whole = create_sweep(tmp_path / "w", spec())
    drive(whole, engine())
    cut = create_sweep(tmp_path / "c", spec())
    for stop in (2, 9, 6):
        calls = 0

        def interrupt(_: object, stop: int = stop) -> None:
            nonlocal calls
            calls += 1
            if calls > stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            drive(cut, engine(), progress=interrupt)
    drive(cut, engine())
    assert rungs_of(cut) == rungs_of(whole) and digests(cut) == digests(whole)


def test_a_cell_with_a_diverged_seed_ranks_behind(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path / "s", SweepSpec(spec().base, AXES[:1], (0, 1), halving=3))
    trials = sweep.trials()
    for trial, mean in zip(trials, (0.1, 0.1, 0.5, 0.5, 0.4, 0.7), strict=True):
        path = rung_file(sweep.run(trial.name), 9)
        path.parent.mkdir(parents=True)
        diverged = int(trial is trials[1])
        found = {"mean": mean, "seconds": 1, "diverged": diverged, "diverged_in_training": ""}
        path.write_text(json.dumps(found))
    prune(sweep, trials, 9)
    (decided,) = rungs_of(sweep)
    assert decided["promoted"] == [trials[2].name, trials[3].name]
    prune(sweep, trials, 9)
    assert len(rungs_of(sweep)) == 1 and not (sweep.run(trials[0].name) / CHECKPOINT).exists()


def test_what_cannot_be_halved_is_refused() -> None:
    with pytest.raises(SettingsError, match="from 2 to 10"):
        SweepSpec(Settings(), AXES, halving=1)
    assert SweepSpec(Settings().with_values({"outer_steps": 2}), AXES, halving=3).rungs == ()
