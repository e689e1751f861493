"""Windows for tests; those of one test do not live on into the next."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QFont, QFontDatabase
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from maml_explorer.gui.app.garbage_collection import collect_due
from maml_explorer.gui.app.options import Options
from maml_explorer.gui.app.startup import application, open_window
from maml_explorer.gui.style.qt_style import apply_theme
from maml_explorer.gui.style.theme import LIGHT
from maml_explorer.gui.window.window import MainWindow
from tests.gui.driving import Opener
from tests.gui.fake_worker import FakeWorker
from tests.gui.panel_bench import Bench

KNOWN_FONT = "DejaVu Sans"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Iterator[None]:
    # as in the program: nothing is collected in the middle of a call into Qt
    gc.disable()
    try:
        return (yield)
    finally:
        collect_due()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    # deleteLater waits for an event loop, and between tests there is none
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def known_font(qapp: QApplication) -> None:
    """The font that `make` installs where there is none, at the size of the window's text.

    Widths must not depend on the machine, nor on the tests before: a window puts its style on the
    whole application, where it stays.
    """
    if qapp.styleSheet():
        qapp.setStyleSheet("")
    if KNOWN_FONT in QFontDatabase.families():
        font = QFont(KNOWN_FONT)
        font.setPointSizeF(LIGHT.points)
        qapp.setFont(font)


@pytest.fixture
def opened(qtbot: QtBot, qapp: QApplication) -> Iterator[Opener]:
    application()
    windows: list[MainWindow] = []

    def open_one(
        path: Path | None = None,
        size: tuple[int, int] = (1280, 800),
        options: Options | None = None,
    ) -> MainWindow:
        window = open_window(FakeWorker(), options or Options(safe_mode=True), path)
        window.resize(*size)
        window.show()
        qtbot.waitExposed(window)
        window.activateWindow()
        # keys reach actions of the active window only
        qtbot.waitUntil(window.isActiveWindow)
        window.session.start()
        window.session.link.pace.stop()
        window.session.link.pull()
        windows.append(window)
        return window

    yield open_one
    for window in windows:
        window.close()
        window.deleteLater()
    if any(window.appearance.text_size or window.appearance.presenting for window in windows):
        # the style is the application's: the size of type must not reach the next test
        apply_theme(qapp, LIGHT)


@pytest.fixture
def window(opened: Opener) -> MainWindow:
    return opened()


@pytest.fixture
def bench(qtbot: QtBot) -> Iterator[Bench]:
    bench = Bench.start(qtbot)
    yield bench
    bench.session.close()
