"""The window at the scale factors that desktops use, in a process each: nothing is cut."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

SCRIPT = """
import json, sys
from PySide6.QtWidgets import QAbstractButton, QLabel
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.gui.app.options import Options
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.gui.panels import PANELS, TAB
from maml_explorer.gui.app.startup import application, open_window
from tests.gui.fake_worker import FakeWorker

app = application()
window = open_window(FakeWorker(), Options(safe_mode=True))
window.resize(1280, 800)
window.show()
window.session.start()
window.session.link.pace.stop()
window.session.link.pull()
cut = []
for entry in PANELS.values():
    if entry.place == TAB:
        window.columns.show_tab(entry.name)
        app.sendPostedEvents()
        for kind in (QAbstractButton, QLabel):
            for widget in window.centralWidget().findChildren(kind):
                words = widget.text()
                free = isinstance(widget, ElidedLabel) or getattr(widget, "wordWrap", bool)()
                free = free or widget.toolTip() == plain_tip(getattr(widget, "full", "no words"))
                if widget.isVisible() and len(words) > 1 and not free:
                    if widget.width() < widget.minimumSizeHint().width() - 1:
                        cut.append(words)
picture = window.grab()
size = window.width(), window.height()
print(json.dumps({
    "cut": cut, "ratio": window.devicePixelRatioF(), "size": size,
    "pixels": [picture.width(), picture.height()],
}))
window.close()
"""


@pytest.mark.parametrize("factor", [1.0, 1.5, 2.0])
def test_nothing_is_cut_and_pictures_are_as_sharp_as_the_screen(factor: float):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=os.environ | {"QT_SCALE_FACTOR": str(factor), "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["cut"] == []
    assert seen["ratio"] == factor
    assert seen["size"] == [1280, 800]
    assert seen["pixels"] == [round(1280 * factor), round(800 * factor)]
