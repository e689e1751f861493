"""Loading pyqtgraph without its copies of Qt, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from PySide6 import QtCore, QtGui, QtWidgets
before = dir(QtCore)
import maml_explorer.gui.plots.lean_pyqtgraph as lean
import pyqtgraph as pg
assert pg.Qt.QtCore is QtCore and pg.QtWidgets is QtWidgets, "no copies"
assert set(before) <= set(dir(QtCore)), "dir() is Qt's own again"
assert not lean.load(), "the second time there is nothing to do"
app = QtWidgets.QApplication([])
plot = pg.PlotWidget()
plot.plot([1, 2, 3], [3, 1, 2])
plot.resize(200, 150)
plot.show()
image = plot.grab().toImage()
colors = {image.pixel(x, y) for x in range(0, 200, 3) for y in range(0, 150, 3)}
assert len(colors) > 3, colors
plot.close()
print("drawn")
"""
OTHER = """
import importlib.metadata as metadata
metadata.version = lambda name: "0.15.0"
import maml_explorer.gui.plots.lean_pyqtgraph as lean
import pyqtgraph as pg
from PySide6 import QtCore
assert pg.Qt.QtCore is not QtCore
print("as usual")
"""


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_plot_draws_without_the_copies() -> None:
    assert run(CODE) == "drawn"


def test_a_release_that_was_not_tried_is_loaded_as_usual() -> None:
    assert run(OTHER) == "as usual"


def test_the_window_loads_it_first() -> None:
    code = (
        "import maml_explorer.gui.app.startup, pyqtgraph\n"
        "from PySide6 import QtCore\n"
        "print(pyqtgraph.Qt.QtCore is QtCore)\n"
    )
    assert run(code) == "True"
