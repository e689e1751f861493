"""`maml-explorer reproduce`: trains, tests by the protocol, writes a report."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from maml_explorer.cli import main
from maml_explorer.experiments.api import evaluate
from maml_explorer.experiments.reproduction import settings_to_reproduce
from maml_explorer.settings.presets import load_preset, preset_toml
from maml_explorer.storage.initialization.folder import load_initialization

TINY = """\
schema = 1
[preset]
title = "Tiny"
[[published]]
algorithm = "maml"
shots = 3
inner_steps = [1, 2]
mse = [4.0, 4.0]
ci95 = [3.0, 0.001]
source = "made up"
[model]
hidden = [8]
[outer]
meta_batch = 3
outer_steps = 40
[run]
test_tasks = 20
test_steps = 2
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


def test_a_preset_is_trained_tested_and_compared(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["reproduce", str(tiny), "--num-seeds", "2", "--out", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads((out / "reproduction.json").read_text())
    assert found["seeds"] == [0, 1] and found["outer_steps"] == {"MAML": 40}
    assert [one["inner_step"] for one in found["comparisons"]] == [1, 2]
    assert [one["verdict"]["kind"] for one in found["comparisons"]] == ["agrees", "cannot tell"]
    assert found["deviations"] == []
    # the figures are those of the meta-test of what was exported
    means = []
    for seed in (0, 1):
        exported = load_initialization(out / "maml" / f"seed-{seed}")
        record = evaluate(exported, 3, (0, 1, 2), tasks=20, seed=seed)
        assert found["records"][str(seed)]["MAML"][0]["mean"] == record["mean"]
        means.append(record["mean"][1])
    assert found["comparisons"][0]["mean"] == pytest.approx(sum(means) / 2)
    page = (out / "report.html").read_text()
    assert "Tiny" in page and "<svg" in page
    command = f"maml-explorer reproduce {tiny} --seeds 0,1"
    assert found["command"] == command and command in page


def test_fewer_outer_steps_are_said(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["reproduce", str(tiny), "--seeds", "3,4", "--outer-steps", "5"]
    assert main([*arguments, "--algorithms", "maml,mtl"]) == 0
    said = capsys.readouterr()
    assert "Differs from the preset: Outer steps: 40 → 5." in said.out
    assert "Tiny: Outer steps: MAML 5." in said.out
    assert "Nothing was saved" in said.err


def test_the_arms_are_those_that_numbers_are_published_for() -> None:
    arms = settings_to_reproduce(load_preset("finn-10-shot")).arms
    assert [arm.algorithm for arm in arms] == ["maml", "mtl"]
    assert [a.algorithm for a in settings_to_reproduce(load_preset("reptile-sine")).arms] == [
        "reptile"
    ]
    assert len(settings_to_reproduce(load_preset("pytorch-maml")).arms) == 4


def test_an_arm_that_diverges_is_an_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "hot.toml"
    preset = load_preset("finn-10-shot")
    hot = preset.settings.with_values(
        {"inner_lr": 100.0, "outer_lr": 10.0, "outer_steps": 50, "test_tasks": 10, "hidden": (8,)}
    )
    path.write_text(preset_toml(preset).split("[tasks]")[0])
    text = preset_toml(type(preset)("hot", "Hot", "", "", hot, preset.published))
    path.write_text(text)
    assert main(["reproduce", str(path), "--seeds", "0", "--quiet"]) == 1
    said = capsys.readouterr()
    assert "Seed 0: " in said.err and "diverged at outer step" in said.err
    assert "not comparable" in said.out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["nosuch"], ["nosuch", "finn-10-shot"]),
        (["finn-10-shot", "--num-seeds", "0"], ["--num-seeds", "1 to 30"]),
        (["finn-10-shot", "--num-seeds", "31"], ["--num-seeds", "1 to 30"]),
        (["finn-10-shot", "--seeds", "x"], ["--seeds", "x"]),
        (["finn-10-shot", "--seeds", "1,1"], ["--seeds"]),
        (["finn-10-shot", "--outer-steps", "0"], ["--outer-steps", "0"]),
        (["finn-10-shot", "--algorithms", "magic"], ["magic", "maml"]),
        ([], ["PRESET"]),
    ],
)
def test_wrong_arguments_are_one_line(
    arguments: list[str], named: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reproduce", *arguments]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and all(word in line for word in named)


def test_a_folder_that_is_not_empty_is_left_alone(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "a").write_text("b")
    assert main(["reproduce", str(tiny), "--seeds", "0", "--out", str(tmp_path / "there")]) == 2
    assert [p.name for p in (tmp_path / "there").iterdir()] == ["a"]


def test_accuracies_are_in_percent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    glyphs = load_preset("glyphs-2-way-4-shot")
    small = glyphs.settings.with_values(
        {"side": 8, "hidden": (6,), "meta_batch": 2, "test_tasks": 10, "outer_steps": 2}
    )
    preset = tmp_path / "small.toml"
    preset.write_text(preset_toml(dataclasses.replace(glyphs, settings=small)))
    out = tmp_path / "out"
    arguments = ["reproduce", str(preset), "--algorithms", "maml", "--seeds", "3"]
    assert main([*arguments, "--out", str(out), "--quiet"]) == 0
    said = capsys.readouterr().out
    assert "Query accuracy in %" in said and "MSE" not in said
    found = json.loads((out / "reproduction.json").read_text())["records"]["3"]["MAML"]
    assert [one["shots"] for one in found] == [4] and 0.2 < found[0]["mean"][1] < 1
    assert f"{100 * found[0]['mean'][1]:.1f} ± " in said
    page = (out / "report.html").read_text()
    assert "query accuracy in %" in page and "outer loss (cross-entropy)" in page
    assert "MSE" not in page and "Amplitude" not in page


def test_a_preset_is_named_in_one_way(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = "Give one preset: PRESET or --preset NAME."
    for flags in ([], [str(tiny), "--preset", str(tiny)]):
        assert main(["reproduce", *flags]) == 2
        assert wrong in capsys.readouterr().err
    flags = ["--preset", str(tiny), "--seeds", "0", "--outer-steps", "2", "--json", "--quiet"]
    assert main(["reproduce", *flags]) == 0
    assert json.loads(capsys.readouterr().out)


def test_any_setting_is_set_and_said(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["reproduce", str(tiny), "--seeds", "0", "--quiet"]
    given = ["--set", "inner_lr=0.02", "--set", "outer_steps=2"]
    assert main([*flags, *given, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["command"].endswith("--set inner_lr=0.02 --set outer_steps=2")
    assert any("0.02" in one for one in figures["deviations"])
    assert main([*flags, "--set", "seed=3"]) == 2
    assert "give --seeds" in capsys.readouterr().err
    assert main([*flags, "--set", "outer_steps=2", "--outer-steps", "3"]) == 2
    assert "given twice" in capsys.readouterr().err


def test_an_ablation_takes_settings_too(capsys: pytest.CaptureFixture[str]) -> None:
    given = [f"--set={one}" for one in ("outer_steps=1", "meta_batch=2", "test_tasks=4")]
    flags = [*given, "--set", "hidden=4", "--seeds", "0", "--inner-steps", "1"]
    assert main(["ablate", *flags, "--json", "--quiet"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["outer_steps"], figures["tasks"]) == (1, 4)
    assert "--preset finn-10-shot " in figures["command"] and "hidden=4" in figures["command"]
    assert main(["ablate", "--set", "hiden=4"]) == 2
    assert "did you mean hidden" in capsys.readouterr().err
