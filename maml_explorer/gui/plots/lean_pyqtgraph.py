"""Loading of pyqtgraph without its copies of Qt and what is not used: half the time at a start.

pyqtgraph keeps mirrors of QtCore, QtGui and QtWidgets and copies all 750 names into them, so that
its own additions stay out of Qt. Each name that is read makes PySide build the class behind it.
Here the modules of PySide stand in for the mirrors, and nothing is copied. The additions (such as
`QtWidgets.QAction`) then land in PySide's modules, where nothing has these names.

It also loads trees of parameters, processes that draw elsewhere, an image browser. Empty modules
stand in for those meanwhile; whoever imports one later gets it, or asks pyqtgraph for its class.

The order in which pyqtgraph loads is its own affair, so this is done for the releases that it was
tried with; any other is loaded as usual. Imported before anything else that imports pyqtgraph.
"""

from __future__ import annotations

import re
import sys
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

from maml_explorer.late_module import LateModule

TRIED = ("0.14.",)
"""Beginnings of the versions whose order of loading is known."""
MODULES: tuple[ModuleType, ...] = (QtCore, QtGui, QtWidgets)
UNUSED = (
    "graphicsItems.ArrowItem",
    "graphicsItems.BarGraphItem",
    "graphicsItems.BoxplotItem",
    "graphicsItems.ButtonItem",
    "graphicsItems.ColorBarItem",
    "graphicsItems.CurvePoint",
    "graphicsItems.DateAxisItem",
    "graphicsItems.GradientEditorItem",
    "graphicsItems.GradientLegend",
    "graphicsItems.GraphicsLayout",
    "graphicsItems.GraphicsWidgetAnchor",
    "graphicsItems.GraphItem",
    "graphicsItems.GridItem",
    "graphicsItems.HistogramLUTItem",
    "graphicsItems.IsocurveItem",
    "graphicsItems.LabelItem",
    "graphicsItems.LegendItem",
    "graphicsItems.PColorMeshItem",
    "graphicsItems.PlotItem",
    "graphicsItems.ROI",
    "graphicsItems.ScaleBar",
    "graphicsItems.TargetItem",
    "graphicsItems.UIGraphicsItem",
    "graphicsItems.VTickGroup",
    "imageview",
    "WidgetGroup",
    "widgets.BusyCursor",
    "widgets.CheckTable",
    "widgets.ColorButton",
    "widgets.ColorMapWidget",
    "widgets.ComboBox",
    "widgets.DataFilterWidget",
    "widgets.DataTreeWidget",
    "widgets.DiffTreeWidget",
    "widgets.FeedbackButton",
    "widgets.FileDialog",
    "widgets.GradientWidget",
    "widgets.GraphicsLayoutWidget",
    "widgets.HistogramLUTWidget",
    "widgets.JoystickButton",
    "widgets.LayoutWidget",
    "widgets.PathButton",
    "widgets.PlotWidget",
    "widgets.ProgressDialog",
    "widgets.RawImageWidget",
    "widgets.ScatterPlotWidget",
    "widgets.SpinBox",
    "widgets.TableWidget",
    "widgets.TreeWidget",
    "widgets.ValueLabel",
    "widgets.VerticalLabel",
)
"""Modules of pyqtgraph that a start does not use."""
TAKEN = {
    "pyqtgraph.graphicsItems.ViewBox.ViewBoxMenu": "ViewBoxMenu",
    "pyqtgraph.widgets.ColorMapMenu": "ColorMapMenu",
    "pyqtgraph.widgets.GroupBox": "GroupBox",
    "pyqtgraph.widgets.RemoteGraphicsView": "RemoteGraphicsView",
    "xml.etree.ElementTree": "Element",
}
"""Modules that it does not use either → the class that it takes from each."""
LATE = (
    "PySide6.QtOpenGL",
    "cProfile",
    "platform",
    "pyqtgraph.Qt.OpenGLHelpers",
    "pyqtgraph.util.cprint",
    "subprocess",
)
"""Modules that it takes whole, and uses only for OpenGL, profiles and files of Qt Designer."""
ABSENT = ("QtSvg", "QtTest")
"""Modules of PySide without which it also loads."""


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
    absent = [name for name in ABSENT if f"PySide6.{name}" not in sys.modules]
    meanwhile: dict[str, Any] = _stand_ins() | {f"PySide6.{name}": None for name in absent}
    sys.modules.update(meanwhile)
    try:
        import pyqtgraph
    finally:
        for module, own in zip(MODULES, listing, strict=True):
            vars(module)["__dir__"] = own
            if own is None:
                del vars(module)["__dir__"]
        for name, stand_in in meanwhile.items():
            if sys.modules[name] is stand_in:
                del sys.modules[name]
    for name in absent:
        setattr(pyqtgraph.Qt, name, LateModule(f"PySide6.{name}"))
    for name in TAKEN.values():
        vars(pyqtgraph).pop(name, None)
    vars(pyqtgraph)["__getattr__"] = _class_of_pyqtgraph
    return True


def _stand_ins() -> dict[str, ModuleType]:
    """Modules that take the places of those not used while pyqtgraph loads, by name."""
    found = {f"pyqtgraph.{name}": ModuleType(f"pyqtgraph.{name}") for name in UNUSED}
    for name, taken in TAKEN.items():
        found[name] = ModuleType(name)
        setattr(found[name], taken, partial(_make, name, taken))
    found |= {name: LateModule(name) for name in LATE}
    return {name: module for name, module in found.items() if name not in sys.modules}


def _make(module: str, name: str, *args: Any, **keywords: Any) -> Any:
    """An object of a class that is loaded for it."""
    return getattr(import_module(module), name)(*args, **keywords)


def _class_of_pyqtgraph(name: str) -> Any:
    """A class of a module that was not loaded: pyqtgraph asks for what it does not have."""
    for module in [*(f"pyqtgraph.{one}" for one in UNUSED), *TAKEN]:
        if module.startswith("pyqtgraph.") and module.endswith(f".{name}"):
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'pyqtgraph' has no attribute {name!r}")


load()
