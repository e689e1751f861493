"""Adapted parameters as points on a plane through θ, coloured by what their tasks are."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QMouseEvent

from maml_explorer.gui.plots.color_scale import SEQUENTIAL, ColorScale
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.plot_text import label, recolor
from maml_explorer.gui.plots.readout import ReadOut
from maml_explorer.gui.plots.table import Table
from maml_explorer.gui.style.numbers import number
from maml_explorer.gui.style.theme import Theme
from maml_explorer.protocol.commands import Array
from maml_explorer.protocol.insight_records.parameter_map import ParameterMapSeen

REACH = 10.0
"""Pixels from a point at which the pointer is on it."""


class MapPlot(Plot):
    """A dot per task, θ at the origin, and the path of the task shown above.

    Distances along both axes are to the same scale: they are distances of parameters.
    """

    picked = Signal(int)
    """The task that was clicked, or chosen by Enter."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Parameter map", "first component", "second component")
        self.seen: ParameterMapSeen | None = None
        self.colored: Array = np.zeros(0)
        """[task]: what the colours say."""
        self.at: int | None = None
        """The task that the pointer or the keyboard is on."""
        self.scale = ColorScale(theme, SEQUENTIAL)
        self.getPlotItem().layout.addItem(self.scale, 2, 3)
        self.view().setAspectLocked(True)
        self.dots = pg.ScatterPlotItem(antialias=True, useCache=False)
        self.ring = pg.ScatterPlotItem(antialias=True, useCache=False)
        self.path_line = pg.PlotCurveItem(antialias=True)
        self.path_dots = pg.ScatterPlotItem(antialias=True, useCache=False)
        self.origin = pg.ScatterPlotItem(symbol="+", antialias=True, useCache=False)
        self.theta = label("θ", theme.text, theme.card, bold=True)
        items = (self.dots, self.path_line, self.path_dots, self.origin, self.ring, self.theta)
        for z, item in enumerate(items):
            item.setZValue(10 + z)
            self.getPlotItem().addItem(item, ignoreBounds=True)
        self.readout = ReadOut(self)
        self.table = self._table
        self.setAccessibleDescription(
            "Left and Right go from task to task around θ and read them off; Enter or a click "
            "shows the task above. The menu shows the numbers as a table."
        )
        self.take_colors(theme)

    def show_map(
        self, seen: ParameterMapSeen, values: Array, span: tuple[float, float], kind: str
    ) -> None:
        """Draws a map, its dots coloured by `values` [task] on a scale of this span and kind."""
        self.seen, self.colored = seen, values
        self.scale.show_range(*span, False, kind)
        explained = [f"{number(100 * share, 2)} %" for share in seen.explained]
        self.label_x(f"first component, {explained[0]}")
        self.label_y(f"second, {explained[1]}")
        self._fit()
        self.draw()
        if self.readout.pointer is not None:
            self._read(self.readout.pointer)

    def take_colors(self, theme: Theme) -> None:
        """Draws everything in the colours of `theme`."""
        self.restyle(theme)
        self.scale.restyle(theme)
        self.readout.restyle(theme)
        recolor(self.theta, theme.text, theme.card, veil=150)
        for item, size in (
            (self.dots, 7), (self.ring, 14), (self.path_dots, 7), (self.origin, 15)
        ):  # fmt: skip
            item.setSize(self.dot(size))
        self.ring.setPen(self.pen(theme.text, width=2.0))
        self.ring.setBrush(pg.mkBrush(QColor(0, 0, 0, 0)))
        self.origin.setPen(self.pen(theme.text, width=2.0))
        self.path_line.setPen(self.pen(theme.text, width=1.6))
        self.path_dots.setPen(self.pen(theme.text))
        self.path_dots.setBrush(pg.mkBrush(theme.card))
        self.draw()

    def draw(self) -> None:
        """Draws the map as it is."""
        seen = self.seen
        if seen is None:
            return
        there = np.isfinite(seen.coordinates).all(1)
        colors = self.scale.color_of(self.colored[there])
        # the ends of the map are as dark or light as one of the grounds
        edge = self.pen(self.theme.muted, width=0.8)
        self.dots.setData(
            seen.coordinates[there, 0], seen.coordinates[there, 1], pen=edge,
            brush=[pg.mkBrush(*(int(part) for part in color)) for color in colors],
        )  # fmt: skip
        self.origin.setData([0.0], [0.0])
        self.theta.setPos(0.0, 0.0)
        path = seen.path[np.isfinite(seen.path).all(1)]
        self.path_line.setData(path[:, 0], path[:, 1])
        self.path_dots.setData(path[1:, 0], path[1:, 1])
        self._place_ring()

    def _fit(self) -> None:
        """The range follows the points only where they need it, so that a live map is calm."""
        assert self.seen is not None
        points = np.concatenate([self.seen.coordinates, self.seen.path, np.zeros((1, 2))])
        points = points[np.isfinite(points).all(1)]
        low, high = points.min(0), points.max(0)
        room = 0.06 * max(float((high - low).max()), 1e-12)
        self.view().setRange(
            xRange=(float(low[0]) - room, float(high[0]) + room),
            yRange=(float(low[1]) - room, float(high[1]) + room),
            padding=0,
        )

    # what the user does

    def task_at(self, pixel: QPoint) -> int | None:
        """The task whose point is nearest to a pixel and within reach."""
        if self.seen is None or not self.area().contains(pixel):
            return None
        x, y = self.to_data(pixel)
        along = self.to_data(pixel + QPoint(1, 0))[0] - x
        distance = np.hypot(*(self.seen.coordinates - (x, y)).T) / max(along, 1e-300)
        distance[~np.isfinite(distance)] = np.inf
        nearest = int(distance.argmin())
        return nearest if distance[nearest] <= REACH else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Takes the task under the pointer."""
        event.accept()
        if event.button() is Qt.MouseButton.LeftButton:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            task = self.task_at(event.position().toPoint())
            if task is not None:
                self.picked.emit(task)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Reads off the task under the pointer."""
        self._read(event.position().toPoint())

    def leaveEvent(self, event: QEvent) -> None:
        """Ends the read-out."""
        super().leaveEvent(event)
        self._leave()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Ends the read-out."""
        super().focusOutEvent(event)
        self._leave()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and Right go around θ, Enter takes the task."""
        key = Qt.Key(event.key())
        way = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(key)
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.at is not None:
            self.picked.emit(self.at)
        elif way is not None and self.seen is not None:
            order = self._around()
            place = order.index(self.at) + way if self.at in order else 0
            self.at = order[place % len(order)]
            self._place_ring()
            x, y = (float(part) for part in self.seen.coordinates[self.at])
            self.readout.over(self.to_pixel(x, y))
            self.readout.show(self.reading(self.at))
        else:
            event.ignore()

    def _around(self) -> list[int]:
        """Tasks in the order of their angle on the map."""
        assert self.seen is not None
        angles = np.arctan2(self.seen.coordinates[:, 1], self.seen.coordinates[:, 0])
        return [int(n) for n in np.argsort(angles) if np.isfinite(angles[n])]

    def _leave(self) -> None:
        self.at = None
        self._place_ring()
        self.readout.hide()

    def _place_ring(self) -> None:
        if self.seen is None or self.at is None or self.at >= len(self.seen.coordinates):
            self.ring.setData([], [])
        else:
            x, y = self.seen.coordinates[self.at]
            self.ring.setData([float(x)], [float(y)])

    def _read(self, pixel: QPoint) -> None:
        task = self.task_at(pixel)
        if task != self.at:
            self.at = task
            self._place_ring()
        if task is None:
            self.readout.hide()
            return
        self.readout.over(pixel)
        self.readout.show(self.reading(task))

    def reading(self, task: int) -> str:
        """A task in words, as HTML."""
        if self.seen is None:
            return ""
        words = (
            f"A {number(float(self.seen.amplitude[task]))}  "
            f"φ {number(float(self.seen.phase[task]))}"
        )
        if np.ptp(self.seen.frequency) > 0:
            words += f"  ω {number(float(self.seen.frequency[task]))}"
        moved = float(np.hypot(*self.seen.coordinates[task]))
        return f"{words}<br>{number(moved)} from θ on the map"

    def _table(self, everything: bool) -> Table:
        header = ["amplitude", "phase", "frequency", "first component", "second component"]
        seen = self.seen
        if seen is None:
            return header, []
        columns = (seen.amplitude, seen.phase, seen.frequency, *seen.coordinates.T)
        return header, [[float(value) for value in row] for row in zip(*columns, strict=True)]
