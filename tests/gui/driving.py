"""What tests of the whole window share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot

from maml_explorer.gui.app.options import Options
from maml_explorer.gui.app.startup import application, open_window
from maml_explorer.gui.panels.insight.tab import InsightTab
from maml_explorer.gui.style.theme import LIGHT
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.settings.settings import Settings
from maml_explorer.worker.handle import Worker
from tests.gui.fake_worker import FakeWorker

Opener = Callable[..., MainWindow]


def opened_window(
    qtbot: QtBot, settings: Settings, width: int = 1280, height: int = 800
) -> MainWindow:
    """A shown window with the real worker, whose session is not begun."""
    application()
    window = open_window(Worker(), Options(settings=settings, safe_mode=True))
    qtbot.addWidget(window)
    window.resize(width, height)
    window.show()
    qtbot.waitExposed(window)
    return window


def worker_of(window: MainWindow) -> FakeWorker:
    worker = window.session.link.worker
    assert isinstance(worker, FakeWorker)
    return worker


def present(qtbot: QtBot, window: MainWindow, width: int = 1280, height: int = 800) -> None:
    """Presents on a screen of this size."""
    window.presenter.toggle()
    qtbot.waitUntil(lambda: window.updatesEnabled() and window.size() == window.screen().size())
    window.resize(width, height)
    points = max(LIGHT.points, round(2 * 12 * min(width / 1280, height / 800)) / 2)
    qtbot.waitUntil(lambda: window.session.theme.points == points)
    qtbot.wait(30)


def press(qtbot: QtBot, button: QAbstractButton) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def walk_through(window: MainWindow, tab: str) -> Iterator[None]:
    """Opens the tab, and every page that it has, one after the other."""
    window.columns.show_tab(tab)
    panel = window.columns.places[tab].panel
    for name in panel.offered if isinstance(panel, InsightTab) else ("",):
        if isinstance(panel, InsightTab):
            panel.show_page(name)
        yield


def said(window: MainWindow) -> list[str]:
    """The texts of the banners, oldest first."""
    return [banner.text.full for banner in window.banners.shown]
