"""The command line: what it prints, what it writes, what it refuses and how."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from maml_explorer import __version__, cli
from maml_explorer.commands.progress import ProgressBar, progress_line, time_left
from maml_explorer.experiments import saver, training
from maml_explorer.experiments.outcome import Progress
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.share import to_share
from maml_explorer.settings.text import to_toml
from maml_explorer.storage.run.folder import METRICS, open_run

QUICK = [
    "--outer-steps", "3", "--hidden", "5", "--meta-batch", "2", "--test-tasks", "10",
    "--test-steps", "2",
]  # fmt: skip
ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: object) -> int:
    return cli.main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with two arms; not to be changed."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    assert run("train", *QUICK, "--algorithms", "maml,anil", "--out", folder, "--quiet") == 0
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# ---------------------------------------------------------------- what it does


def test_a_run_folder_has_everything(trained: Path) -> None:
    assert sorted(p.name for p in trained.iterdir()) == [
        "adaptation.png", "anil", "changes.csv", "checkpoint.safetensors", "evaluations.csv",
        "losses.png", "maml", "metrics.csv", "results.csv", "settings.toml", "summary.json",
    ]  # fmt: skip
    for picture in ("adaptation.png", "losses.png"):
        data = (trained / picture).read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) > 10_000
        assert (int.from_bytes(data[16:20]), int.from_bytes(data[20:24])) == (1200, 480)
    assert len((trained / METRICS).read_text().splitlines()) == 1 + 3 * 2
    settings = open_run(trained)[1]
    assert (settings["outer_steps"], settings["hidden"]) == (3, (5,))
    assert [arm.name for arm in settings.arms] == ["MAML", "ANIL"]
    summary = json.loads((trained / "summary.json").read_text())
    assert list(summary["arms"]) == ["MAML", "ANIL"]
    records = summary["arms"]["MAML"]["seeds"]["0"]["evaluations"]
    assert [(r["shots"], r["inner_steps"], r["tasks"]) for r in records] == [
        (5, [0, 1, 2], 10), (10, [0, 1, 2], 10),
    ]  # fmt: skip
    assert summary["steps_per_second"] > 0


def test_train_prints_a_table_and_says_that_nothing_was_saved(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("train", *QUICK, "--algorithms", "maml") == 0
    out, err = capsys.readouterr()
    assert "Query MSE with 5 shots, mean ± 95 % over 10 held-out tasks" in out
    assert "MAML" in out
    assert "3 of 3 outer steps" in err
    assert err.rstrip().endswith("--out DIR writes a run folder.")
    assert list(tmp_path.iterdir()) == []


def test_several_seeds(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ("train", *QUICK, "--algorithms", "maml", "--seeds", "3,1", "--quiet", "--json")
    assert run(*arguments, "--out", tmp_path / "a") == 0
    out, err = capsys.readouterr()
    summary = json.loads(out)
    assert err == ""
    assert summary["seeds"] == [3, 1]
    means = [arm["evaluations"][0]["mean"][0] for arm in summary["arms"]["MAML"]["seeds"].values()]
    over = summary["arms"]["MAML"]["over_seeds"][0]
    assert over["mean"][0] == pytest.approx(sum(means) / 2)
    assert over["ci95"][0] == pytest.approx(12.7062 * abs(means[0] - means[1]) / 2, rel=1e-4)
    assert json.loads((tmp_path / "a" / "summary.json").read_text()) == summary
    assert run("evaluate", tmp_path / "a" / "maml" / "seed-1", "--tasks", "10", "--json") == 0
    record = json.loads(capsys.readouterr().out)
    expected = summary["arms"]["MAML"]["seeds"]["1"]["evaluations"][0]
    assert record["seed"] == 1
    assert record["mean"][:2] == expected["mean"][:2]


def test_resume_equals_one_go(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train = ("train", *QUICK, "--algorithms", "maml,mtl", "--outer-steps", "9", "--quiet", "--out")
    assert run(*train, whole) == 0
    real = training.outer_step
    calls = []

    def stop(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(training, "outer_step", stop)
    assert run(*train, cut) == 1
    monkeypatch.setattr(training, "outer_step", real)
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"maml-explorer train: stopped; continue with --out {cut} --resume."
    )
    assert not (cut / "maml").exists()
    assert run("train", "--out", cut, "--resume", "--quiet") == 0
    one, two = tree(whole), tree(cut)
    assert one.keys() == two.keys()
    different = [name for name in one if one[name] != two[name]]
    assert set(different) <= {"summary.json", "maml/model.pt", "mtl/model.pt"}


def test_a_finished_run_goes_on(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    train = ("train", *QUICK, "--algorithms", "maml", "--quiet", "--out")
    assert run(*train, tmp_path / "whole", "--outer-steps", "7") == 0
    assert run(*train, tmp_path / "a") == 0
    assert run("train", "--resume", "--quiet", "--out", tmp_path / "a", "--outer-steps", "7") == 0
    one, two = tree(tmp_path / "whole"), tree(tmp_path / "a")
    assert one["metrics.csv"] == two["metrics.csv"]
    assert one["maml/model.safetensors"] == two["maml/model.safetensors"]
    assert one["settings.toml"] == two["settings.toml"]
    changes = (tmp_path / "a" / "changes.csv").read_text().splitlines()
    assert changes == ["outer_step,setting,old,new", "3,outer_steps,3,7"]
    # and once more, with nothing left to do
    assert run("train", "--resume", "--quiet", "--out", tmp_path / "a") == 0
    assert tree(tmp_path / "a")["metrics.csv"] == one["metrics.csv"]


def test_evaluate_of_several_compares_each_to_the_one_before(
    capsys: pytest.CaptureFixture[str], trained: Path, tmp_path: Path
) -> None:
    joint = tmp_path / "joint"
    assert run("train", *QUICK, "--algorithms", "mtl", "--out", joint, "--quiet") == 0
    capsys.readouterr()
    both = (trained / "maml", joint / "mtl")
    assert run("evaluate", *both, "--tasks", "10", "--inner-steps", "0,2", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    one, two = found["records"]
    assert [one["algorithm"], two["algorithm"]] == ["maml", "mtl"]
    assert one["fine_tuning_lr"] is None and two["fine_tuning_lr"][0] == 0
    (gap,) = found["paired"]
    assert gap["difference"] == "MTL − MAML" and gap["kept"] == [10, 10]
    assert gap["mean"][0] == pytest.approx(two["mean"][0] - one["mean"][0])
    assert run("evaluate", *both, "--tasks", "10") == 0
    text = capsys.readouterr().out
    assert "MTL − MAML" in text and "fine-tuned with α" in text
    assert "best single predictor, −1.62 cos x: " in text


def test_evaluate_prints_the_record(capsys: pytest.CaptureFixture[str], trained: Path) -> None:
    assert run("evaluate", trained / "maml", "--tasks", "10", "--inner-steps", "0,2", "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert list(record) == [
        "algorithm", "shots", "tasks", "seed", "inner_steps", "mean", "ci95", "mean_kept",
        "median", "diverged", "fine_tuning_lr",
    ]  # fmt: skip
    summary = json.loads((trained / "summary.json").read_text())
    trained_record = summary["arms"]["MAML"]["seeds"]["0"]["evaluations"][0]
    assert record["inner_steps"] == [0, 2]
    for key in ("mean", "ci95", "median"):
        assert record[key] == [trained_record[key][0], trained_record[key][2]]
    assert run("evaluate", trained / "anil", "--tasks", "10", "--shots", "3") == 0
    out = capsys.readouterr().out
    assert "anil with 3 shots" in out and "diverged tasks" in out


def test_export_equals_what_training_exported(
    capsys: pytest.CaptureFixture[str], trained: Path, tmp_path: Path
) -> None:
    assert run("export", trained, "--algorithm", "anil", "--out", tmp_path / "a") == 0
    assert capsys.readouterr().out == f"ANIL after 3 outer steps: {tmp_path / 'a'}\n"
    for name in ("model.safetensors", "config.json", "README.md"):
        assert (tmp_path / "a" / name).read_bytes() == (trained / "anil" / name).read_bytes()
    assert run("export", trained, "--algorithm", "ANIL", "--out", tmp_path / "a") == 2
    assert "choose another folder" in capsys.readouterr().err


def test_presets_info_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("presets") == 0
    assert capsys.readouterr().out.startswith("finn-10-shot ")
    assert run("presets", "torch-func") == 0
    assert "amplitude_max = 0.5" in capsys.readouterr().out
    assert run("--info") == 0
    out = capsys.readouterr().out
    assert f"maml-explorer: {__version__}\n" in out and "torch: 2." in out and "cpu" in out
    assert run("--version") == 0
    assert capsys.readouterr().out == f"maml-explorer {__version__}\n"


def test_a_preset_begins_a_run_and_flags_change_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(
        "train", "--preset", "torch-func", *QUICK, "--algorithms", "mtl", "--quiet",
        "--phase-min=-pi/2", "--out", tmp_path / "a",
    ) == 0  # fmt: skip
    settings = open_run(tmp_path / "a")[1]
    assert (settings["amplitude_max"], settings["shots"]) == (0.5, 20)
    assert settings["phase_min"] == pytest.approx(-1.5707963)


def test_a_flag_need_not_suit_arms_that_are_not_trained(tmp_path: Path) -> None:
    assert run(
        "train", "--preset", "meta-sgd-5-shot", *QUICK, "--algorithms", "maml", "--lslr", "true",
        "--quiet", "--out", tmp_path / "a",
    ) == 0  # fmt: skip
    settings = open_run(tmp_path / "a")[1]
    assert settings["lslr"] is True and [arm.algorithm for arm in settings.arms] == ["maml"]


def test_every_hyperparameter_has_a_flag(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", "--help") == 0
    out = capsys.readouterr().out
    others = {"data": "--data", "own_tasks": "--own-tasks", "own_network": ""}  # own flags, or none
    for key, declared in DECLARATIONS.items():
        assert f"  {others.get(key, declared.flag)}" in out
        assert declared.typed is (key not in others)
    arguments = cli._parser().parse_args(["train", "--inner-lr", "0.1", "--x-min", "-2"])
    assert (arguments.inner_lr, arguments.x_min) == ("0.1", "-2")


def test_a_diverged_arm_is_exit_code_1_and_everything_is_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = to_toml(Settings()).split("[[arms]]")[0]
    text += "[[arms]]\nalgorithm = 'maml'\n[[arms]]\nname = 'hot'\nalgorithm = 'maml'\n"
    text += "[arms.overrides]\ninner_lr = 100.0\ninner_steps = 5\n"
    (tmp_path / "hot.toml").write_text(text)
    code = run(
        "train", "--preset", tmp_path / "hot.toml", *QUICK, "--quiet", "--out", tmp_path / "a"
    )
    out, err = capsys.readouterr()
    assert code == 1
    assert err.startswith("maml-explorer train: hot diverged at outer step ")
    assert err.count("\n") == 1
    assert "hot" in out and "MAML" in out
    assert {"maml", "maml-hot", "summary.json"} <= {p.name for p in (tmp_path / "a").iterdir()}
    summary = (tmp_path / "a" / "summary.json").read_text()
    assert "NaN" not in summary and "Infinity" not in summary
    assert json.loads(summary)["arms"]["hot"]["seeds"]["0"]["diverged"].startswith("hot diverged")


def test_the_window_is_opened_with_what_was_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, trained: Path
) -> None:
    from maml_explorer.gui.app import run as app

    seen: list[app.Options] = []
    monkeypatch.setattr(app, "run", lambda options: seen.append(options) or 0)
    settings = Settings().with_values({"shots": 3})
    (tmp_path / "a.toml").write_text(to_toml(settings))
    assert run() == run("gui") == run("gui", "--safe-mode", "--reset") == 0
    assert run("gui", to_share(settings)) == run("gui", tmp_path / "a.toml") == 0
    assert run("gui", trained) == run("gui", "torch-func") == 0
    assert seen[:2] == [app.Options(), app.Options()]
    assert seen[2] == app.Options(reset=True, safe_mode=True)
    assert seen[3] == app.Options(share=to_share(settings))
    assert seen[4].preset is not None and seen[4].preset.settings == settings
    assert seen[5].settings is not None and seen[5].settings["hidden"] == (5,)
    assert seen[5].run == trained
    assert seen[6].preset is not None and seen[6].preset.name == "torch-func"


def test_the_window_is_opened_with_points_and_weights(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from maml_explorer.gui.app import run as app

    seen: list[app.Options] = []
    monkeypatch.setattr(app, "run", lambda options: seen.append(options) or 0)
    points, weights = tmp_path / "points.csv", tmp_path / "weights.pt"
    points.write_text("x,y\n0.5,1\n-2,0.25\n")
    network = nn.Sequential(nn.Linear(1, 7), nn.ReLU(), nn.Linear(7, 1))
    torch.save(network.state_dict(), weights)
    assert run("gui", points) == run("gui", weights) == 0
    assert seen == [app.Options(file=points), app.Options(file=weights)]
    points.write_text("0.5,1,2\n")
    torch.save(nn.Linear(3, 2).state_dict(), weights)
    for damaged, named in ((points, "points.csv, line 1"), (weights, "weights.pt")):
        assert run("gui", damaged) == 2
        assert named in capsys.readouterr().err
    assert len(seen) == 2


# ---------------------------------------------------------------- what it refuses


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("train --seed 1 --seeds 1,2", ["--seed", "--seeds"]),
        ("train --seeds 1,1", ["--seeds"]),
        ("train --seeds ,", ["seed"]),
        ("train --seeds 1,-2", ["-2"]),
        ("train --hidden 0", ["hidden", "0", "1 to 1024"]),
        ("train --inner-lr fast", ["inner_lr", "fast", "from 0 to 100"]),
        ("train --inner-lr nan", ["inner_lr", "nan"]),
        ("train --inner-lr", ["--inner-lr"]),
        ("train --inner-l 0.1", ["--inner-l"]),
        ("train --shots 2.5", ["shots", "2.5"]),
        ("train --activation gelu", ["gelu", "relu"]),
        ("train --phase-min 4", ["phase_min", "phase_max"]),
        ("train --algorithms maml,protonet", ["protonet", "maml"]),
        ("train --algorithms maml,maml", ["MAML"]),
        ("train --algorithms=", ["algorithm"]),
        ("train --preset nothing", ["nothing", "finn-10-shot"]),
        ("train --preset {file}", ["no preset and no settings"]),
        ("train --preset {big}", ["bytes"]),
        ("train --nonsense", ["--nonsense"]),
        ("train stray", ["stray"]),
        ("train --resume", ["--out"]),
        ("train --resume --out {missing}", ["run folder"]),
        ("train --resume --out {mine}", ["run folder"]),
        ("train --resume --out {run} --inner-lr 0.1", ["--inner-lr"]),
        ("train --resume --out {run} --preset torch-func", ["--preset"]),
        ("train --resume --out {run} --outer-steps 2", ["3 outer steps"]),
        ("train --out {run}", ["--resume"]),
        ("train --out {mine}", ["not a run folder"]),
        ("train --out {file}", ["is a file"]),
        ("train --out {file}/run", ["cannot be written"]),
        ("evaluate {missing}", ["config.json"]),
        ("evaluate {run}", ["run folder", "maml"]),
        ("evaluate {run}/maml --shots 0", ["--shots", "0", "1 to 1000"]),
        ("evaluate {run}/maml --inner-steps 0,99", ["99"]),
        ("evaluate {run}/maml --inner-steps a", ["a"]),
        ("evaluate {run}/maml --tasks 1", ["--tasks"]),
        ("evaluate {run}/maml --seed -1", ["--seed"]),
        ("evaluate", ["INIT_DIR"]),
        ("export {run} --algorithm mtl --out {missing}", ["mtl", "MAML, ANIL"]),
        ("export {run} --algorithm maml --seed 5 --out {missing}", ["5"]),
        ("export {mine} --algorithm maml --out {missing}", ["run folder"]),
        ("export {run} --algorithm maml --out {mine}", ["choose another"]),
        ("export {run} --algorithm maml", ["--out"]),
        ("presets nothing", ["nothing"]),
        ("gui {missing}", ["preset"]),
        ("gui maml1.xyz", ["damaged"]),
        ("gui maml9.xyz", ["version"]),
        ("nonsense", ["nonsense"]),
        ("--nonsense", ["--nonsense"]),
    ],
)  # fmt: skip
def test_a_mistake_costs_one_line_and_nothing_else(
    arguments: str,
    named: list[str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    trained: Path,
) -> None:
    mine, file, big = tmp_path / "mine", tmp_path / "file", tmp_path / "big"
    mine.mkdir()
    (mine / "thesis.tex").write_text("years of work")
    file.write_text("not toml at all")
    big.write_bytes(b"#" * 10_000_000)
    places = {"run": trained, "mine": mine, "file": file, "big": big, "missing": tmp_path / "no"}
    before, kept = tree(tmp_path), tree(trained)
    code = run(*(part.format(**places) for part in arguments.split(" ")))
    out, err = capsys.readouterr()
    assert code == 2
    assert out == ""
    assert err.endswith("\n") and err.count("\n") == 1 and "Traceback" not in err
    assert err.startswith("maml-explorer")
    for part in named:
        assert part.lower() in err.lower()
    assert tree(tmp_path) == before and tree(trained) == kept


def test_cuda_that_is_absent_is_refused_before_anything_is_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert run("train", *QUICK, "--device", "cuda", "--out", tmp_path / "a") == 2
    err = capsys.readouterr().err
    assert "cuda" in err.lower() and "auto and cpu" in err and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_exit_code_1_and_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device", "metrics.csv")

    monkeypatch.setattr(saver, "save_checkpoint", full)
    assert run("train", *QUICK, "--out", tmp_path / "a", "--quiet") == 1
    assert capsys.readouterr().err == (
        "maml-explorer train: metrics.csv: No space left on device.\n"
    )


def test_pictures_are_left_out_where_qt_cannot_load(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from maml_explorer.gui import files

    monkeypatch.setitem(sys.modules, "maml_explorer.gui.files.run_pictures", None)
    monkeypatch.delattr(files, "run_pictures", raising=False)
    assert run("train", *QUICK, "--algorithms", "mtl", "--quiet", "--out", tmp_path / "a") == 0
    err = capsys.readouterr().err
    assert (
        err.startswith("The pictures were left out: Qt cannot be loaded") and err.count("\n") == 1
    )
    assert not (tmp_path / "a" / "losses.png").exists()
    assert (tmp_path / "a" / "summary.json").exists()


# ---------------------------------------------------------------- how it looks


class Screen:
    """A stream that may be a terminal."""

    def __init__(self, terminal: bool) -> None:
        self.text, self.terminal = "", terminal

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


def test_progress_in_a_terminal_and_in_a_file() -> None:
    for terminal in (True, False):
        screen, seconds = Screen(terminal), iter(range(1000))
        bar = ProgressBar(screen, clock=lambda seconds=seconds: next(seconds) / 5)  # type: ignore[arg-type,misc]
        for step in range(1, 101):
            bar(Progress(0, step, 100, {"MAML": 1.0}))
        bar.close()
        lines = screen.text.split("\r" if terminal else "\n")
        assert len(lines) == (101 if terminal else 11)
        assert "[========================] 100 of 100 outer steps, 5.05/s, 0:00 left" in screen.text
        assert screen.text.endswith("\n")


def test_progress_words() -> None:
    line = progress_line(Progress(0, 12_000, 70_000, {"MAML": 0.7123, "MTL": 3.0}), 812.4, 71.4)
    assert line == (
        "[====>                   ] 12 000 of 70 000 outer steps, 812/s, 1:11 left; "
        "loss MAML 0.712, MTL 3"
    )
    assert [time_left(s) for s in (0, 59.6, 3600, 3661)] == ["0:00", "1:00", "1:00:00", "1:01:01"]


@pytest.mark.parametrize("arguments", [[], ["gui", "finn-10-shot"]])
def test_a_window_does_not_wait_for_torch(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom maml_explorer.cli import main\n"
        "from maml_explorer.gui.app import run as app\n"
        "app.run = lambda options: int('torch' in sys.modules)\n"
        f"sys.exit(main({arguments}))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_help_loads_neither_torch_nor_qt() -> None:
    code = (
        "import sys\nfrom maml_explorer.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "assert not {'torch', 'PySide6', 'numpy'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
