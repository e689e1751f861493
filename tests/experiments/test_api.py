"""What a script uses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import maml_explorer as me
from maml_explorer.experiments.outcome import Progress
from maml_explorer.settings.settings import default_arm
from maml_explorer.storage.run.folder import is_run_folder

ROOT = Path(me.__file__).resolve().parent.parent
QUICK = {"outer_steps": 4, "hidden": (6,), "meta_batch": 2, "test_tasks": 10}


def settings(**values: Any) -> me.Settings:
    small = me.Settings().with_values({**QUICK, **values})
    return small.with_arms((default_arm("maml"), default_arm("anil")))


def test_every_public_name_is_there() -> None:
    assert set(me.__all__) == set(dir(me))
    for name in me.__all__:
        found = getattr(me, name)
        assert found is not None and getattr(me, name) is found  # the second time too
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = me.nothing  # type: ignore[attr-defined]


def test_train_returns_and_writes_the_same(tmp_path: Path) -> None:
    seen: list[Progress] = []
    run = me.train(settings(seed=5), out=tmp_path / "a", progress=seen.append)
    assert [p.done for p in seen] == [1, 2, 3, 4]
    assert list(run) == ["MAML", "ANIL"] and len(run) == 2
    assert run.diverged == {}
    assert is_run_folder(tmp_path / "a")
    for name, folder in (("MAML", "maml"), ("ANIL", "anil")):
        loaded = me.load_initialization(tmp_path / "a" / folder)
        np.testing.assert_array_equal(loaded.parameters, run[name].parameters)
        assert run.metrics[name].query_after.shape == (4,)
        assert loaded.outer_step == 4
    again = me.train(settings(seed=5))
    np.testing.assert_array_equal(again["MAML"].parameters, run["MAML"].parameters)
    other = me.train(settings(seed=6))
    assert not np.array_equal(other["MAML"].parameters, run["MAML"].parameters)
    with pytest.raises(me.StorageError):
        me.train(settings(), out=tmp_path / "a")


def test_evaluate_is_the_run_s_own_meta_test() -> None:
    run = me.train(settings(seed=5))
    record = me.evaluate(run["ANIL"], shots=5, inner_steps=(0, 1), tasks=10, seed=5)
    own = run["ANIL"].evaluations[0]
    assert (record["algorithm"], record["shots"], record["seed"]) == ("anil", 5, 5)
    assert record["mean"] == own["mean"][:2]
    assert me.evaluate(run["ANIL"], tasks=10)["mean"] != own["mean"]
    for wrong in ({"shots": 0}, {"tasks": 1}, {"seed": -1}, {"inner_steps": (99,)}):
        with pytest.raises(me.SettingsError):
            me.evaluate(run["ANIL"], **wrong)


def test_an_adapted_module_reduces_the_support_loss() -> None:
    import torch

    initialization = me.train(settings())["MAML"]
    x, y = np.linspace(-3, 3, 8), np.sin(np.linspace(-3, 3, 8))
    points, goal = torch.tensor(x).float()[:, None], torch.tensor(y).float()[:, None]

    def loss(module: Any) -> float:
        return float((module(points) - goal).detach().square().mean())

    losses = [loss(initialization.adapt(x, y, steps=k, lr=0.01)) for k in (0, 1, 5, 20)]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] == pytest.approx(loss(initialization.module()))


def test_public_names_stay_what_they_are_when_everything_is_imported() -> None:
    """No submodule may hide a public name of the package, such as `presets`, once it is loaded."""
    code = (
        "import importlib, pkgutil\n"
        "import maml_explorer as me\n"
        "before = {name: getattr(me, name) for name in me.__all__}\n"
        "names = [m.name for m in pkgutil.walk_packages(me.__path__, 'maml_explorer.')]\n"
        "for name in names:\n"
        "    if not name.endswith('__main__'):\n"
        "        importlib.import_module(name)\n"
        "assert len(names) > 200\n"
        "for name in me.__all__:\n"
        "    assert getattr(me, name) is before[name], name\n"
        "assert set(me.presets()) == set(me.presets()) and 'finn-10-shot' in me.presets()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
