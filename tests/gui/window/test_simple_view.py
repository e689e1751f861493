"""The simple view: the plot, two sliders in plain words, training, and the way back."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from maml_explorer.gui.window.stage_row import PLAIN
from maml_explorer.gui.window.window import MainWindow
from tests.gui.driving import press
from tests.gui.geometry import cut_words, off_screen


def shown(window: MainWindow) -> list[str]:
    return [title for title, part in window.columns.parts.items() if part.isVisible()]


def test_it_shows_the_plot_and_two_sliders_and_gives_everything_back(
    window: MainWindow, qtbot: QtBot
):
    columns, bar = window.columns, window.run_bar
    columns.toggle_part("Losses")
    before = shown(window)
    qtbot.keyClick(window, Qt.Key.Key_9, Qt.KeyboardModifier.ControlModifier)
    assert shown(window) == ["Adaptation"]
    assert {key: row.name.text() for key, row in columns.stage_row.rows.items()} == PLAIN
    assert not bar.new_seed.isVisible() and not bar.preset.isVisible()
    assert bar.train.isVisible() and bar.reset.isVisible()
    assert columns.hidden_parts == ("Losses",), "what is remembered is the desk"
    press(qtbot, bar.everything)
    assert shown(window) == before
    assert bar.preset.isVisible() and not bar.everything.isVisible()
    assert not columns.stage_row.isVisible()


def test_a_slider_changes_the_setting(window: MainWindow):
    window.columns.toggle_simple()
    row = window.columns.stage_row.rows["inner_steps"]
    assert row.slider is not None
    row.slider.setValue(row.slider.value() + 1)
    assert window.session.editor.edited.inner.inner_steps > 1


def test_presenting_ends_it_and_it_ends_presenting(window: MainWindow, qtbot: QtBot):
    window.columns.toggle_simple()
    qtbot.keyClick(window, Qt.Key.Key_F5)
    assert window.appearance.presenting and not window.columns.simple
    window.columns.toggle_simple()
    assert window.columns.simple and not window.appearance.presenting
    window.columns.toggle_simple()
    assert shown(window) == list(window.columns.parts)


def test_a_prepared_view_ends_it(window: MainWindow):
    window.columns.toggle_simple()
    window.columns.hide_parts(("Insight",))
    assert not window.columns.simple
    assert "Losses" in shown(window) and "Insight" not in shown(window)


@pytest.mark.parametrize("size", [(1280, 800), (960, 540)])
def test_nothing_is_cut(window: MainWindow, qtbot: QtBot, size: tuple[int, int]):
    window.columns.toggle_simple()
    window.resize(*size)
    qtbot.wait(30)
    assert cut_words(window) == []
    assert [one for one in off_screen(window) if not one.startswith("frame")] == []
