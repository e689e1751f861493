"""Own tasks in the interface for scripts: training, run folders without them, names."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import maml_explorer as me
from maml_explorer.core.families.own_tasks import opened as registry
from maml_explorer.experiments.own_tasks import installed_tasks, named_tasks
from maml_explorer.settings.settings import default_arm
from tests.own_tasks import Planes, Waves

QUICK: dict[str, Any] = {"outer_steps": 6, "hidden": (6,), "meta_batch": 3, "test_tasks": 10}


@pytest.fixture(autouse=True)
def _none_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_OPEN", {})


def settings(**values: Any) -> me.Settings:
    small = me.Settings().with_values({**QUICK, **values})
    return small.with_arms((default_arm("maml"), default_arm("anil")))


def other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_OPEN", {})


def test_a_run_on_own_tasks_learns_them() -> None:
    run = me.train(settings(outer_steps=150, hidden=(20,), seed=2, inner_lr=0.1), tasks=Planes())
    assert run.settings.family.key == "own" and run.settings.ends == (3, 2)
    assert (run.settings.inner.shots, run.settings.inner.query_points) == (5, 4)
    means = run["MAML"].evaluations[0]["mean"]
    zero = float(np.mean(named_tasks("planes").query_y ** 2))
    assert means[-1] < 0.7 * zero < means[0], means
    module = run["MAML"].adapt(np.eye(3), np.ones((3, 2)))
    assert isinstance(module, nn.Module) and module(torch.zeros(4, 3)).shape == (4, 2)
    with pytest.raises(ValueError, match=r"y has shape \(3,\): allowed is \[point, 2\]"):
        run["MAML"].adapt(np.eye(3), np.ones(3))


def test_a_run_folder_opens_without_its_tasks_and_goes_on_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = me.train(settings(), tasks=Waves(), out=tmp_path / "run")
    whole = me.train(settings(outer_steps=9), tasks=Waves())
    other_process(monkeypatch)
    found = me.load_run(tmp_path / "run")
    np.testing.assert_array_equal(found["MAML"].parameters, run["MAML"].parameters)
    assert found["MAML"].evaluations == run["MAML"].evaluations and found.rows() == run.rows()
    assert found["ANIL"].adapt([0.0, 1.0], [1.0, 0.0]) is not None
    absent = r"This needs the tasks “Waves” \(1 input, .*not registered here"
    before = {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir() if p.is_file()}
    for ask in (
        lambda: me.evaluate(found["MAML"]),
        lambda: me.resume(tmp_path / "run", outer_steps=9),
        lambda: me.train(tmp_path / "run"),
        lambda: me.train(found.settings, out=tmp_path / "new"),
    ):
        with pytest.raises(me.SettingsError, match=absent):
            ask()
    assert not (tmp_path / "new").exists()
    assert before == {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir() if p.is_file()}
    with pytest.raises(me.SettingsError, match=r"“Waves”.*not registered here"):
        me.load_run(tmp_path / "run", tasks=Planes())
    on = me.resume(tmp_path / "run", tasks=Waves(), outer_steps=9)
    np.testing.assert_array_equal(on["MAML"].parameters, whole["MAML"].parameters)
    assert me.evaluate(on["MAML"])["tasks"] == 600


def test_tasks_that_turn_bad_end_the_run_with_what_there_is(tmp_path: Path) -> None:
    class Tired:
        calls = 0

        def sample(self, n: int, generator: torch.Generator) -> Any:
            self.calls += n > 200
            (x, y), query = Waves().sample(n, generator)
            return (x, y * float("nan") if self.calls > 1 else y), query

    # blocks have 64 outer steps of 4 tasks
    with pytest.raises(me.SettingsError, match="“Tired” cannot be used: support y has 2560 values"):
        me.train(settings(outer_steps=200, meta_batch=4), tasks=Tired(), out=tmp_path / "run")
    kept = me.load_run(tmp_path / "run")
    assert kept["MAML"].outer_step == 63 and kept.interrupted


def test_names_modules_and_families_find_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    me.register_task("my waves", Waves())
    for run in (
        me.train(settings(), tasks="my waves"),
        me.train(settings(), family="my waves"),
        me.train(settings(), tasks="my waves", shots=3),
    ):
        assert run.settings.tasks.own_key.name == "my waves"  # type: ignore[union-attr]
    (tmp_path / "wave_file.py").write_text(
        "from tests.own_tasks import Waves\nhigh = Waves()\nhigh.name = 'high'\nlow = Waves()\n"
        "sample = low.sample\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert named_tasks("wave_file:high").key.name == "high"
    assert named_tasks("wave_file:low").key.name == "low"
    import wave_file  # type: ignore[import-not-found]

    assert named_tasks(wave_file).key.name == "wave_file"
    with pytest.raises(me.SettingsError, match=r"no tasks “my wave”.*did you mean my waves"):
        me.train(settings(), tasks="my wave")
    with pytest.raises(me.SettingsError, match="“no_such:x” cannot be imported: ModuleNotFound"):
        me.train(settings(), tasks="no_such:x")
    with pytest.raises(me.SettingsError, match="“wave_file:x” cannot be imported: AttributeError"):
        me.train(settings(), tasks="wave_file:x")
    with pytest.raises(me.SettingsError, match="tasks and family exclude each other"):
        me.train(settings(), tasks="high", family="sine")
    with pytest.raises(me.SettingsError, match="give 10 support points, and shots is 11"):
        me.train(settings(), tasks="high", shots=11)


def test_refused_tasks_leave_those_before() -> None:
    me.register_task("mine", Waves())
    with pytest.raises(me.SettingsError, match="allowed is an object with sample"):
        me.register_task("mine", Waves)  # type: ignore[arg-type]
    assert isinstance(named_tasks("mine").task, Waves)
    me.register_task("mine", Planes())
    assert isinstance(named_tasks("mine").task, Planes)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package that offers tasks, as an installer leaves it; the name of its module."""
    info = tmp_path / "waves_for_maml-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: waves-for-maml\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[maml_explorer.tasks]\nfar-waves = waves_for_maml:waves\nbroken = waves_for_maml:nothing\n"
    )
    (tmp_path / "waves_for_maml.py").write_text(
        "from tests.own_tasks import Waves\nwaves = Waves()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield "waves_for_maml"
    sys.modules.pop("waves_for_maml", None)


def test_installed_tasks_are_imported_when_they_are_named(
    installed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {"far-waves", "broken"} <= installed_tasks().keys()
    me.train(settings(), family="sine")
    assert installed not in sys.modules
    run = me.train(settings(), tasks="far-waves", out=tmp_path / "run")
    assert installed in sys.modules and run.settings.tasks.own_tasks.startswith("far-waves:1:1:")
    assert me.train(settings(), family="far-waves").rows() == run.rows()
    with pytest.raises(me.SettingsError, match="“broken” cannot be imported: AttributeError"):
        me.train(settings(), tasks="broken")
    # a folder that names them imports nothing
    sys.modules.pop(installed)
    other_process(monkeypatch)
    me.load_run(tmp_path / "run")
    with pytest.raises(me.SettingsError, match="give --own-tasks far-waves"):
        me.resume(tmp_path / "run", outer_steps=8)
    assert installed not in sys.modules
    assert me.resume(tmp_path / "run", tasks="far-waves", outer_steps=8)["MAML"].outer_step == 8
