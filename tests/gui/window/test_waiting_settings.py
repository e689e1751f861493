"""Settings that wait for a restart are said where their form cannot be seen."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from maml_explorer.gui.window.waiting_settings import SUBJECT, waiting_words
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.settings.presets import load_preset
from tests.gui.driving import press, worker_of


def test_few_are_named_and_more_are_counted() -> None:
    assert waiting_words([]) == ""
    assert waiting_words(["Shots", "Seed"]) == "New settings wait for a restart: Shots, Seed."
    assert waiting_words(list("abcde")) == "New settings wait for a restart: a, b, c and 2 more."


def test_a_hall_is_told_and_can_restart_or_discard(window: MainWindow, qtbot: QtBot) -> None:
    session = window.session
    session.control.outer_step()
    session.link.pull()
    window.presenter.toggle()
    qtbot.waitUntil(lambda: not window.columns.form.isVisible())
    assert window.banners.of(SUBJECT) is None
    session.control.load_preset(load_preset("oml-sine"))
    qtbot.waitUntil(lambda: window.banners.of(SUBJECT) is not None)
    told = window.banners.of(SUBJECT)
    assert told is not None and told.text.full.startswith("New settings wait for a restart: ")
    window.presenter.toggle()  # the form says it now
    qtbot.waitUntil(lambda: window.banners.of(SUBJECT) is None)
    assert window.columns.form.restart_bar.isVisible()
    window.presenter.toggle()
    qtbot.waitUntil(lambda: window.banners.of(SUBJECT) is not None)
    told = window.banners.of(SUBJECT)
    assert told is not None
    press(qtbot, told.buttons[0])
    session.link.pull()
    assert session.settings.family.stream and worker_of(window).settings.family.stream
    qtbot.waitUntil(lambda: window.banners.of(SUBJECT) is None)
