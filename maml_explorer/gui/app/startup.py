"""Puts the window together: application, theme, session, signals, exceptions."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType

from PySide6.QtCore import QMessageLogContext, Qt, QTimer, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

# first, before anything that imports pyqtgraph
import maml_explorer.gui.plots.lean_pyqtgraph  # noqa: F401
from maml_explorer.gui.app.crash_recovery import Recovery, data_folder
from maml_explorer.gui.app.first_painting import FirstPainting
from maml_explorer.gui.app.garbage_collection import collected_between_events
from maml_explorer.gui.app.icon import app_icon
from maml_explorer.gui.app.options import Options
from maml_explorer.gui.files.absent_data import with_present_data
from maml_explorer.gui.session.pins_on_disk import PinsOnDisk
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.view_state import view_state
from maml_explorer.gui.session.worker_link import WorkerThread
from maml_explorer.gui.style.qt_style import base_font
from maml_explorer.gui.style.theme import LIGHT
from maml_explorer.gui.window.remembered_layout import layout_path
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.settings.presets import DEFAULT_PRESET, presets
from maml_explorer.settings.share import from_share

log = logging.getLogger(__name__)


def show(worker: WorkerThread, options: Options) -> int:
    """Opens the window on `worker` and waits until it is closed; the exit code."""
    app = application()
    window = open_window(worker, options)
    recovery = None if options.safe_mode else Recovery(window, data_folder())
    pins: list[PinsOnDisk] = []

    def go_on() -> None:
        if recovery is not None:
            recovery.offer()
            pins.append(keep_pins(window, data_folder().parent / "pins"))
        begin(window, options)

    try:
        with _interruptible(window, recovery), _panel_errors(window, recovery):
            greet(window, options)
            if recovery is not None:
                recovery.catch_crashes()
            # reading what was kept takes a moment, and the worker's thread loads torch
            FirstPainting(window, go_on)
            window.show()
            with collected_between_events(window.session.link.status_changed):
                return app.exec()
    finally:
        if recovery is not None:
            recovery.save_what_is_new()  # where a display server died, say
        closed = window.session.close()
        if recovery is not None:
            recovery.end()
        for kept in pins:
            kept.close()
        if not closed:
            # an interpreter that ends while the thread computes would abort with a core dump
            log.error("The training thread did not end within 5 s; it is left behind.")
            logging.shutdown()
            os._exit(1)


def application() -> QApplication:
    """The application object, named, with font, style and theme."""
    app = QApplication.instance() or _new_application()
    if not isinstance(app, QApplication):
        raise RuntimeError("A Qt application without windows is already there.")
    app.setApplicationName("maml-explorer")
    app.setApplicationDisplayName("MAML Explorer")
    app.setDesktopFileName("maml-explorer")
    app.setWindowIcon(app_icon())
    app.setStyle("Fusion")
    # the words are English: a desktop that reads from right to left would only mirror the plots
    app.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
    app.setFont(base_font(LIGHT.points))
    return app


def _new_application() -> QApplication:
    """The application; without a display the process ends with one line and code 2.

    Qt would abort it, with advice that does not help.
    """

    def say(kind: QtMsgType, _: QMessageLogContext, text: str) -> None:
        if kind == QtMsgType.QtFatalMsg:
            with contextlib.suppress(OSError, ValueError, AttributeError):
                sys.stderr.write(NO_DISPLAY + "\n")
                sys.stderr.flush()
            os._exit(2)

    before = qInstallMessageHandler(say)
    try:
        return QApplication(sys.argv[:1])
    finally:
        qInstallMessageHandler(before)


NO_DISPLAY = (
    "maml-explorer: The window needs a display: set DISPLAY or WAYLAND_DISPLAY, or use ssh -X; on "
    "X11 the library libxcb-cursor0 must be there. “maml-explorer train” needs none."
)


def open_window(worker: WorkerThread, options: Options, path: Path | None = None) -> MainWindow:
    """The window of a new session, not shown yet.

    Args:
        worker: not started yet.
        options: how it starts.
        path: the file of the remembered layout; None is the usual one, or none in safe mode.
    """
    known = presets()
    preset = options.preset or known[DEFAULT_PRESET]
    settings = options.settings
    if options.share is not None:
        shared = from_share(options.share)
        settings, _ = with_present_data(shared.settings)
        preset = known.get(view_state(shared.view).preset, preset)
    session = Session(worker, settings or preset.settings)
    session.editor.mark_against(preset.settings, preset)
    if path is None and not options.safe_mode:
        path = layout_path()
    if options.reset and path is not None:
        path.unlink(missing_ok=True)
    window = MainWindow(session, known, path)
    session.setParent(window)
    return window


def greet(window: MainWindow, options: Options) -> None:
    """Draws the trained example at a first start without a wish."""
    asked = (
        options.share
        or options.run
        or options.data
        or options.settings
        or options.preset
        or options.lesson
    )
    asked = asked or options.initialization or options.file
    if not asked and not window.welcome.done:
        window.welcome.greet()


def begin(window: MainWindow, options: Options) -> None:
    """Starts the session with what `options` ask for."""
    window.session.start()
    if options.share is not None:
        shared = from_share(options.share)
        window.files.sharing.show(view_state(shared.view))
        absent = with_present_data(shared.settings)[1]
        if absent:
            window.files.sharing.say_absent(absent, shared, options.share)
    if options.data is not None:
        window.files.opening.open(options.data)
    if options.run is not None:
        window.files.opening.open(options.run)
    if options.lesson is not None:
        window.files.opening.open(options.lesson)
    if options.initialization is not None:
        window.files.opening.open(options.initialization)
    if options.file is not None:
        window.files.opening.open(options.file)


def keep_pins(window: MainWindow, place: Path) -> PinsOnDisk:
    """Lists the runs that were pinned earlier, says which were refused, and keeps new ones."""
    session = window.session
    pins = PinsOnDisk(session.pins, place, session.link.exported, session.control.noted.emit)
    if pins.refused:
        window.banners.say("pins", " ".join(pins.refused), "warning")
    return pins


@contextmanager
def _interruptible(window: MainWindow, recovery: Recovery | None) -> Iterator[None]:
    """Ctrl+C, a request to end, a closed terminal, the end of the desktop: the session is saved."""
    leave = window.close if recovery is None else recovery.save_and_close

    def close(_: int, __: FrameType | None) -> None:
        # from inside the event loop: a window closed before it began would leave it running
        QTimer.singleShot(0, window, leave)

    app = QApplication.instance()
    if recovery is not None and isinstance(app, QApplication):
        app.commitDataRequest.connect(recovery.commit)
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    kinds = [getattr(signal, name) for name in names if hasattr(signal, name)]
    # what is ignored stays so, as nohup wants it
    kinds = [kind for kind in kinds if signal.getsignal(kind) is not signal.SIG_IGN]
    before = {kind: signal.signal(kind, close) for kind in kinds}
    # Python handles signals between bytecodes only, and an idle Qt loop runs none
    wake = QTimer()
    wake.timeout.connect(lambda: None)
    wake.start(250)
    try:
        yield
    finally:
        wake.stop()
        if recovery is not None and isinstance(app, QApplication):
            app.commitDataRequest.disconnect(recovery.commit)
        for kind, handler in before.items():
            signal.signal(kind, handler)


@contextmanager
def _panel_errors(window: MainWindow, recovery: Recovery | None) -> Iterator[None]:
    """An exception out of a panel is shown in the panel's place; others go their usual way."""
    usual = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not window.panel_failed(error.with_traceback(trace)):
            window.banners.say("error", f"Something went wrong in the window: {error}", "danger")
        if recovery is not None:
            recovery.note(error)
        usual(kind, error, trace)

    sys.excepthook = hook
    try:
        yield
    finally:
        sys.excepthook = usual
