"""The run before: its entry in the File menu and the palette, and the message that offers it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QAction
from pytestqt.qtbot import QtBot

from maml_explorer.gui.style.numbers import THIN_SPACE
from maml_explorer.gui.window import worker_notices
from maml_explorer.gui.window.command_palette import found
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import commands, reports
from maml_explorer.settings.presets import load_preset
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.run.folder import create_run
from tests.gui.driving import press, worker_of

NONE = "No trained run gave way to this one"


def entry(window: MainWindow) -> QAction:
    """The entry as the File menu shows it now."""
    menu = window.file_menu()
    (action,) = [one for one in menu.actions() if one.text() == "Back to the run before"]
    assert menu.toolTipsVisible()
    menu.deleteLater()
    return action


def trained(window: MainWindow, steps: int) -> int:
    """Trains the run there is; its number."""
    worker_of(window)._per_pull = steps
    window.session.control.train()
    window.session.link.pull()
    window.session.control.pause()
    window.session.link.pull()
    return window.session.run


def test_the_run_before_is_in_the_menu_below_further_edits(window: MainWindow):
    session, worker = window.session, worker_of(window)
    assert not entry(window).isEnabled() and entry(window).toolTip() == NONE
    before, settings = trained(window, 33_000), session.settings
    assert not entry(window).isEnabled(), "nothing gave way to it"
    session.control.load_preset(load_preset("oml-sine"))
    session.control.toggle()  # a new run trains
    session.link.pull()
    session.editor.edit({"inner_lr": 0.02})
    session.task.new_task()
    session.link.pull()
    assert entry(window).isEnabled()
    words = f"MAML, FO-MAML, ANIL and 1 more at outer step 33{THIN_SPACE}000"
    assert entry(window).toolTip() == words
    entry(window).trigger()
    session.link.pull()
    assert worker.posted_of(commands.BringBack) == [commands.BringBack(before)]
    assert session.status.outer_step == 33_000 and session.settings == settings
    assert not entry(window).isEnabled()


@pytest.mark.parametrize("name", ["restart", "reset", "new_seed"])
def test_other_beginnings_are_gone_back_from_too(window: MainWindow, name: str):
    before = trained(window, 500)
    window.actions_table[name].trigger()
    window.session.link.pull()
    window.actions_table["new_seed"].trigger()  # of a run that was not trained
    window.session.link.pull()
    assert entry(window).isEnabled() and "at outer step 500" in entry(window).toolTip()
    window.actions_table["run_before"].trigger()
    window.session.link.pull()
    assert worker_of(window).posted_of(commands.BringBack)[-1].run == before
    assert window.session.status.outer_step == 500 and window.session.settings.run.seed == 0


def test_a_run_that_the_worker_no_longer_keeps_is_not_offered(window: MainWindow):
    trained(window, 500)
    window.actions_table["reset"].trigger()
    window.session.link.pull()
    assert entry(window).isEnabled()
    worker_of(window)._kept.clear()
    trained(window, 10)
    assert not entry(window).isEnabled()


def test_the_palette_finds_it_and_says_where_there_is_none(window: MainWindow):
    assert found(window.actions_table, "before") == ["run_before"]
    trained(window, 500)
    window.actions_table["reset"].trigger()
    window.session.link.pull()
    window.show_palette()
    window.palette_overlay.search.setText("run before")
    assert window.palette_overlay.found == ["run_before"]
    assert "at outer step 500" in window.palette_overlay.list.item(0).toolTip()
    window.palette_overlay.perform()
    window.session.link.pull()
    assert window.session.status.outer_step == 500
    window.show_palette()
    window.palette_overlay.search.setText("run before")
    window.palette_overlay.perform()
    assert [one.text.full for one in window.banners.shown] == [
        "There is no run before to go back to."
    ]


def opened_after_training(window: MainWindow, folder: Path) -> None:
    trained(window, 500)
    create_run(folder, Settings())
    window.banners.passing = 10
    assert window.files.opening.open(folder)
    window.session.link.pull()


def test_the_way_back_is_offered_until_the_new_run_has_trained_a_while(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
):
    opened_after_training(window, tmp_path / "evening")
    qtbot.wait(100)
    assert window.banners.of("began") is not None, "as long as it is only read"
    assert worker_notices.READ == 60_000
    window.notices._read.setInterval(50)
    window.session.control.train()
    window.session.link.pull()
    assert window.banners.of("began") is not None
    qtbot.waitUntil(lambda: window.banners.of("began") is None)
    assert entry(window).isEnabled()


def test_the_way_back_leaves_with_the_run_that_it_is_about(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
):
    opened_after_training(window, tmp_path / "evening")
    window.actions_table["reset"].trigger()
    window.session.link.pull()
    assert window.banners.of("began") is None
    window.session.undo()
    window.session.undo()
    window.session.link.pull()
    assert window.files.opening.open(tmp_path / "evening")
    window.session.link.pull()
    assert window.session.status.phase is reports.Phase.PAUSED
    press(qtbot, window.banners.shown[-1].buttons[0])
    window.session.link.pull()
    assert window.banners.of("began") is None
