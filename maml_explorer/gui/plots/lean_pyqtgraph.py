"""Loading of pyqtgraph without its copies of Qt: half the time, at every start.

pyqtgraph keeps mirrors of QtCore, QtGui and QtWidgets and copies all 750 names into them, so that
its own additions stay out of Qt. Each name that is read makes PySide build the class behind it.
Here the modules of PySide stand in for the mirrors, and nothing is copied. The additions (such as
`QtWidgets.QAction`) then land in PySide's modules, where nothing has these names.

The order in which pyqtgraph loads is its own affair, so this is done for the releases that it was
tried with; any other is loaded as usual. Imported before anything else that imports pyqtgraph.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from types import ModuleType

from PySide6 import QtCore, QtGui, QtWidgets

TRIED = ("0.14.",)
"""Beginnings of the versions whose order of loading is known."""
MODULES: tuple[ModuleType, ...] = (QtCore, QtGui, QtWidgets)


def load() -> bool:
    """Load pyqtgraph; True where it was loaded without the copies."""
    if "pyqtgraph" in sys.modules or not version("pyqtgraph").startswith(TRIED):
        import pyqtgraph

        return False
    listing = [vars(module).get("__dir__") for module in MODULES]
    for module in MODULES:
        sys.modules[f"pyqtgraph.Qt.{module.__name__.split('.')[-1]}"] = module
        # what is copied is what dir() lists
        vars(module)["__dir__"] = list
    try:
        import pyqtgraph  # noqa: F401
    finally:
        for module, own in zip(MODULES, listing, strict=True):
            vars(module)["__dir__"] = own
            if own is None:
                del vars(module)["__dir__"]
    return True


load()
