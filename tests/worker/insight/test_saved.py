"""The views in the run folder: written with the run, read back, carried on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from maml_explorer.core.plan import prepare
from maml_explorer.core.training import start_run
from maml_explorer.protocol import commands, reports
from maml_explorer.protocol.insight import (
    Insight,
    InsightFigures,
    InsightRequest,
    LookInside,
    NothingToShow,
)
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.text import to_toml
from maml_explorer.storage.run.folder import create_run
from maml_explorer.storage.run.insight import read_entries, read_figures
from maml_explorer.worker import insight
from maml_explorer.worker.insight.all_views import every_view
from tests.worker.driving import Driver, small_settings

GRADIENT, STABILITY = InsightRequest.of("gradient"), InsightRequest.of("stability")


def saved(driver: Driver, folder: Path, overwrite: bool = False) -> None:
    driver.tell(commands.SaveRun(str(folder), overwrite))
    assert driver.reports(reports.Exported)


def looked_at(driver: Driver, *requests: InsightRequest) -> None:
    driver.loop.beside.meta_test.cancel()
    driver.tell(LookInside(requests))
    driver.work(2000)
    driver.tell(LookInside(()))


def test_a_run_is_saved_with_what_the_views_found_and_brings_it_back(tmp_path: Path) -> None:
    driver = Driver(small_settings("maml", "mtl"))
    looked_at(driver, GRADIENT)
    driver.train_to(4)
    looked_at(driver, GRADIENT, STABILITY)
    saved(driver, tmp_path / "run")
    entries = read_entries(tmp_path / "run")
    assert [(e["view"], e["outer_step"], e["seed"]) for e in entries] == [
        ("gradient", 4, 0), ("stability", 4, 0),
    ]  # fmt: skip
    found = driver.run.insights["gradient", None].value
    assert isinstance(found, dict)
    assert entries[0]["value"]["MAML"]["norm"] == found["MAML"].norm.tolist()
    assert "no inner loop" in entries[0]["value"]["MTL"]["reason"]
    cosine = [r for r in read_figures(tmp_path / "run") if r[3] == "cosine, whole"]
    assert [row[0] for row in cosine] == [0, 4]
    assert cosine[1][4] == found["MAML"].cosine[-1]

    driver.outbox.collect()
    driver.tell(commands.OpenRun(str(tmp_path / "run")))
    (figures,) = driver.reports(InsightFigures)
    assert isinstance(figures, InsightFigures)
    assert [r for r in figures.rows if r[3] == "cosine, whole"] == cosine
    driver.train_to(6)
    looked_at(driver, GRADIENT)
    saved(driver, tmp_path / "run", overwrite=True)
    entries = read_entries(tmp_path / "run")
    # what was not looked at anew is carried on
    assert {e["view"]: e["outer_step"] for e in entries} == {"stability": 4, "gradient": 6}


def test_back_to_the_last_good_state_forgets_what_came_after() -> None:
    driver = Driver(small_settings("maml"))
    looked_at(driver, GRADIENT)
    driver.train_to(4)
    looked_at(driver, GRADIENT)
    driver.tell(commands.BackToLastGood())
    assert driver.step < 4
    assert driver.run.figures.series("gradient", "MAML", "cosine, whole").steps == [0]


def test_a_run_without_views_has_no_such_files(tmp_path: Path) -> None:
    driver = Driver(small_settings("maml"))
    saved(driver, tmp_path / "run")
    assert not list((tmp_path / "run").glob("insight*"))
    driver.tell(commands.OpenRun(str(tmp_path / "run")))
    assert driver.reports(InsightFigures) == [InsightFigures(2, ())]


def test_damaged_files_are_refused_in_a_sentence(tmp_path: Path) -> None:
    driver = Driver(small_settings("maml"))
    looked_at(driver, GRADIENT)
    saved(driver, tmp_path / "run")
    for name in ("insight.json", "insight.csv"):
        text = (tmp_path / "run" / name).read_text()
        (tmp_path / "run" / name).write_text("{[")
        driver.outbox.collect()
        driver.tell(commands.OpenRun(str(tmp_path / "run")))
        (refused,) = driver.reports(reports.Refused)
        assert isinstance(refused, reports.Refused)
        assert name in refused.reason
        (tmp_path / "run" / name).write_text(text)


def small(**values: object) -> Settings:
    return small_settings("maml", "reptile", test_tasks=100, **values)


def test_every_view_of_a_state_can_be_written() -> None:
    plan = prepare(small())
    from maml_explorer.storage.run.insight import insight_entry

    found = list(every_view(plan, start_run(plan)))
    for one in found:
        entry = insight_entry(one.request.view, one.request.values(), 0, 0, one.value)
        json.dumps(entry, allow_nan=False)
    assert {one.request.view for one in found} == set(insight.VIEWS)
    for name, view in insight.VIEWS.items():
        arms = [one.request.values().get("arm") for one in found if one.request.view == name]
        assert arms == (["MAML", "Reptile"] if view.of_one_arm else [None])
    assert not any(isinstance(one, Insight) and one.failed for one in found)


@pytest.mark.parametrize("seeds", ["0", "0,1"])
def test_train_insight_writes_every_view(tmp_path: Path, seeds: str) -> None:
    from maml_explorer.cli import main

    preset = tmp_path / "small.toml"
    preset.write_text(to_toml(small(outer_steps=3)))
    out = tmp_path / "run"
    arguments = ["train", "--preset", str(preset), "--out", str(out), "--insight", "--quiet"]
    assert main([*arguments, "--seeds", seeds]) == 0
    entries = read_entries(out)
    assert {e["seed"] for e in entries} == {int(seed) for seed in seeds.split(",")}
    assert {e["view"] for e in entries} == set(insight.VIEWS)
    assert all(e["outer_step"] == 3 for e in entries)
    steps = {(row[0], row[1]) for row in read_figures(out)}
    assert (3, "gradient") in steps and (3, "stability") in steps


def test_train_insight_needs_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    from maml_explorer.cli import main

    assert main(["train", "--insight"]) == 2
    assert "--insight writes into the run folder: give --out DIR" in capsys.readouterr().err


def test_nothing_to_show_says_why_for_one_layer(tmp_path: Path) -> None:
    plan = prepare(small_settings("maml", hidden=(1,), inner_steps=0))
    create_run(tmp_path / "run", plan.settings)
    values = {one.request.view: one.value for one in every_view(plan, start_run(plan))}
    gradient = values["gradient"]
    assert isinstance(gradient, dict)
    assert isinstance(gradient["MAML"], NothingToShow)
    assert "no inner step" in gradient["MAML"].reason
