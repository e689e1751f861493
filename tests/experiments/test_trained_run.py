"""A trained run in a script or a notebook: asked for, shown, interrupted, written, opened."""

from __future__ import annotations

import csv
import json
import sys
import types
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import maml_explorer as me
from maml_explorer.experiments.trained import opening
from maml_explorer.gui.app.options import Options

QUICK: dict[str, Any] = {
    "outer_steps": 6, "hidden": (6,), "meta_batch": 2, "test_tasks": 10, "evaluate_every": 2,
    "test_steps": 2,
}  # fmt: skip
TWO = ["MAML", "anil"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> me.TrainedRun:
    """Two arms and three seeds, written to a folder."""
    out = tmp_path_factory.mktemp("runs") / "a"
    return me.train("finn-10-shot", seeds=range(3), algorithms=TWO, out=out, **QUICK)


def stop_at(step: int) -> Any:
    def follow(now: me.Progress) -> None:
        if now.done == step:
            raise KeyboardInterrupt

    return follow


def same(one: me.TrainedRun, two: me.TrainedRun) -> None:
    assert one.seeds == two.seeds and list(one) == list(two)
    for seed in one.seeds:
        for name in one:
            mine, other = one.of_seed(seed)[name], two.of_seed(seed)[name]
            np.testing.assert_array_equal(mine.parameters, other.parameters)
            assert json.dumps(mine.evaluations) == json.dumps(other.evaluations)
            losses = one.of_seed(seed).metrics[name], two.of_seed(seed).metrics[name]
            np.testing.assert_array_equal(losses[0].query_after, losses[1].query_after)


def test_settings_are_asked_for_in_every_way(tmp_path: Path, run: me.TrainedRun) -> None:
    preset = me.load_preset("finn-10-shot")
    asked = preset.settings.with_values({**QUICK, "seed": 4})
    first = me.train(asked)
    np.testing.assert_array_equal(
        me.train(preset, **QUICK, seed=4)["MAML"].parameters, first["MAML"].parameters
    )
    np.testing.assert_array_equal(
        me.train("finn-10-shot", seeds=[4], **QUICK)["MAML"].parameters, first["MAML"].parameters
    )
    assert run.folder is not None
    again = me.train(run.folder, seed=1)  # the settings of a run folder
    assert list(again) == ["MAML", "ANIL"]
    np.testing.assert_array_equal(again["ANIL"].parameters, run.of_seed(1)["ANIL"].parameters)


def test_numbers_of_numpy_are_numbers(run: me.TrainedRun) -> None:
    values = {**QUICK, "outer_steps": np.int64(6), "hidden": np.array([6]), "outer_lr": 1e-3}
    other = me.train(
        "finn-10-shot",
        seeds=np.arange(2),
        algorithms="maml,ANIL",
        **values,
        inner_lr=np.float64(0.01),
    )
    assert other.seeds == (0, 1)
    np.testing.assert_array_equal(other["MAML"].parameters, run["MAML"].parameters)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"settings": "fin-10-shot"}, "did you mean finn-10-shot"),
        ({"inner_learning_rate": 0.1}, "did you mean inner_lr"),
        ({"algorithms": "mamml"}, "did you mean maml"),
        ({"algorithms": []}, "1 to 12 arms, not 0"),
        ({"seeds": 5}, r"allowed is a list such as \[0, 1, 2\] or range\(3\)"),
        ({"seeds": [1, 1]}, "different whole numbers"),
        ({"seeds": [-1]}, "Seed .seed. cannot be"),
        ({"seeds": [0], "seed": 1}, "exclude each other"),
        ({"settings": 3}, "“3” names no settings"),
        ({"inner_steps": "many"}, "Inner steps"),
    ],
)
def test_what_is_not_allowed_is_said(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(me.SettingsError, match=sentence):
        me.train(**arguments)


def test_arms_are_found_by_name_and_algorithm(run: me.TrainedRun) -> None:
    assert run["maml"] is run["MAML"] and "ANIL" in run and "Reptile" not in run
    assert run.get("nothing") is None
    with pytest.raises(me.UnknownArmError, match="did you mean MAML: its arms are MAML, ANIL"):
        run["MAMLL"]
    with pytest.raises(KeyError, match="its arms are MAML, ANIL"):
        run["reptile"]
    with pytest.raises(me.SettingsError, match="its seeds are 0, 1, 2"):
        run.of_seed(3)


def test_a_run_shows_itself(run: me.TrainedRun) -> None:
    shown = repr(run)
    assert len(shown) < 200
    assert shown.startswith("TrainedRun(MAML, ANIL; seeds 0, 1, 2; 6 steps; MSE ")
    table = run._repr_html_()
    assert len(table) < 20_000
    root = ElementTree.fromstring(table.replace("&nbsp;", " "))
    rows = [[cell.text for cell in row] for row in root.iter("tr")]
    assert rows[0] == ["inner steps", "0", "1", "2"]
    assert [row[0] for row in rows[1:]] == ["MAML", "ANIL"]
    over = run.summary()["arms"]["ANIL"]["over_seeds"]
    at = [one["shots"] for one in over].index(10)
    mean, half = over[at]["mean"][2], over[at]["ci95"][2]
    assert rows[2][3] == f"{mean:.3g} ± {half:.2g}"
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) == 2


def test_rows_are_tidy(run: me.TrainedRun) -> None:
    rows = run.rows()
    assert len(rows) == 2 * 3 * 2 * 3  # arms, seeds, shots, inner steps
    one = next(r for r in rows if (r["arm"], r["seed"], r["shots"]) == ("ANIL", 2, 10))
    record = run.of_seed(2)["ANIL"].evaluations[1]
    assert (one["mean"], one["inner_step"], one["figure"]) == (record["mean"][0], 0, "MSE")
    losses = run.rows("losses")
    assert len(losses) == 2 * 3 * 6
    assert losses[0]["query_loss_after"] == run.metrics["MAML"].query_after[0]
    with pytest.raises(me.SettingsError, match="allowed are results, losses"):
        run.rows("figures")


def test_the_folder_has_the_same_rows(run: me.TrainedRun) -> None:
    assert run.folder is not None
    with (run.folder / "results.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert [list(row) for row in found] == [list(row) for row in run.rows()]
    assert [float(row["mean"]) for row in found] == [row["mean"] for row in run.rows()]


def test_a_frame_needs_pandas(run: me.TrainedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install pandas.*rows\(\)"):
        run.to_frame()
    pandas = types.ModuleType("pandas")
    pandas.DataFrame = lambda rows: ("frame", rows)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    assert run.to_frame("losses") == ("frame", run.rows("losses"))


def test_pictures_are_svg(run: me.TrainedRun, tmp_path: Path) -> None:
    for what, label in (("results", "query MSE"), ("losses", "outer loss")):
        picture = run.plot(what)
        root = ElementTree.parse(picture.save(tmp_path / f"{what}.svg")).getroot()
        texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
        assert label in texts
    assert "MAML, ANIL" in repr(run.plot()) and "ANIL" in run.plot()._repr_html_()
    with pytest.raises(me.SettingsError, match=r"ends in \.svg"):
        run.plot().save(tmp_path / "a.png")
    with pytest.raises(me.SettingsError, match="allowed are results, losses"):
        run.plot("everything")


def test_axes_of_matplotlib_are_drawn_on(run: me.TrainedRun) -> None:
    calls: list[tuple[str, tuple[Any, ...]]] = []

    class Axes:
        def __getattr__(self, name: str) -> Any:
            return lambda *values, **_: calls.append((name, values))

    axes = Axes()
    assert run.plot("results", ax=axes) is axes
    drawn = [values for name, values in calls if name == "plot"]
    at_10 = run.summary()["arms"]["MAML"]["over_seeds"][1]
    assert len(drawn) == 2 and drawn[0] == (at_10["inner_steps"], at_10["mean"])
    names = [name for name, _ in calls]
    assert names.count("fill_between") == 2 and "legend" in names and "set_yscale" not in names


def test_evaluations_are_told(run: me.TrainedRun) -> None:
    told: list[me.Evaluation] = []
    again = me.train("finn-10-shot", algorithms=TWO, seed=1, on_evaluation=told.append, **QUICK)
    steps = [(one.arm, one.outer_step, one.shots, one.final) for one in told]
    assert steps == [
        *((arm, step, 10, False) for step in (2, 4) for arm in ("MAML", "ANIL")),
        *((arm, 6, shots, True) for arm in ("MAML", "ANIL") for shots in (5, 10)),
    ]
    last = told[-1]
    record = again["ANIL"].evaluations[1]
    assert (list(last.mean), list(last.ci95)) == (record["mean"], record["ci95"])
    assert last.seed == 1 and last.inner_steps == (0, 1, 2)

    def prune(_: me.Evaluation) -> None:
        raise RuntimeError("pruned")

    with pytest.raises(RuntimeError, match="pruned"):
        me.train("finn-10-shot", on_evaluation=prune, **QUICK)


def test_an_interrupted_run_gives_what_there_is(tmp_path: Path, run: me.TrainedRun) -> None:
    out = tmp_path / "a"
    arguments = {**QUICK, "seeds": range(3), "algorithms": TWO}
    part = me.train("finn-10-shot", **arguments, out=out, progress=stop_at(6 + 4))
    assert part.interrupted and part.seeds == (0, 1)
    assert part.of_seed(0)["MAML"].evaluations and not part.of_seed(0).interrupted
    assert part.of_seed(1)["MAML"].outer_step == 3  # whose next losses were seen
    assert "interrupted" in repr(part) and "Interrupted" in part._repr_html_()
    assert part.rows()[-1]["seed"] == 0
    same(me.load_run(out), part)
    whole = me.resume(out)
    assert not whole.interrupted
    same(whole, run)
    assert me.load_run(out).summary() == run.summary()
    nothing = me.train("finn-10-shot", **QUICK, progress=stop_at(1))
    assert nothing.interrupted and nothing["MAML"].outer_step == 0
    assert "mean of the last 100 outer steps" in nothing._repr_html_()


def test_a_run_goes_on_beyond_its_end(tmp_path: Path) -> None:
    long = me.train("finn-10-shot", algorithms=TWO, **{**QUICK, "outer_steps": 9})
    me.train("finn-10-shot", algorithms=TWO, **QUICK, out=tmp_path / "a")
    same(me.resume(tmp_path / "a", outer_steps=np.int64(9)), long)
    with pytest.raises(me.SettingsError, match="has taken 9 outer steps already"):
        me.resume(tmp_path / "a", outer_steps=3)
    with pytest.raises(me.StorageError, match="not a run folder"):
        me.resume(tmp_path)


def test_a_run_in_memory_is_written_later(tmp_path: Path, run: me.TrainedRun) -> None:
    kept = me.train("finn-10-shot", seeds=range(3), algorithms=TWO, **QUICK)
    assert me.save_run(kept, tmp_path / "a") == tmp_path / "a"
    same(me.load_run(tmp_path / "a"), run)
    part = me.train("finn-10-shot", algorithms=TWO, **QUICK, progress=stop_at(4))
    me.save_run(part, tmp_path / "b")
    same(me.resume(tmp_path / "b"), run.of_seed(0))
    with pytest.raises(me.StorageError, match="holds a run already"):
        me.save_run(kept, tmp_path / "a")
    with pytest.raises(me.SettingsError, match="copy that folder instead"):
        me.save_run(me.load_run(tmp_path / "a"), tmp_path / "c")


def test_the_window_opens_on_runs_and_settings(
    run: me.TrainedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Options] = []

    def opened(options: Options) -> int:
        seen.append(options)
        if options.run is not None:
            assert (options.run / "checkpoint.safetensors").exists()
        return 0

    monkeypatch.setattr(opening, "opened", opened)
    assert run.folder is not None
    assert me.open_window(run) == 0 and seen[-1].run == run.folder
    me.open_window(str(run.folder))
    assert seen[-1].run == run.folder
    me.open_window("sinusoid-5-shot" if "sinusoid-5-shot" in me.presets() else "finn-10-shot")
    assert seen[-1].run is None and seen[-1].settings is not None
    me.open_window(me.train("finn-10-shot", **QUICK))
    assert seen[-1].run is not None and not seen[-1].run.exists()  # a temporary one


def test_progress_is_shown_by_tqdm_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    me.train("finn-10-shot", progress=True, **QUICK)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 6 and lines[-1].startswith("6 of 6 outer steps; loss MAML ")
    seen: list[Any] = []

    class Bar:
        n, total = 0, None

        def __init__(self, **_: Any) -> None:
            pass

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: object) -> None:
            seen.append("closed")

        def reset(self, total: int) -> None:
            self.total = total  # type: ignore[assignment]

        def update(self, steps: int) -> bool:
            self.n += steps
            seen.append((self.n, self.total))
            return True

        def set_postfix_str(self, text: str, refresh: bool) -> None:
            assert text.startswith("MAML ") and not refresh

    auto = types.ModuleType("tqdm.auto")
    auto.tqdm = Bar  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tqdm", types.ModuleType("tqdm"))
    monkeypatch.setitem(sys.modules, "tqdm.auto", auto)
    me.train("finn-10-shot", progress=True, **QUICK)
    assert seen == [*((n, 6) for n in range(1, 7)), "closed"]
