"""Search by TPE: the same points however many workers there are and wherever it is interrupted."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from maml_explorer.cli import main
from maml_explorer.experiments.sweep.driver import drive
from maml_explorer.experiments.sweep.engine import Engine, InProcess, OnDask, Result, local_cluster
from maml_explorer.experiments.sweep.tpe import next_round, proposals
from maml_explorer.experiments.sweep.work import Ended
from maml_explorer.files.reader import StorageError
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.settings.text import from_toml
from maml_explorer.storage.report.sweep_table import TrialState
from maml_explorer.storage.run.folder import SETTINGS, SUMMARY
from maml_explorer.storage.sweep.axes import parse_axis
from maml_explorer.storage.sweep.folder import DECISIONS, SweepFolder, create_sweep, open_sweep
from maml_explorer.storage.sweep.result import OBJECTIVE
from maml_explorer.storage.sweep.rounds import Round, read_rounds
from maml_explorer.storage.sweep.spec import SweepSpec
from tests.experiments.sweep.test_sweep import digests

pytest.importorskip("optuna")

SMALL = {"hidden": (6,), "meta_batch": 2, "outer_steps": 6, "test_tasks": 8}
AXES = tuple(
    map(parse_axis, ("inner_lr=0.001:0.1:log", "algorithm=maml,anil", "hidden=6;5,5", "shots=2:9"))
)


def spec(search: str = "tpe:14:4", seeds: tuple[int, ...] = (0, 1)) -> SweepSpec:
    base = Settings().with_values(SMALL).with_arms((default_arm("maml"),))
    return SweepSpec(base, AXES, seeds, search, 3)


class Scored:
    """An engine whose runs have their result at once: a function of their settings."""

    slots = 4

    def __init__(self, sweep: SweepFolder, *, backwards: bool = False) -> None:
        self.sweep, self.backwards, self.names = sweep, backwards, list[str]()
        self.look: Callable[[], None] = lambda: None

    def submit(self, name: str, path: Path, until: int | None = None) -> None:
        self.names.append(name)

    def wait(self, seconds: float) -> list[Result]:
        name = self.names.pop(-1 if self.backwards else 0)
        place = self.sweep.run(name)
        at = from_toml((place / SETTINGS).read_text())
        mean = at.inner.inner_lr * at.inner.shots + at.run.seed + len(at.model.hidden)
        bad = at.arms[0].algorithm == "anil" and at.inner.shots > 4
        found = {"mean": mean, "diverged": int(bad), "diverged_in_training": "", "seconds": 1.0}
        (place / OBJECTIVE).write_text(json.dumps(found))
        (place / SUMMARY).write_text("{}")
        return [Result(name, Ended.DONE)]

    def close(self) -> None:
        """Nothing runs."""


def searched(sweep: SweepFolder, how: Engine | None = None) -> SweepFolder:
    drive(sweep, how or Scored(sweep), more=lambda: next_round(sweep))
    return sweep


def decided(sweep: SweepFolder) -> list[dict[str, Any]]:
    """What was asked and told, in order; the time of it left out."""
    lines = (sweep.path / DECISIONS).read_text().splitlines()
    found = [json.loads(line) for line in lines]
    return [
        {key: value for key, value in one.items() if key != "at"}
        for one in found
        if one["what"] in ("asked", "told")
    ]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> SweepFolder:
    return searched(create_sweep(tmp_path_factory.mktemp("tpe") / "alone", spec()))


def test_rounds_are_asked_trained_and_told_in_order(alone: SweepFolder) -> None:
    assert open_sweep(alone.path).spec == spec()
    found = decided(alone)
    assert [one["what"] for one in found] == ["asked", "told"] * 4
    assert [len(one["points"]) for one in found[::2]] == [4, 4, 4, 2]
    assert alone.proposed_runs == 0 and spec().most_runs == 28
    rows = alone.rows()
    assert {row.state for row in rows} == {TrialState.DONE}
    assert len(rows) == 2 * len({row.point for row in rows})
    for one in alone.rounds():
        for point, value in zip(one.points, one.values or (), strict=True):
            at = dict(point)
            bad = at["algorithm"] == "anil" and at["shots"] > 4  # type: ignore[operator]
            first = at["inner_lr"] * at["shots"] + len(at["hidden"])  # type: ignore[operator, arg-type]
            assert value == (None if bad else pytest.approx(first + 0.5))
            assert [type(value) for _, value in point] == [float, str, tuple, int]
            assert 0.001 <= at["inner_lr"] <= 0.1  # type: ignore[operator]
    assert any(value is None for one in alone.rounds() for value in one.values or ())
    assert not next_round(alone)


def test_two_workers_get_the_same_points_and_bytes(tmp_path: Path) -> None:
    small = spec("tpe:6:3", (0,))
    one = create_sweep(tmp_path / "one", small)
    searched(one, InProcess(5, one.stop.exists))
    two = create_sweep(tmp_path / "two", small)
    with local_cluster(2) as client:
        searched(two, OnDask(client, 2, 5, two.stop))
    assert decided(two) == decided(one) and len(decided(two)) == 4
    assert digests(two) == digests(one)


def test_runs_that_end_in_another_order_change_nothing(alone: SweepFolder, tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path / "s", spec())
    assert decided(searched(sweep, Scored(sweep, backwards=True))) == decided(alone)


@pytest.mark.parametrize("at", [1, 2, 5, 6])
def test_it_goes_on_wherever_it_was_interrupted(
    alone: SweepFolder, tmp_path: Path, at: int
) -> None:
    class StopError(Exception):
        pass

    sweep, decisions = create_sweep(tmp_path / "s", spec()), 0

    def more() -> bool:
        nonlocal decisions
        found = next_round(sweep)
        decisions = len(decided(sweep))
        if decisions >= at:
            raise StopError
        return found

    with pytest.raises(StopError):
        drive(sweep, Scored(sweep), more=more)
    path = sweep.path / DECISIONS
    with path.open("ab") as file:  # a power cut within a decision
        file.write(b'{"at": "2026-01-01T00:00:00", "what": "as')
    found = searched(open_sweep(sweep.path))
    text = path.read_text()
    path.write_text(text.replace('"what": "as\n', '"what": "none"}\n', 1))
    assert decided(found) == decided(alone)


def test_it_finds_the_low_end_of_a_function_and_the_high_end_of_another() -> None:
    axes = (parse_axis("inner_lr=0.001:1:log"), parse_axis("algorithm=maml,anil"))

    def best(higher: bool) -> float:
        rounds: list[Round] = []
        for _ in range(8):
            points = proposals(axes, rounds, 5, 7, higher=higher)
            values = tuple(
                None if dict(p)["algorithm"] == "anil" else float(dict(p)["inner_lr"])  # type: ignore[arg-type]
                for p in points
            )
            rounds.append(Round(tuple(points), values))
        newest = [p for one in rounds[4:] for p in one.points]
        # what has no result is asked for less often
        assert sum(dict(p)["algorithm"] == "anil" for p in newest) < len(newest) / 2
        rates = sorted(float(dict(p)["inner_lr"]) for p in newest)  # type: ignore[arg-type]
        return rates[len(rates) // 2]

    assert best(higher=False) < 0.01 and best(higher=True) > 0.1


def test_points_that_do_not_go_together_have_no_runs(tmp_path: Path) -> None:
    base = Settings().with_values(SMALL | {"inner_steps": 1}).with_arms((default_arm("maml"),))
    one = SweepSpec(base, (parse_axis("query_points=1,5"),), (0,), "tpe:4:2", 1)
    sweep = searched(create_sweep(tmp_path / "s", one))
    told = [value for part in sweep.rounds() for value in part.values or ()]
    assert len(told) == 4 and len(sweep.trials()) <= 2


def test_decisions_that_were_changed_are_refused(tmp_path: Path) -> None:
    path = tmp_path / DECISIONS
    axes = (parse_axis("inner_lr=0.001:1:log"),)
    good = '{"what": "asked", "round": 0, "points": [[0.5]]}\n'
    path.write_text('{"what": "began"}\n' + good)
    assert read_rounds(path, axes) == [Round(((("inner_lr", 0.5),),))]
    for bad in (
        '{"what": "asked", "round": 2, "points": [[0.5]]}\n',
        '{"what": "asked", "round": 1, "points": [[7.5]]}\n',
        '{"what": "asked", "round": 1, "points": [["a"]]}\n',
        '{"what": "asked", "round": 1, "points": [[0.5, 1]]}\n',
        '{"what": "told", "round": 0, "values": []}\n',
        '{"what": "told", "round": 0, "values": ["x"]}\n',
        '{"what": "told", "round": 0}\n',
    ):
        path.write_text(good + bad)
        with pytest.raises(StorageError, match="not as this program writes it"):
            read_rounds(path, axes)


def test_what_it_does_not_go_with_is_said() -> None:
    base = Settings()
    with pytest.raises(SettingsError, match="not both"):
        SweepSpec(base, AXES, search="tpe:20", halving=3)
    for search in ("tpe:0", "tpe:20000", "tpe:9:0", "tpe:9:300"):
        with pytest.raises(SettingsError, match="proposes 1 to 10000 points"):
            SweepSpec(base, AXES, search=search)
    with pytest.raises(SettingsError, match="random:N and tpe:N"):
        SweepSpec(base, AXES, search="tpe")
    assert SweepSpec(base, AXES, search="tpe:20").proposed == (20, 8)


def test_without_the_library_one_sentence_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    out = ["sweep", "--out", str(tmp_path / "s"), "--vary", "inner_lr=0.001:1:log"]
    assert main([*out, "--search", "tpe:8", "--quiet"]) == 2
    said = capsys.readouterr().err
    assert "pip install 'maml-explorer[search]'" in said and said.count("\n") == 1
    assert not (tmp_path / "s").exists()


def test_a_search_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quick = ["--hidden", "5", "--meta-batch", "2", "--outer-steps", "5", "--test-tasks", "8"]
    out = ["sweep", "--out", str(tmp_path / "s")]
    new = [*out, "--vary", "inner_lr=0.001:0.1:log", "--search", "tpe:5:3", *quick]
    assert main([*new, "--workers", "1", "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("5 runs of 5 outer steps")
    assert main([*new, "--workers", "1"]) == 0
    said = capsys.readouterr()
    assert "5 of 5 runs are done" in said.out and "5 of 5 runs, 0 running" in said.err
    assert main([*out, "--extend", "--seeds", "1", "--workers", "1", "--quiet"]) == 0
    assert "10 of 10 runs are done" in capsys.readouterr().out
    assert len(open_sweep(tmp_path / "s").rounds()) == 2
