"""The window on own tasks: chosen in the form, shown by their points, refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from maml_explorer.core.families.own_tasks import opened as registry
from maml_explorer.core.families.own_tasks.opened import open_tasks
from maml_explorer.core.families.own_tasks.task import checked_tasks
from maml_explorer.experiments.own_tasks import register_task
from maml_explorer.gui.files.absent_data import with_present_data
from maml_explorer.gui.session.task_sampling import given_task, has_family, height, sampled_task
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import commands
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.run.folder import create_run
from maml_explorer.worker.answers import answer_probe, reference_losses
from tests.gui.driving import said, worker_of
from tests.gui.files.test_files import drop
from tests.own_tasks import Planes, Waves, asked, waves


def test_the_family_is_chosen_where_tasks_are_registered(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_OPEN", {})
    row = window.columns.form.row("family")
    field = row.fields["family"]
    field.entered.emit("own")
    assert "Own tasks need tasks: give them to me.train" in row.error.text()
    assert window.session.editor.edited.family.key == "sine"
    register_task("planes", Planes())
    field.entered.emit("own")
    assert "one input and one output, and these have 3 and 2" in row.error.text()
    register_task("my waves", Waves())
    field.entered.emit("own")
    assert row.error.text() == ""
    edited = window.session.editor.edited
    assert edited.tasks.own_tasks.startswith("my waves:1:1:10:12:")
    assert (edited.tasks.x_min, edited.tasks.x_max) == (-2.0, 2.0)
    window.session.control.restart()
    probe = window.session.task.probe
    assert probe is not None and not probe.known and len(probe.support_x) == 10
    a = probe.support_y / np.sin(3 * probe.support_x)
    np.testing.assert_allclose(a, a[0], rtol=1e-4)
    with pytest.raises(SettingsError, match="shots is 11"):
        window.session.editor.edit({"shots": 11})


def test_shown_tasks_are_examples_without_a_truth() -> None:
    settings = Settings().with_values(asked(waves(), shots=4, query_points=6))
    task = sampled_task(settings, np.random.default_rng(4))
    assert len(task.support_x) == 4 and task.query_x is not None and len(task.query_x) == 6
    nth = np.flatnonzero(waves().support_x[:, 0, 0] == task.support_x[0])
    np.testing.assert_array_equal(task.support_y, waves().support_y[nth[0], :4, 0])
    assert has_family(task, settings.tasks) and 1.5 < height(settings.tasks) < 2
    held = given_task(settings, np.zeros(0), task.support_x, task.support_y)
    assert not held.known
    sine = sampled_task(Settings(), np.random.default_rng(4))
    assert not has_family(sine, settings.tasks)


def test_answers_have_no_truth_and_references_of_constants() -> None:
    from maml_explorer.core.plan import prepare
    from maml_explorer.core.training import start_run
    from maml_explorer.worker.slow_motion import Pending

    settings = Settings().with_values(asked(waves(), shots=4, hidden=(6,), x_min=-2, x_max=2))
    plan = prepare(settings)
    state = start_run(plan)
    probe = sampled_task(settings, np.random.default_rng(4))
    found = answer_probe(1, plan, state, probe)
    assert found.truth is None and found.arms["MAML"].curves.shape == (11, 200)
    assert np.isnan(found.arms["MAML"].query_mse).all()
    assert np.isfinite(found.arms["MAML"].support_mse).all()
    assert found.best_single_formula.startswith("the mean of y, ")
    slow = Pending.begin(1, plan, state, state, {})
    assert not slow.probed.probe.known  # type: ignore[union-attr]
    references = reference_losses(1, settings)
    assert references.constant  # type: ignore[union-attr]
    assert references.predict_zero == pytest.approx(float(np.mean(waves().query_y ** 2)))  # type: ignore[union-attr]


def test_absent_tasks_are_named_and_all_else_opens(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings().with_values(asked(waves(), inner_lr=0.123))
    create_run(tmp_path / "run", settings)
    monkeypatch.setattr(registry, "_OPEN", {})
    instead, words = with_present_data(settings)
    assert instead.family.key == "sine" and instead.inner.inner_lr == 0.123
    assert "“waves” (1 input, 1 output, 10 support points, 12 query points)" in words
    before = window.session.settings
    drop(window, tmp_path / "run")
    assert "Can't open run. This needs the tasks “waves”" in said(window)[0]
    assert window.session.settings == before
    open_tasks(waves())
    assert with_present_data(settings) == (settings, "")
    drop(window, tmp_path / "run")
    assert any(isinstance(one, commands.OpenRun) for one in worker_of(window).posted)


def test_a_window_with_tasks_from_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from maml_explorer import cli
    from maml_explorer.gui.app import run as app

    started: list[object] = []
    monkeypatch.setattr(registry, "_OPEN", {})
    monkeypatch.setattr(app, "run", lambda options: started.append(options) or 0)
    assert cli.main(["gui", "--own-tasks", "tests.own_tasks:made_waves"]) == 0
    (options,) = started
    assert options.settings.tasks.own_key.name == "made_waves"  # type: ignore[attr-defined]
    assert cli.main(["gui", "--own-tasks", "tests.own_tasks:Planes"]) == 2
    assert len(started) == 1 and checked_tasks("planes", Planes()).key.outputs == 2
