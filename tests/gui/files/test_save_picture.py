"""Pictures of plots and of the window: what is in them, and the note that follows."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QDesktopServices, QImage
from PySide6.QtWidgets import QFileDialog, QMenu
from pytestqt.qtbot import QtBot

from maml_explorer.gui.files import save_picture
from maml_explorer.gui.files.save_picture import WHOLE
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.style.theme import LIGHT
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.settings.settings import Settings
from tests.gui.driving import said
from tests.storage.disk import Disk


def hero(window: MainWindow) -> Plot:
    plot = window.stage.part("adaptation.plot")
    assert isinstance(plot, Plot)
    return plot


@pytest.mark.parametrize("pointer", [QPoint(-500, -500), QPoint(40, 50)])
def test_the_choice_opens_over_the_window(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch, pointer: QPoint
):
    inside = window.rect().contains(pointer)
    at = window.mapToGlobal(pointer if inside else window.rect().center())
    monkeypatch.setattr(save_picture.QCursor, "pos", lambda: window.mapToGlobal(pointer))
    places: list[QPoint] = []
    monkeypatch.setattr(QMenu, "popup", lambda _, place: places.append(place))
    window.pictures.choose()
    assert places == [at]


def test_the_file_menu_and_the_palette_offer_every_plot_in_sight(window: MainWindow):
    assert window.actions_table["save_picture"].text() == "Save picture…"
    menu = window.file_menu()
    saves = next(a.menu() for a in menu.actions() if a.text() == "Save picture")
    words = [a.text() for a in saves.actions() if a.text()]  # type: ignore[union-attr]
    assert words[0] == f"{WHOLE}…"
    assert {"Adaptation speed…", "Losses…"} <= set(words)
    window.columns.parts["Losses"].hide()
    assert "Losses" not in window.pictures.plots
    menu.deleteLater()


def test_what_follows_the_pointer_is_left_out_and_comes_back(window: MainWindow, qtbot: QtBot):
    plot = hero(window)
    plot.picture(1.0)  # names take their places when they are first painted
    still = plot.picture(1.0).toImage()
    middle: QPoint = plot.area().center().toPoint()
    qtbot.mouseMove(plot.viewport(), middle)
    plot._read(middle)  # type: ignore[attr-defined]
    assert plot.hover.pointer == middle
    assert plot.readout._box.isVisible()  # type: ignore[attr-defined]
    assert plot.picture(1.0).toImage() == still
    assert plot.readout._box.isVisible()  # type: ignore[attr-defined]


def test_the_legend_says_support_and_query(window: MainWindow):
    plot = hero(window)
    assert [name for _, name in plot.further_legend()] == ["support", "query"]
    (support, _), (query, _) = plot.further_legend()
    assert query.hollow and not support.hollow
    for theme in (LIGHT, replace(LIGHT, line_scale=2.0)):
        plot.theme = theme
        point, maml = plot.further_legend()[0][0], arm_style(Settings(), "MAML", theme)
        assert point.width > 1.3 * maml.width, "as large as in the plot, beside a line of any width"


def test_a_long_caption_of_a_picture_stands_below_its_title_and_is_whole(window: MainWindow):
    plot = hero(window)
    plot.caption = lambda: "few words"
    low = plot.picture().height()
    plot.caption = lambda: "outer loss measured on the query points after adaptation " * 3
    high = plot.picture().height()
    assert high > low + 12


def test_the_heading_of_a_picture_is_larger_than_its_caption_in_a_hall(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
):
    window.presenter.toggle()
    window.resize(1920, 1080)
    qtbot.wait(50)
    plot = hero(window)
    plot.save_svg(tmp_path / "plot.svg")
    svg = (tmp_path / "plot.svg").read_text(encoding="utf-8")
    written = re.findall(r'font-size="([\d.]+)"[^<]*>\s*<text[^>]*>([^<]*)</text>', svg)
    sizes = {words.strip(): float(size) for size, words in written}
    caption = next(size for words, size in sizes.items() if "support points" in words)
    assert sizes["Adaptation"] > caption
    window.presenter.toggle()


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_plot_is_saved_and_a_note_shows_the_folder(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
):
    path, opened = tmp_path / f"hero.{ending}", []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    window.pictures.ask_plot(hero(window))
    dialog = window.findChild(QFileDialog)
    assert dialog is not None
    dialog.fileSelected.emit(str(path))
    dialog.close()
    assert path.read_bytes()[:5] == {"png": b"\x89PNG\r", "svg": b"<?xml"}[ending]
    assert said(window) == [f"Saved hero.{ending}."]
    window.banners.shown[0].buttons[0].click()
    assert opened == [str(tmp_path)]


def test_the_whole_window_is_one_picture(window: MainWindow, tmp_path: Path):
    window.pictures.save(tmp_path / "all.png", window.pictures._write_window)
    image = QImage(str(tmp_path / "all.png"))
    ratio = window.devicePixelRatio()
    assert (image.width(), image.height()) == (window.width() * ratio, window.height() * ratio)


def test_a_folder_that_cannot_be_written_is_said(window: MainWindow, tmp_path: Path):
    window.pictures.save(tmp_path / "none" / "a.png", window.pictures._write_window)
    assert said(window)[0].startswith("The picture was not saved: ")


@pytest.mark.parametrize("what", ["png", "svg", "window"])
@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes of POSIX")
def test_a_picture_is_whole_or_the_old_one_stays(window: MainWindow, tmp_path: Path, what: str):
    plot, disk = hero(window), Disk()
    write = {
        "png": plot.save_png,
        "svg": plot.save_svg,
        "window": window.pictures._write_window,
    }[what]
    path, link = tmp_path / "real" / "a", tmp_path / "a"
    path.parent.mkdir()
    path.write_bytes(b"old")
    link.symlink_to(path)
    with disk.watched():
        disk.reset(fail_at=1)  # while the bytes are written
        window.pictures.save(link, write)
        assert said(window) == ["The picture was not saved: No space left on device."]
        assert path.read_bytes() == b"old"
        disk.reset()
        window.pictures.save(link, write)
    assert said(window) == ["Saved a."]
    assert link.is_symlink() and path.stat().st_size > 1000
    assert sorted(path.parent.iterdir()) == [path]
    os.mkfifo(tmp_path / "pipe")
    window.pictures.save(tmp_path / "pipe", write)
    assert said(window)[0].startswith("The picture was not saved: it is a directory, a pipe")
    assert (tmp_path / "pipe").is_fifo()


def test_the_menu_of_a_plot_says_where_its_file_is(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    chosen = str(tmp_path / "losses.csv")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (chosen, ""))
    plot = window.pictures.plots["Losses"]
    plot._ask("CSV table (*.csv)", plot.save_csv)
    assert said(window) == ["Saved losses.csv."]
