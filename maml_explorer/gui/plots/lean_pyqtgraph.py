"""Loading of pyqtgraph without its copies of Qt and what is not used: half the time at a start.

pyqtgraph keeps mirrors of QtCore, QtGui and QtWidgets and copies all 750 names into them, so that
its own additions stay out of Qt. Each name that is read makes PySide build the class behind it.
Here the modules of PySide stand in for the mirrors, and nothing is copied. The additions (such as
`QtWidgets.QAction`) then land in PySide's modules, where nothing has these names.

It also loads trees of parameters, processes that draw elsewhere, an image browser. Empty modules
stand in for those meanwhile; whoever imports one later gets it.

The order in which pyqtgraph loads is its own affair, so this is done for the releases that it was
tried with; any other is loaded as usual. Imported before anything else that imports pyqtgraph.
"""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from PySide6 import QtCore, QtGui, QtWidgets

TRIED = ("0.14.",)
"""Beginnings of the versions whose order of loading is known."""
MODULES: tuple[ModuleType, ...] = (QtCore, QtGui, QtWidgets)
UNUSED: dict[str, tuple[str, ...]] = {
    "graphicsItems.ArrowItem": (),
    "graphicsItems.BoxplotItem": (),
    "graphicsItems.CurvePoint": (),
    "graphicsItems.DateAxisItem": (),
    "graphicsItems.GradientEditorItem": (),
    "graphicsItems.GradientLegend": (),
    "graphicsItems.GraphItem": (),
    "graphicsItems.GridItem": (),
    "graphicsItems.HistogramLUTItem": (),
    "graphicsItems.PColorMeshItem": (),
    "graphicsItems.ROI": (),
    "graphicsItems.ScaleBar": (),
    "graphicsItems.TargetItem": (),
    "graphicsItems.VTickGroup": (),
    "imageview": (),
    "widgets.CheckTable": (),
    "widgets.ColorButton": (),
    "widgets.ColorMapWidget": (),
    "widgets.DataFilterWidget": (),
    "widgets.DataTreeWidget": (),
    "widgets.DiffTreeWidget": (),
    "widgets.FeedbackButton": (),
    "widgets.GradientWidget": (),
    "widgets.GroupBox": ("GroupBox",),
    "widgets.HistogramLUTWidget": (),
    "widgets.JoystickButton": (),
    "widgets.LayoutWidget": (),
    "widgets.PathButton": (),
    "widgets.ProgressDialog": (),
    "widgets.RawImageWidget": (),
    "widgets.RemoteGraphicsView": ("RemoteGraphicsView",),
    "widgets.ScatterPlotWidget": (),
    "widgets.SpinBox": (),
    "widgets.TableWidget": (),
    "widgets.TreeWidget": (),
    "widgets.ValueLabel": (),
    "widgets.VerticalLabel": (),
}
"""Modules of pyqtgraph that nothing here uses → names that it takes from them one by one."""


def installed() -> str:
    """The version that is installed, as its first lines say; empty where they do not.

    The metadata of the package say it too: reading them loads fifteen modules for e-mail.
    """
    found = find_spec("pyqtgraph")
    if found is None or found.origin is None:
        return ""
    with Path(found.origin).open(encoding="utf-8") as file:
        said = re.search(r"^__version__ = ['\"]([^'\"]+)", file.read(2000), re.MULTILINE)
    return said[1] if said else ""


def load() -> bool:
    """Load pyqtgraph; True where it was loaded without the copies."""
    if "pyqtgraph" in sys.modules or not installed().startswith(TRIED):
        import pyqtgraph

        return False
    listing = [vars(module).get("__dir__") for module in MODULES]
    for module in MODULES:
        sys.modules[f"pyqtgraph.Qt.{module.__name__.split('.')[-1]}"] = module
        # what is copied is what dir() lists
        vars(module)["__dir__"] = list
    for name, taken in UNUSED.items():
        empty = ModuleType(f"pyqtgraph.{name}")
        vars(empty).update(dict.fromkeys(taken))
        sys.modules[empty.__name__] = empty
    try:
        import pyqtgraph
    finally:
        for module, own in zip(MODULES, listing, strict=True):
            vars(module)["__dir__"] = own
            if own is None:
                del vars(module)["__dir__"]
        for name in UNUSED:
            del sys.modules[f"pyqtgraph.{name}"]
    for name in [name for taken in UNUSED.values() for name in taken]:
        delattr(pyqtgraph, name)
    return True


load()
