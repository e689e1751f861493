"""A crash costs little: the session is saved, offered again, and nobody is asked for nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from maml_explorer.gui.app.crash_recovery import ANSWER, Recovery
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import commands, reports
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.run.folder import create_run
from tests.gui.driving import press, said, worker_of
from tests.worker.driving import Clock

INTERVAL = 120.0
DEAD = 2**22 - 3
"""No process has this number: those in use here are smaller."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recovery(window: MainWindow, tmp_path: Path, clock: Clock) -> Iterator[Recovery]:
    made = Recovery(window, tmp_path / "sessions", clock)
    yield made
    made.end()


def trained(window: MainWindow, pulls: int = 1) -> None:
    window.session.control.train()
    for _ in range(pulls):
        window.session.link.pull()


def test_the_session_is_saved_now_and_then(window: MainWindow, recovery: Recovery, clock: Clock):
    recovery.look()
    clock.now += INTERVAL
    recovery.look()
    assert not worker_of(window).posted_of(commands.SaveRun)  # nothing was trained
    trained(window)
    recovery.look()
    (command,) = worker_of(window).posted_of(commands.SaveRun)
    assert command == commands.SaveRun(str(recovery.folder), overwrite=True, autosave=True)
    clock.now += INTERVAL
    recovery.look()
    assert len(worker_of(window).posted_of(commands.SaveRun)) == 1  # not answered yet
    worker_of(window)._outbox.clear()
    # it took long: the next one waits, so that saving keeps to its part of the time
    clock.now += 60
    worker_of(window).report(reports.Exported(reports.Written.SESSION, str(recovery.folder)))
    window.session.link.pull()
    assert not said(window)
    clock.now += 2 * INTERVAL
    recovery.look()
    assert len(worker_of(window).posted_of(commands.SaveRun)) == 1
    clock.now += 180 / 0.02
    recovery.look()
    assert len(worker_of(window).posted_of(commands.SaveRun)) == 2


def saves(window: MainWindow) -> int:
    return len(worker_of(window).posted_of(commands.SaveRun))


def test_how_often_is_a_choice(window: MainWindow, recovery: Recovery, clock: Clock):
    def chosen() -> list[str]:
        whole = window.files.menu()
        titled = {menu.title(): menu for menu in whole.findChildren(QMenu)}
        menu = titled["Save the session by itself"]
        return [action.text() for action in menu.actions() if action.isChecked()]

    trained(window)
    assert chosen() == ["Every 2 minutes", "At most 2 % of the time"]
    window.actions_table["autosave 5"].trigger()
    clock.now += 299
    recovery.look()
    assert saves(window) == 0
    clock.now += 1
    recovery.look()
    assert saves(window) == 1
    clock.now += 60  # that long it took: at 10 % the next one is due after 600 s
    worker_of(window).report(reports.Exported(reports.Written.SESSION, str(recovery.folder)))
    window.session.link.pull()
    window.actions_table["autosave share 10"].trigger()
    trained(window)
    clock.now += 599
    recovery.look()
    assert saves(window) == 1
    clock.now += 1
    recovery.look()
    assert saves(window) == 2
    window.actions_table["autosave 0"].trigger()
    clock.now += 1e6
    recovery.look()
    assert saves(window) == 2
    assert chosen() == ["Never", "At most 10 % of the time"]


def test_a_save_that_is_never_answered_is_given_up(
    window: MainWindow, recovery: Recovery, clock: Clock
):
    trained(window)
    clock.now += INTERVAL
    recovery.look()
    worker_of(window)._outbox.clear()
    clock.now += ANSWER - 1
    recovery.look()
    assert saves(window) == 1
    clock.now += 1
    recovery.look()
    assert saves(window) == 2


def test_closing_asks_only_while_something_would_be_lost(
    window: MainWindow, recovery: Recovery, qtbot: QtBot
):
    trained(window, pulls=10)
    window.session.control.pause()
    window.session.link.pull()
    window.close()
    assert window.isVisible()
    (banner,) = window.banners.shown
    assert banner.text.full == "The run of 400 outer steps is not saved."
    press(qtbot, banner.buttons[1])
    assert not window.isVisible()


def test_a_saved_run_is_closed_without_a_question(window: MainWindow, recovery: Recovery):
    trained(window, pulls=10)
    window.session.control.pause()
    window.session.link.post(commands.SaveRun("/somewhere"))
    window.session.link.pull()
    window.close()
    assert not window.isVisible()


def test_what_a_crash_left_is_offered(
    window: MainWindow, recovery: Recovery, tmp_path: Path, qtbot: QtBot
):
    place = tmp_path / "sessions"
    create_run(place / f"session-{DEAD}", Settings())
    create_run(place / f"session-{os.getpid()}", Settings())
    (place / f"crash-{DEAD}.txt").write_text("Traceback: it was line 3")
    recovery.offer()
    assert len(said(window)) == 2
    report, run = window.banners.shown
    assert "ended with an error" in report.text.full
    press(qtbot, report.buttons[0])
    assert "line 3" in QApplication.clipboard().text()
    press(qtbot, run.buttons[0])
    (command,) = worker_of(window).posted_of(commands.OpenRun)
    assert Path(command.folder).name.startswith("recovered-")
    recovery.offer()
    assert not said(window)


@pytest.mark.parametrize("phase", [reports.Phase.PAUSED, reports.Phase.FAILED])
def test_what_was_saved_before_training_failed_is_offered_next_time(
    window: MainWindow, tmp_path: Path, phase: reports.Phase
):
    recovery = Recovery(window, tmp_path / "sessions")
    create_run(recovery.folder, Settings())
    worker_of(window).report(reports.Status(1, phase, 50, Settings()))
    window.session.link.pull()
    recovery.end()
    assert recovery.folder.exists() == (phase is reports.Phase.FAILED)


def test_the_folder_of_a_crash_report_is_opened(
    window: MainWindow, recovery: Recovery, tmp_path: Path, qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    place = tmp_path / "sessions"
    (place / f"crash-{DEAD}.txt").write_text("Traceback: it was line 3")
    (place / f"crash-{DEAD - 1}.txt").write_text(" \n")  # nothing had happened
    seen: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: seen.append(url.toLocalFile()))
    recovery.offer()
    (banner,) = window.banners.shown
    assert [button.text() for button in banner.buttons] == ["Copy report", "Open folder"]
    press(qtbot, banner.buttons[1])
    assert seen == [str(place)]
    # it is kept, under a name that does not grow in number
    assert (place / "last-crash.txt").read_text() == "Traceback: it was line 3"


def test_an_error_is_written_down_and_a_quiet_end_leaves_nothing(
    window: MainWindow, recovery: Recovery, tmp_path: Path
):
    recovery.end()
    assert list((tmp_path / "sessions").iterdir()) == []
    again = Recovery(window, tmp_path / "sessions")
    try:
        raise ValueError("planted")
    except ValueError as error:
        again.note(error)
    again.end()
    assert "ValueError: planted" in again.report.read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_request_to_end_saves_the_session(tmp_path: Path):
    """SIGTERM while training: the run is on disk, and the next start offers it."""
    code = (
        "import sys\n"
        "from PySide6.QtCore import QTimer\n"
        "from maml_explorer.gui.app import startup\n"
        "from maml_explorer.gui.app.run import Options, run\n"
        "from maml_explorer.settings.settings import Settings\n"
        "begin = startup.begin\n"
        "def started(window, options):\n"
        "    begin(window, options)\n"
        "    window.session.control.train()\n"
        "    link = window.session.link\n"
        "    link.metrics_arrived.connect(lambda block: print('trained', flush=True))\n"
        "startup.begin = started\n"
        "small = Settings().with_values({'hidden': (8, 8), 'meta_batch': 4})\n"
        "sys.exit(run(Options(settings=small)))\n"
    )
    surroundings = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=surroundings,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "trained\n"
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, errors
    (checkpoint,) = tmp_path.rglob("checkpoint.safetensors")
    assert checkpoint.parent.name.startswith("session-")
