"""The inside of a plot: two axes around the box that maps data to pixels."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QGraphicsGridLayout, QGraphicsItem, QSizePolicy, QWidget

from maml_explorer.gui.plots.axis import NumberAxis


class PlotView(pg.GraphicsView):
    """A window onto what a plot draws."""

    def useOpenGL(self, b: bool = True) -> None:
        """Draws by Qt's own painter, whatever `b` is.

        pyqtgraph asks which viewport Qt made, and to find its class PySide builds all of widgets.
        """
        self.setViewport(QWidget())


class PlotFrame(pg.GraphicsWidget):
    """Two axes and a view, laid out as pyqtgraph's own `PlotItem` does it.

    That one makes 60 widgets of a menu that is never shown, two more axes and a title: 5 ms for
    every plot, and a few signals more at every change of the range.
    """

    def __init__(self, left: NumberAxis, bottom: NumberAxis, movable: bool) -> None:
        super().__init__()
        self.items: list[QGraphicsItem] = []
        """Items of the view, in the order they were added."""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.layout = QGraphicsGridLayout()
        self.layout.setHorizontalSpacing(0)
        self.layout.setVerticalSpacing(0)
        self.setLayout(self.layout)
        self._view = pg.ViewBox(parent=self, enableMenu=False, enableMouse=movable)
        self._view.disableAutoRange()
        self._view.setDefaultPadding(0.0)
        # pyqtgraph waits for the next painting, moves the curves within it, and is painted twice
        self._view.sigRangeChanged.connect(lambda view: view.updateMatrix())
        self.layout.addItem(self._view, 2, 1)
        for axis, line, column in ((left, 2, 0), (bottom, 3, 1)):
            axis.linkToView(self._view)
            self.layout.addItem(axis, line, column)
            # below the curves: pyqtgraph draws the grid over them
            axis.setZValue(-1000)
            axis.setFlag(axis.GraphicsItemFlag.ItemNegativeZStacksBehindParent)
        self.layout.setRowStretchFactor(2, 100)
        self.layout.setColumnStretchFactor(1, 100)

    def getViewBox(self) -> pg.ViewBox:
        """The box that maps data to pixels; pyqtgraph's items ask for it by this name."""
        return self._view

    def addItem(self, item: QGraphicsItem, ignoreBounds: bool = False) -> None:
        """Draws an item in the view.

        Args:
            ignoreBounds: the item has no say in what the view shows.
        """
        self.items.append(item)
        self._view.addItem(item, ignoreBounds=ignoreBounds)

    def removeItem(self, item: QGraphicsItem | QObject) -> None:
        """Takes an item out; nothing where it is not there."""
        if item in self.items:
            self.items.remove(item)
            self._view.removeItem(item)
