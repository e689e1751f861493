"""The tables of docs/ablation.md are what the measured figures say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from maml_explorer.cli import main
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.text import to_toml
from tools import ablation_figures
from tools.ablation_figures import (
    DATA,
    PAGE,
    TITLES,
    cost_table,
    difference_table,
    kept,
    reached_at,
    result_table,
    tables,
    take_over,
    with_tables,
)

ONE = {
    "name": "ANIL, 5 inner steps", "algorithm": "anil", "training_diverged": [],
    "mean": [0.5, None], "mean_ci95": [0.1, None], "median": [0.4, 0.3], "median_ci95": [0.1, 0.2],
    "difference": [0.25, -0.125], "difference_ci95": [0.1, None], "diverged": [0, 3],
    "fewer": "ANIL", "gain": [-0.5, -0.25], "gain_ci95": [0.2, 0.1],
}  # fmt: skip
RESULT = {"inner_steps": [1, 10], "seeds": [0, 1], "tasks": 50, "figure": "MSE", "variants": [ONE]}


def test_the_page_is_current() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert {"sine", "images", "costs"} <= kept().keys()
    assert with_tables(text) == text, "run python -m tools.ablation_figures"


def test_every_file_stands_on_the_page_with_its_command() -> None:
    found, text = kept(), tables()
    for name in TITLES:
        if name in found:
            assert f"`{found[name]['command']}`" in text and TITLES[name] in text
            assert len(found[name]["seeds"]) == 3
    assert {file.stem for file in DATA.glob("*.json")} == found.keys()


def test_rows_of_figures_and_of_paired_differences() -> None:
    assert list(result_table(RESULT))[-1] == (
        "| ANIL, 5 inner steps | 0.5 ± 0.1 | not finite | 0.3 ± 0.2 | 3 of 100 |"
    )
    assert list(difference_table(RESULT))[-1] == (
        "| ANIL, 5 inner steps | +0.25 ± 0.1 | −0.125 | −0.5 ± 0.2 | −0.25 ± 0.1 |"
    )
    stopped = {**ONE, "name": "ANIL", "training_diverged": ["Seed 0: …"], "fewer": ""}
    letters = {**RESULT, "figure": "accuracy", "variants": [stopped]}
    assert list(result_table(letters))[-1] == "| ANIL* | 50.0 ± 10.0 | not finite |"
    assert list(difference_table(letters))[-1] == "| ANIL* | +25.0 ± 10.0 | −12.5 |"


def test_seconds_are_steps_to_the_target_times_their_cost() -> None:
    curve = {"5": [[1000, 0.5], [2000, 0.149], [3000, 0.1]], "1": [[1000, 0.1]]}
    sine = {"curves": {"MAML": curve, "MTL": {"5": [[1000, 1.2]]}}}
    assert reached_at(sine, "MAML") == 2000 and reached_at(sine, "MTL") is None
    costs = {
        "finn-10-shot": {"MAML": 0.5, "MTL": 0.1},
        "glyphs-5-way-1-shot": {"MAML": 9, "MTL": 6},
    }
    assert list(cost_table(costs, sine))[2:] == [
        "| MAML | 0.50 | 9.00 | 2,000 | 1.0 |", "| MTL | 0.10 | 6.00 | not reached | – |",
    ]  # fmt: skip


def test_an_ablation_is_taken_over_with_its_curves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {"hidden": (4,), "meta_batch": 2, "test_tasks": 8, "evaluate_every": 2, "shots": 3}
    (tmp_path / "small.toml").write_text(to_toml(Settings().with_values(small)))
    out = tmp_path / "out"
    begun = ["ablate", "--preset", str(tmp_path / "small.toml"), "--algorithms", "anil", "--quiet"]
    more = ["--seeds", "0,1", "--outer-steps", "4", "--inner-steps", "1", "--out", str(out)]
    assert main([*begun, *more]) == 0
    monkeypatch.setattr(ablation_figures, "DATA", tmp_path / "data")
    take_over("sine", out)
    taken = json.loads((tmp_path / "data" / "sine.json").read_text())
    assert set(taken["curves"]) == {"MAML", "ANIL"}
    (at_two, value), (at_four, _) = taken["curves"]["ANIL"]["1"]
    assert (at_two, at_four) == (2, 4)
    lines = (out / "runs" / "01" / "evaluations.csv").read_text().splitlines()
    rows = [dict(zip(lines[0].split(","), line.split(","), strict=True)) for line in lines[1:]]
    medians = [
        float(row["median"])
        for row in rows
        if (row["outer_step"], row["arm"], row["inner_step"], row["shots"])
        == ("2", "ANIL", "1", "3")
    ]
    assert len(medians) == 2 and value == pytest.approx(sum(medians) / 2, rel=1e-5)
