"""A crash costs little: the session is saved, offered again, and nobody is asked for nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from maml_explorer.gui.app import crash_recovery
from maml_explorer.gui.app.crash_recovery import ANSWER, Recovery
from maml_explorer.gui.style.numbers import THIN_SPACE
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import commands, reports
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.run.folder import CHECKPOINT, METRICS, VIEW, create_run, whole_run
from maml_explorer.storage.run.metrics import last_outer_step
from tests.gui.app.started import read_until, sessions, window_process
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


def trained(window: MainWindow, pulls: int = 1, step_seconds: float = 0.1) -> None:
    worker_of(window).step_seconds = step_seconds
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
    view = json.dumps(window.files.sharing.view().to_view())
    assert command == commands.SaveRun(str(recovery.folder), True, autosave=True, view=view)
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
        whole = window.file_menu()
        titled = {menu.title(): menu for menu in whole.findChildren(QMenu)}
        menu = titled["Autosave"]
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


def test_the_question_counts_on_while_the_run_trains(window: MainWindow, recovery: Recovery):
    trained(window, pulls=10)
    window.session.control.pause()
    window.session.link.pull()
    window.close()
    (banner,) = window.banners.shown
    assert banner.text.full == "The run of 400 outer steps is not saved."
    trained(window)
    assert window.banners.shown == [banner]
    assert banner.text.full == "The run of 440 outer steps is not saved."


def test_a_saved_run_is_closed_without_a_question(window: MainWindow, recovery: Recovery):
    trained(window, pulls=10)
    window.session.control.pause()
    window.session.link.post(commands.SaveRun("/somewhere"))
    window.session.link.pull()
    window.close()
    assert not window.isVisible()


def test_a_run_that_was_only_opened_is_closed_without_a_question(
    window: MainWindow, recovery: Recovery, tmp_path: Path
):
    assert window.files.opening.open(left_behind(tmp_path, "kept", 500, 1))
    window.session.link.pull()
    assert window.session.status.outer_step == 500
    trained(window)
    window.session.control.pause()
    window.session.link.pull()
    window.close()
    assert "The run of 540 outer steps is not saved." in said(window)
    assert window.files.opening.open(tmp_path / "kept")
    window.session.link.pull()
    window.close()
    assert not window.isVisible()


def test_a_recovered_run_is_not_saved_until_somebody_saves_it(
    window: MainWindow, recovery: Recovery, tmp_path: Path, qtbot: QtBot
):
    left_behind(tmp_path / "sessions", "session-00112233445566aa", 500, 1)
    recovery.offer()
    press(qtbot, window.banners.shown[0].buttons[0])
    window.session.link.pull()
    window.close()
    assert "The run of 500 outer steps is not saved." in said(window)


def test_what_a_crash_left_is_offered(
    window: MainWindow, recovery: Recovery, tmp_path: Path, qtbot: QtBot
):
    place = tmp_path / "sessions"
    create_run(place / f"session-{DEAD}", Settings())
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
    assert said(window) == ["Opening the run…"], "nothing is offered twice"


def left_behind(place: Path, name: str, step: int, minutes: float) -> Path:
    """A saved session at that outer step, so many minutes old."""
    path = place / name
    with whole_run(path, Settings()) as folder:
        folder.append(METRICS, [(k + 1, "MAML", 0, 1.0, 1.0, None, None) for k in range(step)])
        (folder.path / CHECKPOINT).write_bytes(b"x")
    past = time.time() - 60 * minutes
    os.utime(path / CHECKPOINT, (past, past))
    return path


def test_what_is_offered_says_which_run_how_far_and_how_old(
    window: MainWindow, recovery: Recovery, tmp_path: Path, qtbot: QtBot
):
    place = tmp_path / "sessions"
    # a container in which the process number of an older version comes again
    left_behind(place, f"session-{os.getpid()}", 1234, 3.5)
    left_behind(place, "session-00112233445566aa", 0, 60 * 49)
    (place / "session-00112233445566bb").symlink_to(tmp_path)
    create_run(place / "session-00112233445566cc", Settings())  # no checkpoint yet
    recovery.offer()
    recovery.offer()  # each only once
    run = "A session was cut short: MAML, FO-MAML, ANIL and 1 more at outer step"
    thin = THIN_SPACE
    assert sorted(said(window)) == sorted([
        f"{run} 0 of 70{thin}000, saved 2 days ago. It can go on.",
        f"{run} 1{thin}234 of 70{thin}000, saved 3 minutes ago. It can go on.",
        "A session was cut short. Its run was saved, but cannot be read in full.",
    ])  # fmt: skip
    for banner in window.banners.shown:
        if "1" + thin + "234" in banner.text.full:
            press(qtbot, banner.buttons[1])
    assert not (place / f"session-{os.getpid()}").exists()
    assert (place / "session-00112233445566aa").is_dir()


def test_a_recovered_run_is_seen_as_it_was(
    window: MainWindow, recovery: Recovery, tmp_path: Path, qtbot: QtBot
):
    """Hidden arms, panels and marks of the settings; a damaged view costs no run."""
    place, session = tmp_path / "sessions", window.session
    session.set_hidden(("ANIL", "FO-MAML"))
    window.columns.hide_parts(("Losses",))
    session.task.new_task()
    probe, preset = session.task.probe, session.editor.preset
    assert probe is not None and preset is not None
    for _ in range(3):
        session.pins.pin_run()
    session.pins.compare({"Run 1", "Run 3"})
    session.pins.show(session.pins.runs[1].ghost)
    recovery.save()
    view = worker_of(window).posted_of(commands.SaveRun)[-1].view
    left = left_behind(place, "session-00112233445566aa", 5, 2)
    (left / VIEW).write_text(view)
    (left_behind(place, "session-00112233445566bb", 5, 1) / VIEW).write_text('{"tab": 3}')
    session.set_hidden(())
    window.columns.hide_parts(())
    session.task.new_task()
    session.pins.compare(())
    session.pins.show(None)
    session.pins.delete(session.pins.runs[2])
    recovery.offer()
    press(qtbot, window.banners.shown[0].buttons[0])
    window.session.link.pull()
    assert session.hidden == {"ANIL", "FO-MAML"} and window.columns.hidden_parts == ("Losses",)
    assert session.task.probe is not None
    np.testing.assert_array_equal(session.task.probe.support_x, probe.support_x)
    assert session.editor.preset == preset
    assert session.pins.compared == {"Run 1"} and session.pins.drawn[1] == "Run 2"
    press(qtbot, window.banners.shown[0].buttons[0])
    window.session.link.pull()
    (words,) = [one for one in said(window) if one.startswith("The run is open, but")]
    assert "“tab”" in words and session.run == 3


def test_a_left_session_that_cannot_be_opened_is_offered_again(
    window: MainWindow, tmp_path: Path, qtbot: QtBot
):
    place = tmp_path / "sessions"
    left_behind(place, "session-00112233445566aa", 5, 1)
    recovery = Recovery(window, place)
    recovery.offer()
    press(qtbot, window.banners.shown[0].buttons[0])
    worker_of(window)._outbox.clear()
    worker_of(window).report(reports.Refused(commands.OpenRun, "It is damaged."))
    window.session.link.pull()
    trained(window)
    recovery.save()
    worker_of(window).report(reports.Exported(reports.Written.SESSION, str(recovery.folder)))
    window.session.link.pull()
    recovery.end()
    recovery = Recovery(window, place)
    recovery.offer()
    assert [words for words in said(window) if "cut short" in words]
    recovery.end()


def test_a_session_of_a_process_that_runs_is_not_offered(
    window: MainWindow, recovery: Recovery, tmp_path: Path
):
    place = tmp_path / "sessions"
    left_behind(place, "session-00112233445566aa", 5, 1)
    (place / "crash-00112233445566aa.txt").write_text("Traceback")
    lock = place / "session-00112233445566aa.lock"
    code = (
        "import sys; from pathlib import Path; from maml_explorer.files.lock import hold\n"
        "held = hold(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        recovery.offer()
        assert not said(window)
        other.kill()
    recovery.offer()
    assert len(said(window)) == 2


RECOVERING = """
import sys
from pathlib import Path
from maml_explorer.gui.app.left_sessions import LeftSessions
print("ready", flush=True)
sys.stdin.readline()
kept = []
for place in sorted(Path(sys.argv[1]).iterdir()):
    left = LeftSessions(place)
    kept.append(left)  # which holds what it found
    for path in left.found()[0]:
        left.recover(path)
        print(place.name)
print("end", flush=True)
sys.stdin.read()
"""


def test_two_processes_never_recover_one_session(tmp_path: Path):
    made = left_behind(tmp_path / "0", "session-00112233445566aa", 5, 1)
    for nth in range(1, 40):
        shutil.copytree(made.parent, tmp_path / str(nth))
    command = [sys.executable, "-c", RECOVERING, str(tmp_path)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as one, subprocess.Popen(command, **pipes) as two:
        for process in (one, two):
            assert process.stdout.readline() == "ready\n"  # type: ignore[union-attr]
        for process in (one, two):
            process.stdin.write("\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
        # neither ends, and lets go, before the other has looked everywhere
        taken = [read_until(process, "end") for process in (one, two)]
    assert sorted(line for lines in taken for line in lines[:-1]) == sorted(map(str, range(40)))


def test_a_recovered_run_is_offered_until_it_is_saved_again(
    window: MainWindow, tmp_path: Path, qtbot: QtBot
):
    place = tmp_path / "sessions"
    left_behind(place, "session-00112233445566aa", 5, 1)
    for again in range(3):  # killed soon after each time
        recovery = Recovery(window, place)
        recovery.offer()
        (banner,) = window.banners.shown
        press(qtbot, banner.buttons[0])
        window.session.link.pull()
        folder = Path(worker_of(window).posted_of(commands.OpenRun)[-1].folder)
        assert folder.name.startswith("recovered-") and folder.is_dir()
        assert [path.name for path in place.iterdir() if path.is_dir()] == [folder.name], again
        if again == 2:
            trained(window)
            recovery.save()
            worker_of(window)._outbox.clear()
            worker_of(window).report(
                reports.Exported(reports.Written.SESSION, str(recovery.folder))
            )
            window.session.link.pull()
        recovery.end()
        window.banners.drop_all()  # as in the next process
    recovery = Recovery(window, place)
    recovery.offer()
    assert not said(window) and folder.is_dir()
    recovery.end()
    assert [path.name for path in place.iterdir()] == [folder.name]


CLOSED: dict[str, Callable[[Recovery], object]] = {
    "by the person": lambda recovery: recovery.close(),
    "by a signal": lambda recovery: recovery.save_and_close(),
    "by the end of the desktop": lambda recovery: (recovery.commit(), recovery._window.close()),
    "by nobody": lambda recovery: None,
}


@pytest.mark.parametrize("how", CLOSED)
@pytest.mark.parametrize("phase", [reports.Phase.PAUSED, reports.Phase.FAILED])
def test_the_session_goes_only_when_the_user_closes_the_window(
    window: MainWindow, tmp_path: Path, phase: reports.Phase, how: str
):
    recovery = Recovery(window, tmp_path / "sessions")
    create_run(recovery.folder, Settings())
    worker_of(window).report(reports.Status(1, phase, 50, Settings()))
    window.session.link.pull()
    CLOSED[how](recovery)
    recovery.end()
    gone = how == "by the person" and phase is reports.Phase.PAUSED
    assert recovery.folder.exists() == (not gone)
    assert gone or len(list((tmp_path / "sessions").iterdir())) == 1  # no lock, no report


def test_the_end_of_the_desktop_saves_and_may_be_refused(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(crash_recovery, "LEAVING", 0)
    recovery = Recovery(window, tmp_path / "sessions")
    trained(window, pulls=10)
    recovery.commit()
    assert saves(window) == 1 and window.isVisible()
    window.close()  # by the desktop
    assert not window.isVisible()
    recovery.end()
    window.show()
    later = Recovery(window, tmp_path / "sessions")
    later.commit()
    QTest.qWait(20)  # another program refused
    assert not later._leaving
    later.end()


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


@pytest.mark.parametrize("after", [False, True])
def test_an_error_that_was_survived_is_not_told_at_the_next_start(
    window: MainWindow, recovery: Recovery, tmp_path: Path, after: bool
):
    window.show()
    earlier = Recovery(window, tmp_path / "sessions")
    if not after:
        earlier.note(ValueError("planted"))
    earlier.close()
    if after:  # nobody saw it
        earlier.note(ValueError("planted"))
    earlier.end()
    recovery.offer()
    told = [words for words in said(window) if words.startswith("The last session ended with")]
    assert len(told) == after
    kept = tmp_path / "sessions" / "last-crash.txt"
    assert "ValueError: planted" in kept.read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("kind", ["SIGHUP", "SIGKILL"])
def test_a_request_to_end_or_a_kill_keeps_the_session(tmp_path: Path, kind: str):
    with window_process(tmp_path, "train", "look") as process:
        read_until(process, "changed")
        read_until(process, "saved")  # which may have been on its way
        step = int(read_until(process, "saved")[-1].split()[1])
        process.send_signal(getattr(signal, kind))
        out, errors = process.communicate(timeout=60)
    if kind == "SIGHUP":
        assert process.returncode == 0 and "ended 0" in out, errors
    (folder,) = sessions(tmp_path)
    assert last_outer_step(folder / METRICS) >= step
    if kind == "SIGHUP":
        return
    with window_process(tmp_path, "recover", "close") as process:
        lines = read_until(process, "ended")
        assert process.wait(60) == 0
    assert sum(line.startswith("offered A session was cut short: MAML") for line in lines) == 1
    (seen,) = [line for line in lines if line.startswith("seen")]
    assert seen == "seen dark large ANIL Inner learning rate α 0.01 → 0.02"
    further = [int(line.split()[1]) for line in lines if line.startswith("saved")]
    assert further and min(further) >= step
    # the person closed it: what was recovered stays, the session of its own goes
    (folder,) = sessions(tmp_path)
    assert folder.name.startswith("recovered-")


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="a display server that can be killed")
def test_a_display_server_that_dies_keeps_the_session(tmp_path: Path):
    read, write = os.pipe()
    with subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1400x900x24"],
        pass_fds=(write,), stderr=subprocess.DEVNULL,
    ) as server:  # fmt: skip
        display = ":" + os.read(read, 16).decode().strip()
        with window_process(tmp_path, "train", DISPLAY=display, QT_QPA_PLATFORM="xcb") as process:
            step = int(read_until(process, "saved")[-1].split()[1])
            server.kill()
            _, errors = process.communicate(timeout=60)
    os.close(read)
    os.close(write)
    assert process.returncode != 0 and "X11 server die" in errors and "Traceback" not in errors
    (folder,) = sessions(tmp_path)
    assert last_outer_step(folder / METRICS) >= step


def test_an_exception_out_of_the_event_loop_keeps_the_session(tmp_path: Path):
    with window_process(tmp_path, "train", "raise") as process:
        step = int(read_until(process, "disk")[-1].split()[1])
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1 and "RuntimeError: the event loop broke" in errors
    (folder,) = sessions(tmp_path)
    assert last_outer_step(folder / METRICS) > step, "what was trained since is saved too"
