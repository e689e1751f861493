"""`maml-explorer ablate`: variants on the same tasks, paired differences, the table."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.cli import main
from maml_explorer.experiments.ablation import ablate, runs_of
from maml_explorer.experiments.api import evaluate, train
from maml_explorer.experiments.variants import TOGETHER, TRICKS, algorithms_of, tricks_of
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.presets import load_preset
from maml_explorer.settings.settings import MAX_ARMS, Arm, Settings
from maml_explorer.settings.text import to_toml
from maml_explorer.storage.report.ablation_table import PLAIN, ablation_rows

SMALL = Settings().with_values(
    {"hidden": (6, 6), "meta_batch": 2, "outer_steps": 20, "test_tasks": 15}
)


def changes(name: str) -> dict[str, object]:
    return dict(tricks_of(SMALL)[name].changes(SMALL))


def test_every_trick_is_tried_alone_and_together() -> None:
    known = tricks_of(SMALL)
    assert list(known) == [PLAIN, *(trick.name for trick in TRICKS), TOGETHER]
    assert changes(PLAIN) == {} and known[PLAIN].algorithm == "maml"
    for trick in TRICKS:
        alone = changes(trick.name)
        assert all(SMALL[key] != value for key, value in alone.items())
        assert alone or trick.algorithm != "maml"
        if trick.together:
            assert alone.items() <= changes(TOGETHER).items()
    tried = {key for trick in TRICKS for key in changes(trick.name)}
    assert tried >= {
        "multi_step_loss", "second_order_from", "lslr", "schedule", "inner_clip", "outer_clip",
        "skip", "norm",
    }  # fmt: skip
    assert "meta_sgd" in {trick.algorithm for trick in TRICKS}


def test_tricks_that_change_nothing_are_left_out() -> None:
    known = tricks_of(load_preset("glyphs-2-way-4-shot").settings)
    left_out = {trick.name for trick in TRICKS} - known.keys()
    # convolutions have no skips; batch norm and the cosine schedule are in use anyway
    assert left_out == {"skip connections", "batch norm", "cosine schedule"}
    assert "skip" not in known[TOGETHER].changes(SMALL)


def test_runs_train_every_variant_once_with_its_settings() -> None:
    seen = {}
    for run in runs_of(SMALL, tricks_of(SMALL)):
        assert len(run.arms) <= MAX_ARMS
        for arm in run.arms:
            assert arm.name not in seen
            seen[arm.name] = run.of_arm(arm)
            assert arm.algorithm == tricks_of(SMALL)[arm.name].algorithm
        # what a run shares is shared by all its arms' variants
        shared = {key for key in DECLARATIONS if run[key] != SMALL[key]}
        assert not any(DECLARATIONS[key].per_arm for key in shared)
    assert seen.keys() == tricks_of(SMALL).keys()
    for name in tricks_of(SMALL):
        assert seen[name].values() == SMALL.with_values(changes(name)).values()


def test_figures_are_those_of_the_meta_test_and_differences_are_paired() -> None:
    result = ablate(SMALL, tricks_of(SMALL), (0, 1), 5, (0, 2), "how")
    rows = {one["name"]: one for one in result["variants"]}
    name = "5 inner steps"
    own = SMALL.with_values(changes(name))
    means, gaps = [], []
    for seed in (0, 1):
        plain = train(SMALL.with_values({"seed": seed}).with_arms((Arm(PLAIN, "maml"),)))
        other = train(own.with_values({"seed": seed}).with_arms((Arm(name, "maml"),)))
        records = [
            evaluate(run[arm], 5, (0, 2), tasks=15, seed=seed)
            for run, arm in ((plain, PLAIN), (other, name))
        ]
        means.append(records[1]["mean"][1])
        gaps.append(records[1]["mean"][1] - records[0]["mean"][1])
    # two seeds: t is 12.706, and the deviation is half the gap times √2
    t = math.tan(math.pi * 0.475)
    assert rows[name]["mean"][1] == pytest.approx(sum(means) / 2)
    assert rows[name]["mean_ci95"][1] == pytest.approx(t * abs(means[0] - means[1]) / 2, rel=1e-6)
    assert rows[name]["difference"][1] == pytest.approx(sum(gaps) / 2)
    half = t * abs(gaps[0] - gaps[1]) / 2
    assert rows[name]["difference_ci95"][1] == pytest.approx(half, rel=1e-6)
    assert rows[name]["kept"] == [30, 30]
    assert rows[PLAIN]["difference"] == [0.0, 0.0]


def test_algorithms_come_once_for_every_number_of_steps_that_they_read() -> None:
    found = algorithms_of(SMALL, ("anil", "imaml", "reptile", "maml"), (1, 5))
    assert list(found) == [
        "MAML", "MAML, 5 inner steps", "ANIL", "ANIL, 5 inner steps", "iMAML",
        "iMAML, 5 inner steps", "Reptile",
    ]  # fmt: skip
    assert found["ANIL"].changes(SMALL) == {} and found["ANIL"].algorithm == "anil"
    more = found["ANIL, 5 inner steps"]
    assert more.changes(SMALL) == {"inner_steps": 5}
    assert (more.against, more.fewer) == ("MAML, 5 inner steps", "ANIL")
    assert (found["MAML, 5 inner steps"].against, found["MAML, 5 inner steps"].fewer) == (
        "MAML", "MAML",
    )  # fmt: skip
    assert (found["Reptile"].against, found["Reptile"].fewer) == ("MAML", "")
    # α = 1/λ = 0.001, where the pull of λ = 1000 would overshoot with 0.01
    strong = SMALL.with_values({"proximal": 1000.0})
    assert found["iMAML"].changes(SMALL) == {}
    assert found["iMAML, 5 inner steps"].changes(strong) == {"inner_steps": 5, "inner_lr": 0.001}
    # the paper's α where a context enters features, the settings' where it enters the input
    features = SMALL.with_values({"context_enters": "features"})
    (*_, cavia) = algorithms_of(SMALL, ("cavia",), (1,)).values()
    assert cavia.changes(SMALL) == {} and cavia.changes(features) == {"inner_lr": 1.0}
    assert list(algorithms_of(SMALL, ("anil",), (3,))) == ["MAML", "ANIL"]
    assert len(runs_of(SMALL, algorithms_of(SMALL, tuple(ALGORITHMS), (1, 5)))) == 2


def test_algorithms_are_compared_with_maml_of_as_many_steps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    preset = tmp_path / "small.toml"
    preset.write_text(to_toml(SMALL.with_values({"outer_steps": 3})))
    begun = ["ablate", "--preset", str(preset), "--seeds", "0,1", "--shots", "10", "--json"]
    more = ["--algorithms", "FO-MAML,mtl", "--train-steps", "1,2", "--inner-steps", "1,2"]
    assert main([*begun, *more, "--quiet"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["command"].endswith("--algorithms FO-MAML,mtl --train-steps 1,2 --shots 10 "
                                      "--inner-steps 1,2")  # fmt: skip
    rows = {one["name"]: one for one in result["variants"]}
    assert list(rows) == [
        "MAML", "MAML, 2 inner steps", "FO-MAML", "FO-MAML, 2 inner steps", "MTL"
    ]  # fmt: skip
    one = rows["FO-MAML, 2 inner steps"]
    for at in (0, 1):
        other = rows["MAML, 2 inner steps"]["mean"][at]
        assert one["difference"][at] == pytest.approx(one["mean"][at] - other)
        assert one["gain"][at] == pytest.approx(one["mean"][at] - rows["FO-MAML"]["mean"][at])
    assert one["against"] == "MAML, 2 inner steps" and one["fewer"] == "FO-MAML"
    assert "gain" not in rows["MTL"] and rows["MTL"]["against"] == "MAML"


def test_the_table_in_words() -> None:
    one = {
        "name": "trick", "mean": [0.5], "mean_ci95": [0.12345], "median": [0.4],
        "median_ci95": [None], "difference": [-0.25], "difference_ci95": [0.1], "diverged": [3],
    }  # fmt: skip
    plain = {**one, "name": PLAIN, "mean": [None], "diverged": [0]}
    result = {"inner_steps": [5], "seeds": [0, 1], "tasks": 100, "variants": [plain, one]}
    assert ablation_rows(result, 5) == [
        (PLAIN, "not finite", "0.4", "–", "0 of 200"),
        ("trick", "0.5 ± 0.12", "0.4", "−0.25 ± 0.1", "3 of 200"),
    ]


def test_the_command_writes_the_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    preset = tmp_path / "small.toml"
    preset.write_text(to_toml(SMALL.with_values({"outer_steps": 4})))
    arguments = ["ablate", "--preset", str(preset), "--seeds", "2,3", "--outer-steps", "3"]
    assert main([*arguments, "--inner-steps", "1", "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "After 1 inner step on 5 shots, 3 outer steps; mean ± 95 %, Student t over 2" in said
    found = json.loads((tmp_path / "out" / "ablation.json").read_text())
    assert found["seeds"] == [2, 3] and found["outer_steps"] == 3
    assert [one["name"] for one in found["variants"]] == list(tricks_of(SMALL))
    assert found["command"].endswith("--seeds 2,3 --outer-steps 3 --shots 5 --inner-steps 1")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--preset", "nosuch"], ["nosuch"]),
        (["--seeds", "1,1"], ["--seeds"]),
        (["--seeds", "x"], ["x"]),
        (["--shots", "0"], ["--shots"]),
        (["--inner-steps", "99"], ["99"]),
        (["--outer-steps", "many"], ["--outer-steps"]),
        (["--algorithms", "mam"], ["mam", "maml"]),
        (["--algorithms", "maml", "--train-steps", "1,1"], ["--train-steps"]),
        (["--algorithms", "maml", "--train-steps", "51"], ["51"]),
        (["--train-steps", "1,5"], ["--train-steps", "--algorithms"]),
    ],
)
def test_wrong_arguments_are_one_line(
    arguments: list[str], named: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ablate", *arguments]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and all(word in line for word in named)


def test_accuracies_are_in_percent_and_have_the_shots_they_were_trained_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    glyphs = load_preset("glyphs-2-way-4-shot").settings.with_values(
        {"side": 8, "hidden": (6, 6), "meta_batch": 2, "test_tasks": 10, "outer_steps": 2}
    )
    (tmp_path / "small.toml").write_text(to_toml(glyphs))
    arguments = ["ablate", "--preset", str(tmp_path / "small.toml"), "--seeds", "0"]
    assert main([*arguments, "--inner-steps", "1", "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "After 1 inner step on 4 shots" in said and "query accuracy in %" in said
    found = json.loads((tmp_path / "out" / "ablation.json").read_text())
    assert found["figure"] == "accuracy" and found["shots"] == 4
    one = found["variants"][1]
    assert 0.2 < one["mean"][0] < 1
    row = ablation_rows(found, 1)[1]
    assert row[1] == f"{100 * one['mean'][0]:.1f}"
    assert row[3] == f"{100 * one['difference'][0]:+.1f}".replace("-", "−")
