"""The first start: a trained example at once, and the ways in."""

from __future__ import annotations

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
from maml_explorer.gui.session import example
from maml_explorer.gui.session.example import example_folder, example_probed
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


def test_the_example_is_drawn_before_the_worker_says_anything(first_start: MainWindow):
    session = first_start.session
    assert session.status is None
    assert session.task.probed is not None and session.task.probed.outer_step == 70_000
    hero = first_start.columns.places["adaptation"].panel
    assert hero.last_step == 10  # type: ignore[union-attr]
    assert first_start.welcome.isVisible()
    assert "70\u2009000 outer steps" in first_start.welcome.text.full
    # MAML has learned to adapt, and the arm trained jointly has not
    mse = {name: arm.query_mse[1] for name, arm in session.task.probed.arms.items()}
    assert mse["MAML"] < 0.5 < 1.5 < mse["MTL"]


def test_the_example_stays_until_a_way_in_is_taken(first_start: MainWindow, qtbot: QtBot):
    session = first_start.session
    session.link.pull()
    assert session.run == 1
    assert session.task.probed is not None and session.task.probed.outer_step == 70_000
    press(qtbot, first_start.welcome.train)
    session.link.pull()
    assert worker_of(first_start).posted_of(commands.Train)
    assert not first_start.welcome.isVisible()
    assert session.task.probed.outer_step == 40


def test_the_trained_example_is_opened_through_the_worker(first_start: MainWindow, qtbot: QtBot):
    first_start.session.link.pull()
    press(qtbot, first_start.welcome.example)
    first_start.session.link.pull()
    assert worker_of(first_start).posted_of(commands.OpenRun) == [
        commands.OpenRun(str(example_folder()))
    ]
    assert not first_start.welcome.isVisible()
    assert first_start.session.status is not None
    assert first_start.session.status.outer_step == 500


def test_a_click_in_the_plot_ends_the_example_on_its_task(first_start: MainWindow):
    session = first_start.session
    session.link.pull()
    probe = session.task.probe
    assert probe is not None
    session.task.set_probe(probe)
    session.link.pull()
    assert session.task.probed is not None and session.task.probed.outer_step == 0
    assert not first_start.welcome.isVisible()


def test_training_by_key_is_a_way_in_too(first_start: MainWindow, qtbot: QtBot):
    first_start.session.link.pull()
    first_start.activateWindow()
    qtbot.keyClick(first_start, Qt.Key.Key_N)
    first_start.session.link.pull()
    assert not first_start.welcome.isVisible()
    assert first_start.session.task.probed is not None
    assert first_start.session.task.probed.outer_step == 1


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
