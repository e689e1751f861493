"""Loading PySide without its signatures, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

ASKED = """
from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.support.signature import get_signature, lib, parser
for wrong in (
    lambda: QPoint("a"),
    lambda: QPoint(1, 2).setX([]),
    lambda: QPoint(1, 2, 3),
    lambda: QObject(absent=1),
    lambda: Qt.Key("none"),
):
    try:
        wrong()
    except Exception as error:
        print(type(error).__name__, error)
print(QPoint.setX.__doc__, get_signature(QPoint.setX))
print(parser.__name__, lib.enum_sig.HintingEnumerator.__name__, sorted(vars(lib)))
"""
LEAN = """
import sys
from maml_explorer.gui.app import lean_pyside
assert lean_pyside.load()
from PySide6.QtWidgets import QApplication, QLabel
app = QApplication([])
QLabel("a").grab()
late = [vars(sys.modules[name])["_module"] for name in lean_pyside.LATE]
assert late == [None] * 6 and "argparse" not in sys.modules, late
assert not [name for name in lean_pyside.UNREAD if name in sys.modules]
assert not lean_pyside.load(), "the second time there is nothing to do"
"""
STARTED = """
import sys
from PySide6.QtWidgets import QApplication, QDialog
from maml_explorer.gui.app.startup import application, open_window
from maml_explorer.gui.app.options import Options
from maml_explorer.worker.handle import Worker
application()
window = open_window(Worker(), Options(safe_mode=True))
window.show()
window.grab()
for unused in ("argparse", "torch", "_hashlib", "platform", "pickle", "difflib"):
    assert unused not in sys.modules, unused
import numpy
assert numpy.random.default_rng(1).integers(1000) == 473
from secrets import compare_digest, token_hex
assert compare_digest("a", "a") and len(token_hex(8)) == 16
import secrets
assert secrets.__name__ in sys.modules and "token_urlsafe" in secrets.__all__, "the real module"
assert vars(sys.modules["shibokensupport.signature.errorhandler"])["_module"] is None
built = {kind.__name__ for kind in QDialog.__subclasses__()}
assert "QWizard" not in built, "a function of Qt gave a widget of a class not known yet"
window.close()
print("drawn", flush=True)
"""


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_signatures_are_loaded_when_they_are_used() -> None:
    told = run(LEAN + ASKED)
    assert "Supported signatures" in told
    assert told == run(ASKED)


def test_the_first_picture_builds_no_classes_that_it_does_not_show() -> None:
    assert run(LEAN + STARTED).splitlines()[-1] == "drawn"
