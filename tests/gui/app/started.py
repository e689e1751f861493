"""A window in a process of its own, which trains, saves often and says what it offers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CODE = """
import sys
from functools import partial
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from maml_explorer.gui.app import startup
from maml_explorer.gui.app.crash_recovery import Recovery
from maml_explorer.gui.app.options import Options
from maml_explorer.gui.app.run import run
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.run.metrics import last_outer_step

def say(*words):
    print(*words, flush=True)

begin, offer = startup.begin, Recovery.offer

def started(window, options):
    begin(window, options)
    recovery, session = window.findChild(Recovery), window.session
    if "train" in sys.argv:
        session.control.train()
    if "recover" in sys.argv:
        (banner,) = [one for one in window.banners.shown if "cut short" in one.text.full]
        banner.buttons[0].click()
        session.link.status_changed.connect(partial(seen, window))
        session.control.train()
    if "look" in sys.argv:
        window.appearance.use("dark")
        window.columns.set_text_size("large")
        session.set_hidden(("ANIL",))
        session.link.status_changed.connect(partial(changed, session))
    timer = QTimer(window)
    timer.timeout.connect(
        lambda: recovery._began is None and recovery._unsaved() and recovery.save()
    )
    timer.start(150)
    saved = recovery._exported
    def told(report):
        if report.what == "session":
            say("saved", recovery._saved[1])
            if "close" in sys.argv:
                QTimer.singleShot(0, window, recovery.close)
            if "raise" in sys.argv:
                kept = last_outer_step(recovery.folder / "metrics.csv")
                say("disk", kept)
                session.link.metrics_arrived.connect(
                    lambda metrics: metrics.outer_step[-1] > kept and QApplication.exit(3)
                )
    session.link.exported.connect(told)

def changed(session, status):
    if status.outer_step > 0 and session.settings.inner.inner_lr != 0.02:
        session.editor.edit({"inner_lr": 0.02})
        say("changed", status.outer_step)

def seen(window, status):
    session, look = window.session, window.appearance
    marks = [mark.words for mark in session.losses.history.marks]
    if status.run > 1 and marks and "seen" not in sys.argv:
        sys.argv.append("seen")
        say("seen", look.choice, look.text_size, *sorted(session.hidden), *marks)

def offered(self):
    offer(self)
    for banner in self._window.banners.shown:
        if "cut short" in banner.text.full:
            say("offered", banner.text.full)
    say("open")

def broken(*_):
    loop()
    raise RuntimeError("the event loop broke")

loop = QApplication.exec
if "raise" in sys.argv:
    QApplication.exec = broken
startup.begin, Recovery.offer = started, offered
small = Settings().with_values({"hidden": (8, 8), "meta_batch": 4})
code = run(Options(settings=small))
say("ended", code)
sys.exit(code)
"""


@contextmanager
def window_process(
    home: Path, *wishes: str, **surroundings: str
) -> Iterator[subprocess.Popen[str]]:
    """A window that does what `wishes` say.

    train, recover; look: other colours, a hidden arm, another α; once it has saved, close or raise.
    """
    known = {"XDG_CONFIG_HOME": str(home), "XDG_DATA_HOME": str(home), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", CODE, *wishes],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **known, **surroundings},
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], begin: str) -> list[str]:
    """The lines up to one that begins so; all that there are where none does."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if lines[-1].startswith(begin):
            break
    return lines


def sessions(home: Path) -> list[Path]:
    """The folders of sessions that are there; not what a kill left half-written."""
    found = (path for path in home.rglob("sessions/*") if not path.name.startswith("."))
    return sorted(path for path in found if path.is_dir())
