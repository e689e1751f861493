"""Loading pyqtgraph without its copies of Qt, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
LATER = """
import sys
import maml_explorer.gui.plots.lean_pyqtgraph as lean
import pyqtgraph as pg
unused = [f"pyqtgraph.{name}" for name in lean.UNUSED]
assert not [name for name in [*unused, *lean.TAKEN] if name in sys.modules], "no stand-in is left"
assert not [name for name in lean.LATE if name in sys.modules], "nor of other modules"
assert "pyqtgraph.parametertree" not in sys.modules and "multiprocessing" not in sys.modules
import pyqtgraph.parametertree
from pyqtgraph.imageview import ImageView
from pyqtgraph.widgets.RemoteGraphicsView import RemoteGraphicsView
from PySide6.QtWidgets import QApplication
app = QApplication([])
pyqtgraph.parametertree.ParameterTree()
assert isinstance(RemoteGraphicsView, type) and isinstance(ImageView, type)
assert pg.RemoteGraphicsView is RemoteGraphicsView and pg.LegendItem.__name__ == "LegendItem"
assert isinstance(pg.PlotWidget().getViewBox().menu, pg.Qt.QtWidgets.QMenu)
assert pg.Qt.QtSvg.QSvgGenerator.__name__ == "QSvgGenerator"
assert isinstance(pg.debug.cprint.CYAN, int) and pg.debug.cProfile.Profile.__name__ == "Profile"
assert not hasattr(pg, "NothingItem")
print("there when asked for")
"""
OTHER = """
import sys
sys.path.insert(0, {folder!r})
import maml_explorer.gui.plots.lean_pyqtgraph as lean
import pyqtgraph as pg
assert lean.installed() == pg.__version__ == "0.15.0"
assert pg.stood_in == [], pg.stood_in
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


def test_what_is_not_used_can_be_imported_later() -> None:
    assert run(LATER) == "there when asked for"


def test_a_release_that_was_not_tried_is_loaded_as_usual(tmp_path: Path) -> None:
    package = tmp_path / "pyqtgraph"
    package.mkdir()
    (package / "__init__.py").write_text(
        "__version__ = '0.15.0'\n"
        "import sys\n"
        "stood_in = [name for name in sys.modules if name.startswith('pyqtgraph.')]\n"
    )
    assert run(OTHER.format(folder=str(tmp_path))) == "as usual"


def test_the_window_loads_it_first() -> None:
    code = (
        "import maml_explorer.gui.app.startup, pyqtgraph\n"
        "from PySide6 import QtCore\n"
        "print(pyqtgraph.Qt.QtCore is QtCore)\n"
    )
    assert run(code) == "True"
