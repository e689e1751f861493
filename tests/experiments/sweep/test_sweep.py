"""Whole sweeps: in this process and on Dask's workers, interrupted, killed, gone on with."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from maml_explorer.experiments.sweep.driver import MOST_ATTEMPTS, SweepProgress, drive
from maml_explorer.experiments.sweep.engine import InProcess, OnDask, Result, local_cluster
from maml_explorer.experiments.sweep.results import winner_tested, write_results
from maml_explorer.experiments.sweep.work import Ended, train_trial
from maml_explorer.files.lock import InUseError
from maml_explorer.files.reader import StorageError
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.presets import load_preset
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.storage.report.sweep_table import TrialState
from maml_explorer.storage.run.folder import CHECKPOINT, METRICS, SUMMARY, create_run
from maml_explorer.storage.sweep.axes import parse_axis
from maml_explorer.storage.sweep.folder import (
    DECISIONS,
    LIVE,
    STOP,
    SweepFolder,
    create_sweep,
    extended,
    open_sweep,
)
from maml_explorer.storage.sweep.result import FAILURE, OBJECTIVE
from maml_explorer.storage.sweep.spec import SweepSpec, usual_objective

SMALL = {"hidden": (8,), "meta_batch": 3, "outer_steps": 40, "test_tasks": 10}
CLOCKS = {SUMMARY, OBJECTIVE}
"""Files of a run that hold a duration."""


def spec(steps: int = 40, seeds: tuple[int, ...] = (0, 1)) -> SweepSpec:
    base = Settings().with_values({**SMALL, "outer_steps": steps})
    axes = (parse_axis("inner_lr=0.001,0.005"), parse_axis("algorithm=maml,anil"))
    return SweepSpec(base.with_arms((default_arm("maml"),)), axes, seeds)


def train(sweep: SweepFolder) -> None:
    drive(sweep, InProcess(sweep.spec.inner_steps, (sweep.path / STOP).exists))


def digests(sweep: SweepFolder) -> dict[str, str]:
    """File of a run → digest, clocks left out."""
    found = {}
    for trial in sweep.trials():
        for path in sorted(sweep.run(trial.name).rglob("*")):
            # a killed save leaves a hidden part behind, which the next one does not read
            if path.is_file() and path.name not in CLOCKS and not path.name.startswith("."):
                name = str(path.relative_to(sweep.path))
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def test_a_sweep_trains_every_run_once_and_says_what_came_of_it(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path / "s", spec())
    train(sweep)
    rows = write_results(sweep, winner=winner_tested(sweep, sweep.rows()))
    assert len(rows) == 8 and all(row.state is TrialState.DONE for row in rows)
    assert all(row.objective is not None and row.objective > 0 for row in rows)
    text = (sweep.path / "runs.csv").read_text(encoding="utf-8")
    table = list(csv.DictReader(text.splitlines()))
    assert [float(line["objective"]) for line in table] == [row.objective for row in rows]
    summary = json.loads((sweep.path / SUMMARY).read_text(encoding="utf-8"))
    means = [cell["mean"] for cell in summary["cells"]]
    assert summary["best"]["mean"] == min(means) and len(means) == 4
    tested = summary["meta_test_of_the_best"]
    assert tested["seeds"] == 2 and tested["mean"] > 0
    assert "<svg" in (sweep.path / "report.html").read_text(encoding="utf-8")
    # nothing is trained twice
    before = digests(sweep)
    stamps = {p: p.stat().st_mtime_ns for p in sweep.path.glob("runs/*/*")}
    train(open_sweep(sweep.path))
    assert digests(sweep) == before
    assert stamps == {p: p.stat().st_mtime_ns for p in sweep.path.glob("runs/*/*")}


def test_the_held_out_tasks_are_not_used_to_choose(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path / "s", spec(seeds=(0,)))
    train(sweep)
    for trial in sweep.spec.trials():
        config = json.loads(next(sweep.run(trial.name).glob("*/config.json")).read_text())
        assert config["evaluations"] == []
        assert "meta_test" not in (sweep.run(trial.name) / OBJECTIVE).read_text()


def test_a_run_of_a_sweep_learns_what_train_learns(tmp_path: Path) -> None:
    from maml_explorer.experiments.training import train_headless

    sweep = create_sweep(tmp_path / "s", spec(seeds=(3,)))
    trial = sweep.spec.trials()[0]
    create_run(sweep.run(trial.name), trial.settings)
    assert train_trial(sweep.run(trial.name), 5) is Ended.DONE
    folder = create_run(tmp_path / "plain", trial.settings)
    train_headless(trial.settings, (3,), folder=folder)
    for name in (METRICS, "maml/model.safetensors"):
        assert (sweep.run(trial.name) / name).read_bytes() == (folder.path / name).read_bytes()


def test_two_workers_write_the_same_bytes_as_none(tmp_path: Path) -> None:
    alone = create_sweep(tmp_path / "alone", spec())
    train(alone)
    together = create_sweep(tmp_path / "together", spec())
    with local_cluster(2) as client:
        ended = drive(together, OnDask(client, 2, 5, together.path / STOP))
    assert (ended.done, ended.failed) == (8, 0)
    assert digests(together) == digests(alone)
    assert [r.objective for r in together.rows()] == [r.objective for r in alone.rows()]


def test_a_worker_that_is_killed_costs_nothing(tmp_path: Path) -> None:
    alone = create_sweep(tmp_path / "alone", spec(1500))
    train(alone)
    sweep = create_sweep(tmp_path / "s", spec(1500))
    killed = []
    with local_cluster(2) as client:

        def kill(_: object) -> None:
            if len(killed) < 2 and any(sweep.path.glob(f"runs/*/{CHECKPOINT}")):
                pids = list(client.run(os.getpid).values())
                os.kill(pids[0], signal.SIGKILL)
                killed.append(pids[0])

        ended = drive(sweep, OnDask(client, 2, 5, sweep.path / STOP), progress=kill)
    assert killed and (ended.done, ended.failed) == (8, 0)
    assert digests(sweep) == digests(alone)


def test_a_worker_that_dask_gave_up_is_begun_again(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path / "s", spec(seeds=(0,)))
    with local_cluster(1) as client:
        # as where its process is killed while it starts
        client.sync(client.cluster.workers[0].close)
        ended = drive(sweep, OnDask(client, 1, 5, sweep.stop))
    assert (ended.done, ended.failed) == (4, 0)


def test_a_killed_driver_leaves_a_sweep_that_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "s"
    command = [
        sys.executable, "-m", "maml_explorer", "sweep", "--out", str(path), "--workers", "1",
        "--vary", "inner_lr=0.01,0.1", "--vary", "algorithm=maml,anil", "--seeds", "0,1",
        "--hidden", "8", "--meta-batch", "3", "--outer-steps", "1500", "--test-tasks", "10",
    ]  # fmt: skip
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(path.glob(f"runs/*/{SUMMARY}")) and time.monotonic() < deadline:
        time.sleep(0.05)
    child.kill()
    child.wait()
    sweep = open_sweep(path)
    states = [row.state for row in sweep.rows()]
    assert TrialState.DONE in states and states.count(TrialState.DONE) < 8
    train(sweep)
    alone = create_sweep(tmp_path / "alone", sweep.spec)
    train(alone)
    assert digests(sweep) == digests(alone)


def test_an_interrupted_sweep_saves_its_run_and_goes_on(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path / "s", spec(seeds=(0,)))
    trial = sweep.spec.trials()[0]
    create_run(sweep.run(trial.name), trial.settings.with_values({"outer_steps": 40}))
    asked: list[bool] = []

    def ask() -> bool:
        asked.append(True)
        return True

    long = trial.settings.with_values({"outer_steps": 1_000_000})
    place = tmp_path / "long"
    create_run(place, long)
    assert train_trial(place, 5, ask) is Ended.STOPPED and asked
    assert (place / CHECKPOINT).exists() and not (place / SUMMARY).exists()


def test_a_file_asks_the_driver_to_save_and_stop(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path / "s", spec(seeds=(0,), steps=1_000_000))
    sweep.stop.touch()  # of before: the driver that begins takes it away
    seen: list[int] = []

    def ask(found: SweepProgress) -> None:
        seen.append(found.running)
        sweep.stop.touch()

    with pytest.raises(KeyboardInterrupt):
        drive(sweep, InProcess(5, sweep.stop.exists), progress=ask)
    assert seen == [1] and not sweep.stop.exists()
    assert [sweep.state(trial.name) for trial in sweep.trials()].count(TrialState.RUNNING) == 1
    live = json.loads((sweep.path / LIVE).read_text(encoding="utf-8"))
    assert (live["workers"], live["running"]) == (0, 0)
    what = [json.loads(line)["what"] for line in (sweep.path / DECISIONS).read_text().splitlines()]
    assert what == ["began", "stopped"]
    sweep.held().release()


def test_a_run_that_always_kills_its_process_is_given_up_and_the_others_go_on(
    tmp_path: Path,
) -> None:
    sweep = create_sweep(tmp_path / "s", spec(seeds=(0,)))
    victim = sweep.spec.trials()[1].name

    class Deadly(InProcess):
        """Stands in for workers that die whenever they train one certain run."""

        def wait(self, seconds: float) -> list[Result]:
            name = self._queue[0][0]
            if name == victim:
                self._queue.popleft()
                return [Result(name, None, "its process was ended from outside", killed=True)]
            return super().wait(seconds)

    ended = drive(sweep, Deadly(5, lambda: False))
    assert (ended.done, ended.failed) == (3, 1)
    failure = json.loads((sweep.run(victim) / FAILURE).read_text(encoding="utf-8"))
    assert failure["attempts"] == MOST_ATTEMPTS and "ended from outside" in failure["reason"]
    decisions = [json.loads(line) for line in (sweep.path / DECISIONS).read_text().splitlines()]
    assert [d["what"] for d in decisions].count("again") == MOST_ATTEMPTS - 1
    live = json.loads((sweep.path / LIVE).read_text(encoding="utf-8"))
    assert (live["done"], live["failed"], live["total"]) == (3, 1, 4)
    ended = drive(sweep, InProcess(5, lambda: False), retry_failed=True)
    assert (ended.done, ended.failed) == (4, 0)


def test_a_second_driver_is_refused_by_name(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path / "s", spec())
    held = sweep.held()
    with pytest.raises(InUseError, match=str(os.getpid())):
        train(open_sweep(sweep.path))
    held.release()
    assert not list(sweep.path.glob(f"runs/*/{SUMMARY}"))


def test_a_sweep_can_be_given_more_seeds(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path / "s", spec(seeds=(0,)))
    train(sweep)
    before = digests(sweep)
    wider = extended(sweep, spec(seeds=(0, 1)))
    assert open_sweep(sweep.path).spec == wider.spec
    train(wider)
    after = digests(wider)
    assert {name: after[name] for name in before} == before and len(after) == 2 * len(before)


def test_a_result_that_is_damaged_makes_one_run_a_failed_one(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path / "s", spec(seeds=(0,)))
    train(sweep)
    name = sweep.spec.trials()[2].name
    (sweep.run(name) / OBJECTIVE).write_text('{"mean": "much"}')
    rows = sweep.rows()
    assert [row.state for row in rows].count(TrialState.FAILED) == 1
    assert rows[2].reason and "\n" not in rows[2].reason


def test_a_description_is_read_as_written_and_refused_otherwise(tmp_path: Path) -> None:
    described = SweepSpec(
        Settings(), (parse_axis("inner_lr=0.001:0.3:log"),), (4, 5), "random:7", 3, "mse@10"
    )
    sweep = create_sweep(tmp_path / "s", described)
    assert open_sweep(sweep.path).spec == described
    assert len(described.trials()) == 14
    with pytest.raises(StorageError, match="go on with --resume"):
        create_sweep(tmp_path / "s", described)
    with pytest.raises(StorageError, match="is no sweep folder"):
        open_sweep(tmp_path)
    for change in ('search = "tpe"', "seeds = 3", 'objective = "mse"', "more = 1", "schema = 9"):
        key = change.split(" ")[0]
        lines = [x for x in described.text().splitlines() if not x.startswith(f"{key} =")]
        (sweep.path / "sweep.toml").write_text("\n".join([*lines, change]) + "\n")
        with pytest.raises((StorageError, SettingsError)):
            open_sweep(sweep.path)


def test_an_axis_of_many_values_is_read_as_written(tmp_path: Path) -> None:
    axes = (parse_axis("inner_lr=0.001:0.3:log:200"), parse_axis("outer_lr=0.001,0.01"))
    sweep = create_sweep(tmp_path / "s", SweepSpec(Settings(), axes))
    assert open_sweep(sweep.path).spec == sweep.spec and len(sweep.trials()) == 400


def test_the_objective_needs_its_inner_steps() -> None:
    with pytest.raises(SettingsError, match="needs 20 inner steps at test"):
        SweepSpec(Settings(), (parse_axis("inner_lr=0.1"),), objective="mse@20")


def test_a_sweep_of_images_chooses_the_highest_accuracy(tmp_path: Path) -> None:
    glyphs = load_preset("glyphs-2-way-4-shot").settings.with_arms((default_arm("maml"),))
    small = glyphs.with_values({**SMALL, "outer_steps": 2, "side": 8})
    axes = (parse_axis("inner_lr=0.0,0.4"),)
    assert usual_objective(small) == "accuracy@5" and usual_objective(Settings()) == "mse@5"
    for base, objective in ((small, "mse@1"), (Settings(), "accuracy@1")):
        with pytest.raises(SettingsError, match=f"{objective} for .*: allowed is"):
            SweepSpec(base, axes, objective=objective)
    sweep = create_sweep(tmp_path / "sweep", SweepSpec(small, axes, objective="accuracy@1"))
    train(sweep)
    rows = write_results(sweep)
    best = json.loads((sweep.path / SUMMARY).read_text())["best"]
    assert best["mean"] == max(row.objective for row in rows if row.objective is not None)
    winner = winner_tested(sweep, rows)
    assert winner is not None and winner["figure"] == "accuracy" and 0 <= winner["mean"] <= 1
