"""The window under other locales: from left to right, plain digits, a comma where one is typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QKeySequence

from maml_explorer.gui.style.theme import usual_points
from maml_explorer.gui.widgets import plain_tip
from maml_explorer.gui.widgets.plain_tip import native_keys
from maml_explorer.gui.window.action_table import full_screen_keys

SCRIPT = """
import json, sys
from PySide6.QtCore import QLocale, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from maml_explorer.gui.app.options import Options
from maml_explorer.gui.app.startup import application, open_window
from tests.gui.fake_worker import FakeWorker

QLocale.setDefault(QLocale(sys.argv[1]))
QApplication(sys.argv[:1]).setLayoutDirection(Qt.LayoutDirection.RightToLeft)
app = application()
window = open_window(FakeWorker(), Options(safe_mode=True))
window.resize(1280, 800)
window.show()
window.session.start()
window.session.link.pace.stop()
window.session.link.pull()
edit = window.columns.form.row("inner_lr").fields["inner_lr"].edit
edit.setFocus()
edit.selectAll()
QTest.keyClicks(edit, "0,05")
QTest.keyClick(edit, Qt.Key.Key_Return)
print(json.dumps({
    "ltr": window.layoutDirection() is Qt.LayoutDirection.LeftToRight,
    "inner_lr": window.session.editor.edited.inner.inner_lr,
    "field": edit.text(),
    "status": window.status.text(),
    "settings left of plot": window.columns.parts["Settings"].x()
    < window.columns.splitters["centre"].x(),
}))
window.close()
"""


@pytest.mark.parametrize("locale", ["ar_EG", "de_DE"])
def test_the_window_is_the_same_in_other_locales(locale: str):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, locale],
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen", "LANG": f"{locale}.UTF-8"},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen == {
        "ltr": True, "inner_lr": 0.05, "field": "0.05", "settings left of plot": True,
        "status": "Paused · outer step 0 of 70\u202f000 · CPU",
    }  # fmt: skip


def test_keys_in_words_are_written_as_the_desktop_does(monkeypatch: pytest.MonkeyPatch):
    class OfAMac(QKeySequence):
        def toString(self, _: object = None) -> str:
            return {"Ctrl+Shift+V": "⇧⌘V", "Alt+Right": "⌥→", "Ctrl+9": "⌘9"}[super().toString()]

    with monkeypatch.context() as patched:
        patched.setattr(plain_tip, "QKeySequence", OfAMac)
        assert native_keys("Paste it:\nCtrl+Shift+V") == "Paste it:\n⇧⌘V"
        assert native_keys("Go on (Alt+Right)") == "Go on (⌥→)"
        assert native_keys("Everything (Ctrl+9). Shift+click adds.") == (
            "Everything (⌘9). Shift+click adds."
        )
    assert native_keys("Guided lessons (Ctrl+L)") == "Guided lessons (Ctrl+L)"
    assert native_keys("Undo (Ctrl+Shift+Z), not (this) or f(x)") == (
        "Undo (Ctrl+Shift+Z), not (this) or f(x)"
    )


OF_A_MAC = """
import json, os, sys
from pathlib import Path

here, sys.platform = sys.platform, "darwin"
import maml_explorer.gui.style.theme
sys.platform = here
from PySide6.QtGui import QFontInfo
from maml_explorer.gui.app.options import Options
from maml_explorer.gui.app.startup import application, open_window
from tests.gui.fake_worker import FakeWorker
from tests.gui.geometry import cut_words, off_screen

app = application()
window = open_window(FakeWorker(), Options(safe_mode=True))
window.show()
app.sendPostedEvents()
window._on_screen.fit()
window.session.start()
window.session.link.pace.stop()
window.session.link.pull()
sizes = {}
for size in ("", "largest"):
    window.columns.set_text_size(size)
    for _ in range(3):
        app.sendPostedEvents()
    sizes[size] = QFontInfo(window.run_bar.train.font()).pixelSize()
window.columns.set_text_size("")
app.sendPostedEvents()
print(json.dumps([sizes, cut_words(window), off_screen(window)]))
window.close()
"""


def test_type_is_as_large_on_a_mac(tmp_path: Path):
    """Its screens have 72 points to the inch: a point is a pixel."""
    screen = {"name": "s", "x": 0, "y": 0, "width": 1440, "height": 870, "logicalDpi": 72,
              "logicalBaseDpi": 72, "dpr": 2}  # fmt: skip
    (tmp_path / "screen.json").write_text(json.dumps({"screens": [screen]}))
    platform = f"offscreen:configfile={tmp_path / 'screen.json'}"
    done = subprocess.run(
        [sys.executable, "-c", OF_A_MAC], env=os.environ | {"QT_QPA_PLATFORM": platform},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [{"": 12, "largest": 16}, [], []]


def test_what_differs_by_platform():
    assert [usual_points(one) for one in ("linux", "win32", "darwin")] == [9.0, 9.0, 12.0]
    assert [full_screen_keys(one) for one in ("linux", "darwin")] == [("F11",), ("Meta+Ctrl+F",)]
