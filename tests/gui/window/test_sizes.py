"""Text sizes, presenter mode and narrow windows: nothing is cut in any of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QLineEdit,
    QStyle,
    QStyleOptionFrame,
    QWidget,
)
from pytestqt.qtbot import QtBot

from maml_explorer.gui.panels.adaptation.panel import AdaptationPanel
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.style.theme import DARK, LIGHT, Theme
from maml_explorer.gui.window import appearance
from maml_explorer.gui.window.appearance import TEXT_SIZES
from maml_explorer.gui.window.splitter_sizes import sizes_of
from maml_explorer.gui.window.window import MainWindow
from tests.gui.driving import Opener, present, said


def cut(window: MainWindow) -> list[str]:
    """Buttons that are narrower than their words."""
    return [
        button.text()
        for button in window.centralWidget().findChildren(QAbstractButton)
        if button.isVisible()
        and len(button.text()) > 1
        and not window.columns.form.area.isAncestorOf(button)
        and button.width() < button.minimumSizeHint().width() - 1
    ]


@pytest.mark.parametrize("size", TEXT_SIZES)
def test_text_sizes_reach_labels_fields_and_axes(opened: Opener, qtbot: QtBot, size: str):
    window = opened(size=(1440, 900))
    before = window.run_bar.train.fontMetrics().height()
    window.actions_table[f"text {size or 'normal'}"].trigger()
    qtbot.wait(30)
    points = {"": 9.0, "large": 10.5, "largest": 12.0}[size]
    assert QApplication.font().pointSizeF() == points
    assert window.session.theme.points == points
    assert (window.run_bar.train.fontMetrics().height() > before) == bool(size)
    assert cut(window) == []
    row = window.columns.form.row("inner_lr")
    assert row.width() <= window.columns.form.area.viewport().width()
    window.columns.set_text_size("")


def test_normal_text_gives_the_columns_their_widths_back(window: MainWindow, qtbot: QtBot):
    qtbot.wait(20)
    before = sizes_of(window.columns.splitters)
    window.columns.set_text_size("largest")
    qtbot.wait(20)
    assert window.columns.splitters["columns"].sizes() != before["columns"]
    window.columns.set_text_size("")
    assert sizes_of(window.columns.splitters) == before, "at once"
    qtbot.wait(20)
    assert sizes_of(window.columns.splitters) == before, "and when the layout has settled"


def test_words_on_settings_without_room_go_when_they_are_seen_again(opened: Opener, qtbot: QtBot):
    window = opened(size=(1200, 800))
    window.columns.set_text_size("largest")
    qtbot.wait(20)
    assert len(said(window)) == 1
    window.columns.set_text_size("")
    qtbot.wait(20)
    assert window.columns.parts["Settings"].isVisible() and said(window) == []


def test_the_text_size_is_remembered(opened: Opener, tmp_path: Path):
    first = opened(tmp_path / "window.json")
    first.columns.set_text_size("large")
    first.close()
    second = opened(tmp_path / "window.json")
    assert second.appearance.text_size == "large"
    second.columns.set_text_size("")


def test_presenter_mode_shows_chosen_panels_large_and_goes_back(opened: Opener, qtbot: QtBot):
    window = opened(size=(1440, 900))
    session = window.session
    thin = arm_style(session.settings, "MAML", session.theme).width
    present(qtbot, window, 1440, 900)
    assert (
        window.columns.parts["Settings"].isHidden() and window.columns.parts["Insight"].isHidden()
    )
    assert not window.columns.parts["Adaptation"].isHidden()
    assert arm_style(session.settings, "MAML", session.theme).width > 1.5 * thin
    assert session.theme.points == 13.5, "12 points in a window of 1280 x 800"
    qtbot.waitUntil(lambda: cut(window) == [])
    # what is chosen while presenting is kept for the next time
    window.columns.toggle_part("Losses")
    qtbot.keyClick(window, Qt.Key.Key_F5)
    assert not any(part.isHidden() for part in window.columns.parts.values())
    assert session.theme.points == 9.0
    qtbot.keyClick(window, Qt.Key.Key_F5)
    assert window.columns.parts["Losses"].isHidden() and window.columns.parts["Settings"].isHidden()
    qtbot.keyClick(window, Qt.Key.Key_F5)


def test_a_window_of_960_pixels_keeps_two_columns(opened: Opener, qtbot: QtBot):
    window = opened(size=(1280, 800))
    assert not window.columns.parts["Settings"].isHidden()
    window.resize(960, 540)
    qtbot.wait(50)
    assert (window.width(), window.height()) == (960, 540)
    assert window.columns.parts["Settings"].isHidden()
    assert window.columns.parts["Losses"].isVisible()
    assert cut(window) == []
    # the settings come in the place of the right column
    qtbot.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    qtbot.wait(50)
    assert window.columns.parts["Settings"].isVisible()
    assert not window.columns.parts["Losses"].isVisible()
    assert (window.width(), window.height()) == (960, 540)
    window.columns.toggle_part("Settings")
    qtbot.wait(50)
    assert window.columns.parts["Losses"].isVisible()
    window.resize(1280, 800)
    qtbot.wait(50)
    assert (
        window.columns.parts["Settings"].isVisible() and window.columns.parts["Losses"].isVisible()
    )


def test_the_smallest_screens_have_one_column_and_a_part_takes_another_s_place(
    opened: Opener, qtbot: QtBot
):
    window = opened(size=(1280, 800))
    columns = window.columns
    window.resize(640, 384)  # 1280 x 800 at scale 2, with a panel of the desktop
    qtbot.wait(30)
    assert (window.width(), window.height()) == (640, 384)

    def seen() -> list[str]:
        qtbot.wait(20)
        return [title for title, part in columns.parts.items() if part.isVisible()]

    assert seen() == ["Adaptation"] and cut(window) == []
    columns.toggle_part("Losses")
    assert seen() == ["Losses", "Adaptation speed"]
    columns.toggle_part("Adaptation")
    assert seen() == ["Adaptation"]
    columns.show_tab("pseudocode")
    assert seen() == ["Insight"]
    columns.toggle_part("Insight")
    assert seen() == ["Adaptation"]
    window.columns.find_setting()
    assert seen() == ["Settings"]
    columns.toggle_part("Settings")
    assert seen() == ["Adaptation"]
    assert columns.hidden_parts == ()
    window.resize(1280, 800)
    assert seen() == list(columns.parts)


@pytest.mark.parametrize(("before", "after"), [("largest", ""), ("", "largest")])
def test_a_hidden_column_needs_the_room_of_the_type_in_force(
    opened: Opener, qtbot: QtBot, before: str, after: str
):
    window = opened(size=(1280, 800))
    columns = window.columns
    columns.set_text_size(before)
    qtbot.wait(30)
    assert columns.parts["Losses"].isVisible()
    window.resize(700, 800)
    qtbot.wait(30)
    assert not columns.parts["Losses"].isVisible()
    columns.set_text_size(after)
    qtbot.wait(30)
    # room for hero and right column in normal text, and for one of them in the largest
    window.resize(830, 800)
    qtbot.wait(30)
    assert columns.parts["Losses"].isVisible() is (after == "")
    columns.set_text_size("")


def test_a_window_that_opens_narrow_is_narrow(opened: Opener):
    window = opened(size=(960, 540))
    assert (window.width(), window.height()) == (960, 540)
    assert window.columns.parts["Settings"].isHidden()
    assert window.columns.hidden_parts == ()


def test_what_the_bar_leaves_out_is_in_a_menu_or_has_a_key(opened: Opener, qtbot: QtBot):
    window = opened(size=(960, 600))
    window.resize(window.minimumWidth(), 600)
    qtbot.wait(30)
    bar = window.run_bar
    assert not bar.export.isVisible()
    assert bar.train.isVisible() and bar.preset.isVisible() and window.file_button.isVisible()
    menu = window.file_menu()
    assert window.actions_table["export"] in menu.actions()
    menu.deleteLater()
    hidden = [way.text() for way in bar.left_out]
    assert {"Pin run", "Export…", "New seed", "Reset"} <= set(hidden) and bar.more.isVisible()
    menu = bar.more_menu()
    assert [action.text() for action in menu.actions()] == hidden
    next(action for action in menu.actions() if action.text() == "New seed").trigger()
    assert window.session.settings.run.seed == 1
    menu.deleteLater()
    window.resize(1440, 800)
    qtbot.wait(30)
    assert bar.export.isVisible() and bar.pin.isVisible() and not bar.more.isVisible()


def test_in_a_low_window_the_hero_has_what_the_panel_below_can_spare(opened: Opener, qtbot: QtBot):
    window = opened(size=(1280, 800))
    hero, insight = (window.columns.parts[name] for name in ("Adaptation", "Insight"))
    before = hero.height(), insight.height()
    window.resize(900, 600)
    qtbot.wait(50)
    plot = hero_plot(window)
    assert plot.height() >= 190 and insight.isVisible()
    assert insight.height() >= insight.minimumSizeHint().height()
    window.resize(1280, 800)
    qtbot.wait(50)
    after = hero.height(), insight.height()
    assert after == pytest.approx(before, abs=8), "the sizes of before come back"


def hero_plot(window: MainWindow) -> QWidget:
    panel = window.columns.places["adaptation"].panel
    assert isinstance(panel, AdaptationPanel)
    return panel.canvas


def test_the_theme_follows_the_desktop_live_unless_one_was_chosen(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
):
    window = opened()
    hints = QApplication.styleHints()

    def desktop(theme: Theme) -> None:
        """The desktop turns to this theme; the offscreen platform cannot do so itself."""
        monkeypatch.setattr(appearance, "system_theme", lambda: theme)
        hints.colorSchemeChanged.emit(Qt.ColorScheme.Dark if theme.dark else Qt.ColorScheme.Light)

    try:
        for theme in (DARK, LIGHT):
            desktop(theme)
            assert window.session.theme == theme
            assert window.columns.places["losses"].panel.plot.theme == theme  # type: ignore[union-attr]
            assert QApplication.palette().window().color().name() == theme.window
        window.appearance.use("light")
        desktop(DARK)
        assert window.session.theme == LIGHT
        window.appearance.use("")
        assert window.session.theme == DARK
    finally:
        monkeypatch.undo()
        window.appearance.use("")


def test_settings_that_a_larger_text_leaves_no_room_say_where_they_are(
    opened: Opener, qtbot: QtBot
):
    window = opened(size=(1200, 800))
    settings = window.columns.parts["Settings"]
    window.appearance.use("dark")
    qtbot.wait(20)
    assert settings.isVisible() and said(window) == []
    window.columns.set_text_size("largest")
    qtbot.wait(20)
    assert not settings.isVisible()
    (words,) = said(window)
    assert "no room" in words and "View → Settings" in words
    window.banners.shown[0].buttons[0].click()
    qtbot.wait(20)
    assert settings.isVisible() and said(window) == []
    window.appearance.use("light")
    qtbot.wait(20)
    assert settings.isVisible() and said(window) == []


def cut_numbers(form: QWidget) -> list[str]:
    """Numbers in fields that are narrower than what stands in them."""
    found = []
    for edit in form.findChildren(QLineEdit):
        if edit.isVisible() and edit.objectName():
            option = QStyleOptionFrame()
            edit.initStyleOption(option)
            line = QStyle.SubElement.SE_LineEditContents
            # Qt leaves two pixels on either side of the text
            room = edit.style().subElementRect(line, option, edit).width() - 4
            if edit.fontMetrics().horizontalAdvance(edit.text()) > room:
                found.append(f"{edit.objectName()}: {edit.text()}")
    return found


@pytest.mark.parametrize("size", TEXT_SIZES)
def test_no_number_in_a_field_is_cut(opened: Opener, qtbot: QtBot, size: str):
    window = opened(size=(1600, 900))
    form = window.columns.form
    window.columns.set_text_size(size)
    assert form.isVisible()
    for group in form.groups:
        if group.more_button.isVisible():
            group.toggle_more()
    qtbot.wait(20)
    assert cut_numbers(form) == []
    before = form.minimum_width()
    window.session.editor.edit({"amplitude_min": 1e-05, "amplitude_max": 0.00012})
    window.session.editor.edit({"inner_lr": 1.2345e-05})
    qtbot.wait(20)
    assert form.row("amplitude_min").fields["amplitude_min"].edit.text() == "1e-05"
    assert cut_numbers(form) == []
    # while it is typed, too
    field = form.row("phase_min").fields["phase_min"].edit
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, "0.000125")
    assert cut_numbers(form) == []
    assert form.minimum_width() == before, "no number asks for a wider form"
    row = form.row("amplitude_min")
    assert row.width() <= form.area.viewport().width()
    assert row.name.width() >= row.name.sizeHint().width()
    window.columns.set_text_size("")


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080)])
def test_no_number_in_the_row_of_a_hall_is_cut(opened: Opener, qtbot: QtBot, size: tuple[int, int]):
    window = opened(size=size)
    window.columns.toggle_presenter()
    window.resize(*size)
    qtbot.wait(20)
    row = window.columns.stage_row
    assert row.isVisible() and row.findChildren(QLineEdit)
    window.session.editor.edit({"inner_lr": 1.2345e-05})
    qtbot.wait(20)
    assert cut_numbers(row) == []
    window.columns.toggle_presenter()
