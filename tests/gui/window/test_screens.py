"""The window on the screens that people have: it never exceeds them, and nothing is cut."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QRect
from PySide6.QtWidgets import QMainWindow, QWidget
from pytestqt.qtbot import QtBot

from maml_explorer.gui.app.first_painting import FirstPainting
from maml_explorer.gui.window.on_screen import OnScreen, fitted

SCRIPT = """
import json, sys
from pathlib import Path
from maml_explorer.gui.app.options import Options
from maml_explorer.gui.app.startup import application, greet, open_window
from tests.gui.fake_worker import FakeWorker
from tests.gui.window.screen_walk import walk

app = application()
options, path = Options(), Path(sys.argv[1])
window = open_window(FakeWorker(), options, path)
greet(window, options)
window.show()
window.session.start()
window.session.link.pace.stop()
window.session.link.pull()
found = walk(app, window, bool(int(sys.argv[2])))
window.close()
path.write_text(json.dumps(json.loads(path.read_text()) | {"geometry": [-50, 900, 2880, 1800]}))
again = open_window(FakeWorker(), options, path)
again.show()
app.sendPostedEvents()
again._on_screen.fit()
frame = again.frameGeometry()
found["restored"] = frame.getRect()
found["screen"] = again.screen().availableGeometry().getRect()
print(json.dumps(found))
again.close()
"""


@pytest.mark.parametrize(
    ("wide", "high", "factor", "states"),
    [
        (1920, 1080, 1.5, 11),
        # test_grid looks at these sizes, and at smaller ones
        (1280, 800, 1.0, 1), (1366, 768, 1.0, 1), (2560, 1600, 2.0, 1),
    ],
)  # fmt: skip
def test_the_window_stays_on_its_screen(
    tmp_path: Path, wide: int, high: int, factor: float, states: int
):
    screen = {"name": "s", "x": 0, "y": 0, "width": wide, "height": high, "logicalDpi": 96,
              "logicalBaseDpi": 96, "dpr": 1}  # fmt: skip
    (tmp_path / "screen.json").write_text(json.dumps({"screens": [screen]}))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "window.json"), str(int(states > 1))],
        env=os.environ
        | {
            "QT_SCALE_FACTOR": str(factor),
            "QT_QPA_PLATFORM": f"offscreen:configfile={tmp_path / 'screen.json'}",
        },
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["states"] == states
    assert found["off"] == {}
    assert found["cut"] == {}
    assert QRect(*found["screen"]).contains(QRect(*found["restored"]))


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ((0, 0, 1440, 900), (0, 30, 1280, 770)),
        ((100, 100, 400, 300), (100, 100, 400, 300)),
        ((1200, 700, 400, 300), (880, 500, 400, 300)),
        ((-80, -80, 400, 300), (0, 30, 400, 300)),
    ],
)
def test_a_frame_is_moved_and_shrunk_only_as_far_as_it_must(
    frame: tuple[int, int, int, int], expected: tuple[int, int, int, int]
):
    assert fitted(QRect(*frame), QRect(0, 30, 1280, 770)) == QRect(*expected)


def test_a_title_bar_that_comes_late_pushes_nothing_out(qtbot: QtBot) -> None:
    bar = 0

    class Framed(QMainWindow):
        def frameGeometry(self) -> QRect:
            return self.geometry().adjusted(0, 0, 0, bar)

    window = Framed()
    qtbot.addWidget(window)
    keeper = OnScreen(window)
    room = window.screen().availableGeometry()
    window.setGeometry(room)
    window.show()
    keeper.fit()
    assert window.size() == room.size()
    bar = 30  # the desktop draws it by now, and sends no event
    qtbot.waitUntil(lambda: window.height() == room.height() - 30, timeout=3000)


def test_what_takes_long_waits_for_the_first_painting(qtbot: QtBot):
    events: list[str] = []

    class Painted(QWidget):
        def paintEvent(self, event: object) -> None:
            events.append("painted")

    window = Painted()
    qtbot.addWidget(window)
    FirstPainting(window, lambda: events.append("went on"))
    window.show()
    assert "went on" not in events
    qtbot.waitUntil(lambda: "went on" in events)
    window.update()
    qtbot.wait(20)
    assert events[0] == "painted"
    assert events.count("went on") == 1
