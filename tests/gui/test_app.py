"""The program as it starts: the real worker, the real order of imports, the end by a signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from maml_explorer.gui.app.options import Options
from maml_explorer.gui.app.startup import application, open_window
from maml_explorer.protocol.reports import Phase
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.worker.handle import Worker

SMALL = (
    Settings(arms=(default_arm("maml"), default_arm("mtl")))
    .with_values({"hidden": (8, 8), "meta_batch": 4, "test_tasks": 10, "outer_steps": 60})
)  # fmt: skip


def test_the_window_trains_with_the_real_worker(qtbot: QtBot, qapp: QApplication):
    application()
    window = open_window(Worker(), Options(settings=SMALL, safe_mode=True))
    session = window.session
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    session.start()
    qtbot.waitUntil(lambda: session.link.phase is Phase.PAUSED, timeout=30_000)
    with qtbot.waitSignal(session.link.stepped, timeout=30_000):
        qtbot.mouseClick(window.run_bar.inner_step, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(window.run_bar.train, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: session.link.phase is Phase.FINISHED, timeout=60_000)
    assert session.status is not None and session.status.outer_step == 60
    assert "Continue" in window.run_bar.train.text()
    assert window.status.text().startswith("Finished · outer step 60 of 60")
    session.editor.edit({"seed": 3})
    session.control.restart()
    with qtbot.waitSignal(session.link.run_started, timeout=30_000):
        pass
    begin = time.monotonic()
    window.close()
    assert time.monotonic() - begin < 5.0
    assert not session.link.worker.alive
    assert not window.banners.shown


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_in_the_terminal_closes_the_window(tmp_path: Path):
    code = (
        "import sys\n"
        "from maml_explorer.gui.app import startup\n"
        "from maml_explorer.gui.app.options import Options\n"
        "from maml_explorer.gui.app.run import run\n"
        "startup.MainWindow.showEvent = lambda self, event: print('open', flush=True)\n"
        "sys.exit(run(Options()))\n"
    )
    # the person's own configuration stays untouched
    surroundings = {
        **os.environ, "XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path),
    }  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=surroundings,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    assert list(tmp_path.rglob("window.json"))


def test_the_binding_keeps_its_references(qtbot: QtBot):
    # some versions of PySide6 drop a reference to None and True at every call and abort in the end
    from PySide6.QtCore import QObject, Signal
    from PySide6.QtGui import QPaintEvent
    from PySide6.QtWidgets import QWidget

    class Source(QObject):
        signal = Signal(object)

    class Painted(QWidget):
        count = 0

        def paintEvent(self, event: QPaintEvent) -> None:
            self.count += 1

    source, widget, heard = Source(), Painted(), []
    source.signal.connect(heard.append)
    qtbot.addWidget(widget)
    before = sys.getrefcount(None), sys.getrefcount(True)
    for _ in range(2000):
        source.signal.emit(1)
    for _ in range(200):
        widget.grab()
    after = sys.getrefcount(None), sys.getrefcount(True)
    assert len(heard) == 2000
    assert widget.count >= 200
    assert after[0] >= before[0] - 50
    assert after[1] >= before[1] - 50


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads are counted in /proc")
def test_numpy_computes_in_the_thread_that_asks():
    code = (
        "import os, sys\n"
        "import maml_explorer.cli\n"
        "from maml_explorer.gui.app.run import one_thread_for_numpy\n"
        "assert 'numpy' not in sys.modules, 'then it is too late'\n"
        "one_thread_for_numpy()\n"
        "import numpy\n"
        "numpy.ones((800, 800)) @ numpy.ones((800, 800))\n"
        "assert len(os.listdir('/proc/self/task')) == 1\n"
    )
    free = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    subprocess.run([sys.executable, "-c", code], check=True, env=free)
