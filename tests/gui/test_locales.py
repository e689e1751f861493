"""The window under other locales: from left to right, plain digits, a comma where one is typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from maml_explorer.gui.widgets.plain_tip import native_keys

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
        "status": "Paused · outer step 0 of 70\u2009000 · CPU",
    }  # fmt: skip


def test_keys_in_tips_are_written_as_the_desktop_does():
    assert native_keys("Guided lessons (Ctrl+L)") == "Guided lessons (Ctrl+L)"
    assert native_keys("Undo (Ctrl+Shift+Z), not (this) or f(x)") == (
        "Undo (Ctrl+Shift+Z), not (this) or f(x)"
    )
