"""Sheets, dialogs and tables that are open while type, theme or size of the window change."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication, QLabel, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from maml_explorer.gui.files.export_dialog import ExportDialog
from maml_explorer.gui.panels.runs.ablation_window import show_ablation
from maml_explorer.gui.widgets.overlay import Overlay
from maml_explorer.gui.window.window import MainWindow
from tests.gui.driving import Opener
from tests.gui.geometry import cut_words


def settle(qtbot: QtBot) -> None:
    qtbot.wait(1)
    QApplication.sendPostedEvents()


def beside(area: QScrollArea) -> int:
    """Pixels of what lies in a scroll area that no scrolling shows: it scrolls up and down only."""
    inside = area.widget()
    return 0 if inside is None else max(inside.width() - area.viewport().width(), 0)


def test_what_lies_over_the_window_takes_its_type_and_size(opened: Opener, qtbot: QtBot):
    window = opened(size=(1280, 800))
    window._on_screen.deleteLater()  # the screen here is larger than the sizes below
    window.show_lessons()
    window.show_shortcuts()
    window.share_code.show_code()
    window.show_palette()
    window.files.save_preset()
    sheets = window.findChildren(Overlay)
    assert sum(sheet.isVisible() for sheet in sheets) == 5
    for text, size in (
        ("largest", (1280, 800)), ("", (1280, 800)), ("", (960, 540)), ("", (640, 400)),
    ):  # fmt: skip
        if window.appearance.text_size != text:
            window.columns.set_text_size(text)
        window.resize(*size)
        settle(qtbot)
        assert cut_words(window) == [], (text, size)
        for sheet in sheets:
            assert window.rect().contains(sheet.card.geometry()), (sheet, text, size)
            assert [beside(area) for area in sheet.findChildren(QScrollArea)] in ([], [0]), size


def test_a_code_is_as_large_as_the_window_it_is_shown_in(window: MainWindow, qtbot: QtBot):
    window.share_code.show_code()
    before = window.share_code.code.height()
    window.resize(1280, 600)
    settle(qtbot)
    assert window.share_code.code.height() == before - 200


def squeezed(top: QWidget) -> list[str]:
    """Visible parts of a window of its own that are lower than what is in them."""
    return [
        f"{part.accessibleName() or type(part).__name__}: {part.height()}"
        for part in top.findChildren(QWidget)
        if part.isVisible() and part.height() < part.minimumSizeHint().height()
    ]


def test_an_open_dialog_grows_with_the_type(window: MainWindow, qtbot: QtBot):
    dialog = ExportDialog(window.session, window)
    dialog.open()
    window.columns.set_text_size("largest")
    settle(qtbot)
    assert squeezed(dialog) == []
    window.appearance.use("dark")
    settle(qtbot)
    assert squeezed(dialog) == []
    assert dialog.grab().toImage().pixelColor(2, 2).name() == window.session.theme.window
    dialog.close()
    window.columns.set_text_size("")


def test_the_folder_of_an_export_is_seen_whole(window: MainWindow, qtbot: QtBot):
    dialog = ExportDialog(window.session, window)
    dialog.open()
    path = "/srv/models/of-the-lecture/maml-explorer/2026-11-29/maml-with-a-long-name-seed-0"
    dialog.folder.setText(path)
    settle(qtbot)
    assert dialog.folder.width() >= dialog.folder.fontMetrics().horizontalAdvance(path) + 8
    assert dialog.folder.toolTip() == path
    words = " ".join(one.text() for one in dialog.findChildren(QLabel))
    for name in ("model.safetensors", "model.pt", "config.json", "README.md"):
        assert name in words
    dialog.close()


def test_a_table_has_room_for_its_columns_and_its_type(window: MainWindow, qtbot: QtBot):
    table = show_ablation(window)
    view = table.view
    settle(qtbot)
    assert view.horizontalScrollBar().maximum() == 0
    small = view.columnWidth(1)
    window.columns.set_text_size("largest")
    settle(qtbot)
    assert view.rowHeight(0) >= view.fontMetrics().height() + 4
    assert view.columnWidth(1) > small
    window.columns.set_text_size("")
    settle(qtbot)
    assert view.columnWidth(1) == small
    table.close()
