"""The first start: a trained example at once, and the ways in."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from maml_explorer.gui.app.options import Options
from maml_explorer.gui.app.startup import application, begin, greet, open_window
from maml_explorer.gui.panels.adaptation import bending
from maml_explorer.gui.panels.adaptation.panel import AdaptationPanel
from maml_explorer.gui.panels.adaptation.task_legend import CLICK, UNTRAINED
from maml_explorer.gui.session import example
from maml_explorer.gui.session.example import example_folder, example_probed
from maml_explorer.gui.style.numbers import number
from maml_explorer.gui.window.welcome import CHANGED, INSIDE
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import commands
from maml_explorer.settings.presets import presets
from maml_explorer.settings.text import from_toml
from tests.gui.driving import Opener, press, worker_of
from tests.gui.fake_worker import FakeWorker


@pytest.fixture
def first_start(qapp: QApplication, qtbot: QtBot) -> Iterator[MainWindow]:
    application()
    window = open_window(FakeWorker(), Options(safe_mode=True))
    window.resize(1280, 800)
    window.show()
    qtbot.waitExposed(window)
    greet(window, Options(safe_mode=True))
    begin(window, Options(safe_mode=True))
    window.session.link.pace.stop()
    yield window
    window.close()
    window.deleteLater()


def inside(window: MainWindow) -> None:
    """Pulls until the example's run is there."""
    for _ in range(3):
        window.session.link.pull()


def hero(window: MainWindow) -> AdaptationPanel:
    panel = window.columns.places["adaptation"].panel
    assert isinstance(panel, AdaptationPanel)
    return panel


def test_the_example_is_drawn_before_the_worker_says_anything(first_start: MainWindow):
    session = first_start.session
    assert session.status is None
    assert session.task.probed is not None and session.task.probed.outer_step == 70_000
    assert hero(first_start).last_step == 10
    assert first_start.welcome.isVisible()
    # MAML has learned to adapt, and the arm trained jointly has not
    mse = {name: arm.query_mse[1] for name, arm in session.task.probed.arms.items()}
    assert mse["MAML"] < 0.5 < 1.5 < mse["MTL"]


def test_the_window_begins_inside_the_example_in_all_panels(first_start: MainWindow):
    session = first_start.session
    inside(first_start)
    opened = worker_of(first_start).posted_of(commands.OpenRun)
    assert opened == [commands.OpenRun(str(example_folder()))]
    assert session.run == 2 and session.status is not None
    assert session.status.outer_step == 500
    assert session.task.probed is not None and session.task.probed.run == 2
    assert session.measured.meta_test is not None and session.measured.meta_test.run == 2
    assert first_start.welcome.isVisible() and first_start.welcome.untouched
    assert session.editor.preset is not None and session.editor.preset.name == "finn-10-shot"
    assert not session.editor.undo_stack.canUndo(), "nothing was there before it"


def test_theta_bends_to_the_task_once_and_a_press_ends_that(first_start: MainWindow, qtbot: QtBot):
    bend, curves = hero(first_start).bending, hero(first_start).canvas.curves
    assert bend.under_way and curves.part == 0.0
    before = curves.curve("MAML").copy()
    np.testing.assert_array_equal(before, curves.curve("MAML", 0))
    assert hero(first_start).step_text.text() == "0 / 10"
    inside(first_start)
    bend.way.start()
    bend.way.setCurrentTime(bend.way.duration() // 2)
    assert 0.0 < curves.part < 1.0
    assert np.abs(curves.curve("MAML") - curves.curve("MAML", 0)).max() > 0
    panel, probed = hero(first_start), first_start.session.task.probed
    assert probed is not None
    errors = probed.arms["MAML"].query_mse
    assert (panel.step_text.text(), panel.slider.value()) == ("0 → 1", 0), "not there yet"
    assert panel.arms.chips["MAML"].value == number(float(errors[0]))
    tip = panel.arms.row.caption.toolTip()
    assert "after inner step 0 · the curves move on to step 1" in " ".join(tip.split("\n"))
    press(qtbot, first_start.run_bar.reset)
    assert not bend.under_way and curves.part == 1.0
    assert (panel.step_text.text(), panel.slider.value()) == ("1 / 10", 1)
    assert "after inner step 1" in panel.arms.row.caption.toolTip()
    bend.begin()
    assert not bend.under_way, "once is enough"


def test_nothing_moves_where_the_desktop_does_not(opened: Opener, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bending, "motion_wanted", lambda: False)
    window = opened()
    greet(window, Options(safe_mode=True))
    assert not hero(window).bending.under_way and hero(window).canvas.curves.part == 1.0


def test_train_from_scratch_begins_anew_and_undo_brings_the_example_back(
    first_start: MainWindow, qtbot: QtBot
):
    session = first_start.session
    inside(first_start)
    press(qtbot, first_start.welcome.train)
    inside(first_start)
    assert worker_of(first_start).posted_of(commands.Restart)[-1].train
    assert not first_start.welcome.isVisible()
    assert session.link.running and session.settings == presets()["finn-10-shot"].settings
    session.editor.undo_stack.undo()
    inside(first_start)
    assert session.status is not None and session.status.outer_step == 500


def test_train_goes_on_with_what_was_trained_to_its_end(window: MainWindow, tmp_path: Path):
    session = window.session
    session.editor.edit({"outer_steps": 500})
    session.control.open_run(str(example_folder()))
    session.link.pull()
    session.editor.edit({"outer_steps": 500})
    session.link.pull()
    session.control.train()
    assert worker_of(window).posted_of(commands.Train)[-1].beyond


def test_a_click_in_the_plot_keeps_the_example_and_ends_the_hint(first_start: MainWindow):
    session, panel = first_start.session, hero(first_start)
    inside(first_start)
    assert panel.legend.hints == CLICK
    canvas = panel.canvas
    canvas.editor.press(canvas.area().center().toPoint(), free=False)
    canvas.editor.release()
    session.link.pull()
    assert session.task.probed is not None and session.task.probed.outer_step == 500
    assert panel.legend.hints == ()
    assert first_start.welcome.isVisible()


def test_a_click_before_the_run_is_there_shows_the_curves_there_are(first_start: MainWindow):
    session = first_start.session
    probe = session.task.probe
    assert probe is not None
    session.task.set_probe(probe)
    inside(first_start)
    assert session.task.probed is not None and session.task.probed.outer_step == 0
    assert not first_start.welcome.isVisible()
    assert not worker_of(first_start).posted_of(commands.OpenRun)


def test_the_strip_does_not_praise_a_fit_that_another_setting_spoiled(first_start: MainWindow):
    inside(first_start)
    text, editor = first_start.welcome.text, first_start.session.editor
    assert "bends" in text.full
    editor.edit({"inner_lr": 0.1})
    inside(first_start)
    assert first_start.welcome.isVisible()
    assert "changed a setting" in text.full and "bends" not in text.full
    editor.undo_stack.undo()
    inside(first_start)
    assert "bends" in text.full


def test_training_by_key_ends_the_strip_too(first_start: MainWindow, qtbot: QtBot):
    inside(first_start)
    first_start.activateWindow()
    qtbot.keyClick(first_start, Qt.Key.Key_N)
    first_start.session.link.pull()
    assert not first_start.welcome.isVisible()
    assert first_start.session.task.probed is not None
    assert first_start.session.task.probed.outer_step == 501


def test_an_audience_sees_the_example_from_inside_too(first_start: MainWindow):
    first_start.presenter.toggle()  # before the worker says anything
    session = first_start.session
    inside(first_start)
    assert worker_of(first_start).posted_of(commands.OpenRun) == [
        commands.OpenRun(str(example_folder()))
    ]
    assert session.run == 2 and session.task.probed is not None
    assert session.task.probed.run == 2, "the run's own curves"
    assert not first_start.welcome.isVisible()
    first_start.presenter.toggle()
    assert first_start.welcome.isVisible(), "the strip waits at the desk"


def test_an_audience_sees_the_run_s_own_curves_once_it_trains(first_start: MainWindow):
    first_start.presenter.toggle()
    session = first_start.session
    session.control.train()  # before the example is there
    inside(first_start)
    assert session.task.probed is None or session.task.probed.outer_step < 70_000
    assert first_start.welcome.done


def test_who_trains_before_the_example_is_there_trains_from_scratch(first_start: MainWindow):
    first_start.session.control.train()
    inside(first_start)
    assert not worker_of(first_start).posted_of(commands.OpenRun)
    assert not first_start.welcome.isVisible()
    assert first_start.session.run == 1


def test_the_legend_and_its_hint_lie_inside_the_line_and_clear_of_each_other(
    first_start: MainWindow, qtbot: QtBot
):
    inside(first_start)
    legend = hero(first_start).legend
    for width in (1900, 1280, 960):
        first_start.resize(width, 800)
        qtbot.wait(20)
        entries, hint = legend.placed()
        assert [words for _, words in entries], "support, query, truth"
        boxes = [box for box, _ in entries] + ([hint[0]] if hint is not None else [])
        for left, right in itertools.pairwise(boxes):
            assert left.right() <= right.left()
        assert boxes[-1].right() <= legend.width()
    assert len(entries) == 3


def test_an_untrained_run_says_what_to_press(opened: Opener):
    window = opened()
    assert hero(window).legend.hints == UNTRAINED
    window.session.control.train()
    window.session.link.pull()
    assert hero(window).legend.hints == CLICK


def test_the_strip_does_not_come_back(opened: Opener, qtbot: QtBot, tmp_path: Path):
    path = tmp_path / "window.json"
    first = opened(path)
    first.welcome.greet()
    press(qtbot, first.welcome.close_button)
    first.close()
    second = opened(path)
    assert second.welcome.done
    greet(second, Options())
    begin(second, Options())
    assert not second.welcome.isVisible()


def test_no_example_where_other_settings_are_asked_for(opened: Opener):
    options = Options(preset=presets()["torch-func"], safe_mode=True)
    window = opened(options=options)
    greet(window, options)
    begin(window, options)
    assert not window.welcome.isVisible()


def test_the_example_is_small_and_what_its_readme_says():
    folder = example_folder()
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 300_000
    settings = from_toml((folder / "settings.toml").read_text())
    preset = presets()["finn-10-shot"].settings
    assert settings == preset.with_values({"device": "cpu"})
    probed = example_probed()
    assert probed is not None
    assert probed.arms.keys() == {arm.name for arm in settings.arms}
    for arm in probed.arms.values():
        assert arm.curves.shape == (11, len(probed.grid))
        assert np.isfinite(arm.curves).all()


def test_a_damaged_example_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    folder = tmp_path / "examples" / example.NAME
    folder.mkdir(parents=True)
    monkeypatch.setattr(example, "resources", lambda: tmp_path)
    assert example_probed() is None
    for content in ("", "[]", "{}", json.dumps({"arms": 3})):
        (folder / "curves.json").write_text(content)
        assert example_probed() is None


@pytest.mark.parametrize("colour", ["black", "white", "blue", "red"])
def test_the_strip_names_no_colour(colour: str):
    assert not [words for words in (*INSIDE, *CHANGED) if colour in words]
