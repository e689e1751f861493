"""The whole window in use, under an audit hook: no socket is opened and no program is run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CODE = """
import sys
from pathlib import Path
from maml_explorer.worker import handle
handle.preload()
from PySide6.QtCore import QEventLoop, QTimer
from maml_explorer.gui.app.options import Options
from maml_explorer.gui.app.startup import application, open_window
from maml_explorer.settings.settings import Settings
from maml_explorer.protocol import commands, reports

place = Path(sys.argv[1])
seen = []
CLOSED = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork",
          "os.startfile", "urllib.", "http.", "ftplib.", "smtplib.", "webbrowser.", "pty.")

def hook(event, arguments):
    if event.startswith(CLOSED) and armed:
        seen.append((event, str(arguments)[:200]))

armed = False
sys.addaudithook(hook)
application()
small = Settings().with_values({"hidden": (8, 8), "meta_batch": 3, "test_tasks": 10})
window = open_window(handle.Worker(), Options(settings=small), place / "config" / "window.json")
session = window.session
window.show()
session.start()

def until(done):
    loop = QEventLoop()
    timer = QTimer()
    timer.timeout.connect(lambda: loop.quit() if done() else None)
    timer.start(10)
    QTimer.singleShot(60_000, loop.quit)
    loop.exec()
    timer.stop()
    assert done(), done

done = []
session.link.exported.connect(lambda report: done.append(report.what))
until(lambda: session.task.probed is not None and session.run == 1)
armed = True
session.control.train()
until(lambda: session.status.outer_step > 20)
session.control.pause()
until(lambda: session.link.phase is reports.Phase.PAUSED)
for index in range(window.columns.tabs.count()):
    window.columns.tabs.setCurrentIndex(index)
session.link.post(commands.SaveRun(str(place / "run")))
session.link.post(commands.ExportInitialization("MAML", str(place / "maml")))
until(lambda: len(done) == 2)
window.files.sharing.copy()
session.task.new_task()
window.files.sharing.paste()
reached = session.run
assert window.files.opening.open(place / "run")
until(lambda: session.run > reached)
assert window.files.opening.open(place / "maml")
window.close()
assert sorted(done) == ["initialization", "run"], done
assert seen == [], seen
import socket
socket.socket().close()
assert seen, "the hook sees a socket"
print("ok")
"""


def test_a_whole_use_of_the_window_opens_no_socket_and_runs_no_program(tmp_path: Path) -> None:
    """Trains, saves, exports, shares and opens; the hook is shown to see a socket at the end."""
    surroundings = {
        **os.environ, "XDG_CONFIG_HOME": str(tmp_path / "c"), "XDG_DATA_HOME": str(tmp_path / "d"),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path)],
        capture_output=True, text=True, check=False, env=surroundings, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("ok")
