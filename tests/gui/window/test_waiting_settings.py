"""Settings that wait for a restart: what is said, and what Train does."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from maml_explorer.gui.session.waiting import named
from maml_explorer.gui.window.waiting_settings import SUBJECT
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import commands
from maml_explorer.settings.presets import load_preset
from tests.gui.driving import press, said, worker_of

WAITS = "“OML · incremental sines” waits. Train begins a new run with it."


def test_few_are_named_and_more_are_counted() -> None:
    assert named(["Shots", "Seed"]) == "Shots, Seed"
    assert named(list("abcde")) == "a, b, c and 2 more"


def choose_oml(window: MainWindow) -> None:
    """Takes an outer step, and chooses another preset, which waits."""
    window.session.control.load_preset(load_preset("finn-10-shot"))
    window.session.control.outer_step()
    window.session.link.pull()
    window.session.control.load_preset(load_preset("oml-sine"))
    window.session.link.pull()


def test_a_hall_is_told_and_can_restart_or_discard(window: MainWindow, qtbot: QtBot) -> None:
    session = window.session
    window.presenter.toggle()
    qtbot.waitUntil(lambda: not window.columns.form.isVisible())
    assert window.banners.of(SUBJECT) is None
    choose_oml(window)
    qtbot.waitUntil(lambda: window.banners.of(SUBJECT) is not None)
    told = window.banners.of(SUBJECT)
    assert told is not None and told.text.full == WAITS
    window.presenter.toggle()  # the form says it now
    qtbot.waitUntil(lambda: window.banners.of(SUBJECT) is None)
    assert window.columns.form.restart_bar.text.text() == WAITS
    window.presenter.toggle()
    qtbot.waitUntil(lambda: window.banners.of(SUBJECT) is not None)
    told = window.banners.of(SUBJECT)
    assert told is not None
    press(qtbot, told.buttons[0])
    session.link.pull()
    assert session.settings.family.stream and worker_of(window).settings.family.stream
    qtbot.waitUntil(lambda: window.banners.of(SUBJECT) is None)


def test_train_begins_the_preset_that_waits_and_the_run_before_comes_back(
    window: MainWindow, qtbot: QtBot
) -> None:
    session, worker = window.session, worker_of(window)
    choose_oml(window)
    before = session.run
    assert not session.settings.family.stream and session.editor.waits_whole
    press(qtbot, window.run_bar.train)
    session.link.pull()
    assert session.settings.family.stream and worker.settings.family.stream
    assert worker.posted_of(commands.Restart)[-1].train, "the preset trains, not the run before"
    assert said(window)[-1] == "A new run began with “OML · incremental sines”."
    press(qtbot, window.banners.shown[-1].buttons[0])
    session.link.pull()
    assert worker.posted_of(commands.BringBack)[-1].run == before
    assert not session.settings.family.stream and session.editor.waits_whole


def test_a_step_begins_it_too_and_a_pause_does_not(window: MainWindow) -> None:
    session, worker = window.session, worker_of(window)
    session.control.train()
    session.link.pull()
    session.control.load_preset(load_preset("oml-sine"))
    began = len(worker.posted_of(commands.Restart))
    session.control.toggle()
    session.link.pull()
    assert len(worker.posted_of(commands.Restart)) == began and session.editor.waits_whole
    session.control.outer_step()
    session.link.pull()
    assert len(worker.posted_of(commands.Restart)) == began + 1
    assert session.settings.family.stream


def test_single_settings_that_wait_leave_train_to_the_run_there_is(window: MainWindow) -> None:
    session, worker = window.session, worker_of(window)
    session.control.outer_step()
    session.link.pull()
    session.editor.edit({"seed": 7})
    began = len(worker.posted_of(commands.Restart))
    session.control.toggle()
    session.link.pull()
    assert session.link.running and len(worker.posted_of(commands.Restart)) == began
    assert window.columns.form.restart_bar.text.text() == (
        "These wait for a restart: Seed. Train goes on without them."
    )


def test_discarding_a_preset_names_the_one_in_force_again(window: MainWindow) -> None:
    choose_oml(window)
    window.session.editor.discard_staged()
    preset = window.session.editor.preset
    assert preset is not None and preset.name == "finn-10-shot"
    assert window.run_bar.preset.currentText() == preset.title
