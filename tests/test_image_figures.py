"""The tables of docs/images.md are what the measured figures say."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from tools import image_figures
from tools.image_figures import DATA, EXPERIMENTS, PAGE, interval, measure, tables, with_tables


def test_the_page_is_current() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert list(DATA.glob("*.json"))
    assert with_tables(text) == text, "run python -m tools.image_figures"


def test_figures_are_of_the_experiments_that_are_named() -> None:
    for file in DATA.glob("*.json"):
        found, experiment = json.loads(file.read_text()), EXPERIMENTS[file.stem]
        assert found["outer_steps"] == experiment.outer_steps
        arms = {key for one in found["seeds"].values() for key in one["arms"]}
        assert arms >= {"maml"} and "maml" in experiment.algorithms


def test_an_interval_is_of_student_t_over_seeds() -> None:
    assert interval([0.95, 0.94, 0.96]) == "95.0 ± 2.5"  # 4.3027 · 0.01 / √3
    assert interval([0.95]) == "95.0 (one seed)"


def test_what_is_measured_is_kept_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "layer-norm"
    small = dataclasses.replace(EXPERIMENTS[name], outer_steps=1)
    monkeypatch.setattr(image_figures, "DATA", tmp_path)
    monkeypatch.setattr(image_figures, "TASKS", 4)
    monkeypatch.setitem(EXPERIMENTS, name, small)
    measure(name, 1)
    first = json.loads((tmp_path / f"{name}.json").read_text())
    assert first["seeds"]["0"]["arms"]["maml"]["mean"][0] == 0.5  # chance, under layer norm
    measure(name, 2)
    both = json.loads((tmp_path / f"{name}.json").read_text())
    assert both["seeds"]["0"] == first["seeds"]["0"] and list(both["seeds"]) == ["0", "1"]
    monkeypatch.setitem(EXPERIMENTS, name, dataclasses.replace(small, outer_steps=2))
    with pytest.raises(SystemExit, match="measured otherwise"):
        measure(name, 2)


def test_all_that_is_measured_stands_in_the_tables() -> None:
    found = tables()
    for file in DATA.glob("*.json"):
        means = [
            one["arms"]["maml"]["mean"] for one in json.loads(file.read_text())["seeds"].values()
        ]
        assert interval([mean[1] for mean in means]) in found
