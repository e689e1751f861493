"""Every control of the window has a name, is reached by key, and shows its words whole."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QScrollBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from maml_explorer.gui.panels import PANELS, TAB
from maml_explorer.gui.style.contrast import contrast
from maml_explorer.gui.style.theme import THEMES
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.gui.window.window import MainWindow
from tests.gui.driving import Opener, walk_through

CONTROLS = (QAbstractButton, QComboBox, QAbstractSlider, QLineEdit, QAbstractItemView)
TABS = [entry.name for entry in PANELS.values() if entry.place == TAB]
SIGNS = {"▶", "■", "✕", "+", "▾", "…"}


def controls(window: MainWindow) -> list[QWidget]:
    """What a person can operate, without the parts Qt makes inside others."""
    inner = (QScrollBar, QHeaderView)
    return [
        widget
        for widget in window.findChildren(QWidget)
        if isinstance(widget, CONTROLS)
        and not isinstance(widget, inner)
        and not isinstance(widget.parentWidget(), QComboBox)
        and widget.objectName() != "qt_spinbox_lineedit"
        and not (widget.parentWidget() and widget.parentWidget().inherits("QTabBar"))
        and not widget.inherits("QComboBoxListView")
        and not widget.inherits("QTableCornerButton")
    ]


def spoken(widget: QWidget) -> str:
    """What a screen reader says."""
    text = widget.accessibleName()
    if not text and isinstance(widget, QAbstractButton):
        text = widget.text()
    return text.strip()


@pytest.mark.parametrize("tab", TABS)
def test_every_control_has_a_name_in_words(window: MainWindow, tab: str):
    unnamed = [
        f"{type(widget).__name__} {widget.objectName()} in {type(widget.parentWidget()).__name__}"
        for _ in walk_through(window, tab)
        for widget in controls(window)
        if not any(letter.isalpha() for letter in spoken(widget))
    ]
    assert unnamed == []


@pytest.mark.parametrize("tab", TABS)
def test_every_visible_control_is_reached_by_tab(window: MainWindow, tab: str):
    # the palette's list is worked from its search field
    apart = [window.palette_overlay, window.shortcut_sheet, window.files.ask]
    unreached = [
        f"{type(widget).__name__} “{spoken(widget)}”"
        for _ in walk_through(window, tab)
        for widget in controls(window)
        if widget.isVisible()
        and widget.isEnabled()
        and not widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and not any(overlay.isAncestorOf(widget) for overlay in apart)
    ]
    assert unreached == []


def test_tab_walks_through_the_window_and_comes_back(window: MainWindow, qtbot: QtBot):
    window.run_bar.train.setFocus()
    seen: list[QWidget] = []
    for _ in range(400):
        focused = window.focusWidget()
        assert focused is not None
        if seen and focused is seen[0]:
            break
        seen.append(focused)
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
    else:
        pytest.fail("Tab does not come back to where it began.")
    alpha = window.columns.form.row("inner_lr").fields["inner_lr"].widget
    bar = window.run_bar
    for control in (bar.reset, bar.preset, window.file_button, window.columns.form.search, alpha):
        assert control in seen, spoken(control)


@pytest.mark.parametrize("tab", TABS)
def test_no_words_are_cut_at_1280_by_800(opened: Opener, qtbot: QtBot, tab: str):
    window = opened(size=(1280, 800))
    cut = []
    for _ in walk_through(window, tab):
        qtbot.wait(30)
        cut += cut_words(window)
    assert cut == []


def cut_words(window: MainWindow) -> list[str]:
    """What is narrower than its words, of what must not be."""
    cut = []
    for widget in window.centralWidget().findChildren(QWidget):
        if not widget.isVisible() or not isinstance(widget, QLabel | QAbstractButton):
            continue
        elided = isinstance(widget, ElidedLabel) or widget.toolTip() == plain_tip(
            getattr(widget, "full", "no words")
        )
        wraps = isinstance(widget, QLabel) and widget.wordWrap()
        if elided or wraps or not widget.text() or widget.text() in SIGNS:
            continue
        if widget.width() < widget.minimumSizeHint().width() - 1:
            cut.append(f"{type(widget).__name__} “{widget.text()}”")
    return cut


def test_every_part_of_the_window_has_room_at_1280_by_800(opened: Opener):
    window = opened(size=(1280, 800))
    assert window.width() == 1280
    for title, part in window.columns.parts.items():
        assert part.isVisible(), f"{title} gave way: something asks for too much width"


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_text_is_readable_on_its_ground(theme):  # type: ignore[no-untyped-def]
    for text in (theme.text, theme.muted, theme.danger, theme.warning):
        assert contrast(text, theme.card) >= 4.5
        assert contrast(text, theme.window) >= 4.5
    assert contrast(theme.text, theme.selection) >= 4.5
    assert contrast(theme.on_primary, theme.primary) >= 4.5
