"""Support points under the hand: presses, drags and keys on the hero plot."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QPoint, QPointF, Qt

from maml_explorer.gui.panels.adaptation.task_curves import TaskCurves
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.session import task_edits
from maml_explorer.gui.session.session import Session
from maml_explorer.protocol.commands import ProbeTask

REACH = 10.0
"""Pixels: how near a press must be to take a point, and how near the truth a drag snaps."""
STEADY = 4
"""Pixels that a pressed pointer may move before it drags."""
NUDGE = 0.02
"""Distance that an arrow key moves a point, as a part of the range."""


class PointEditor:
    """Turns gestures on a plot into edits of the session's task."""

    def __init__(self, plot: Plot, curves: TaskCurves, session: Session) -> None:
        self._plot, self._curves, self._session = plot, curves, session
        self._pressed: tuple[int, ProbeTask, QPoint] | None = None
        self.dragging = False
        self.edited: Callable[[], object] = lambda: None
        """Called when a press or a key is about to edit the task."""

    @property
    def _probe(self) -> ProbeTask | None:
        return self._session.task.probe

    @property
    def selected(self) -> int | None:
        """The support point that the keys act on."""
        n = 0 if self._probe is None else len(self._probe.support_x)
        chosen = self._curves.selected
        return chosen if chosen is not None and chosen < n else None

    def select(self, index: int | None) -> None:
        """Makes the keys act on a support point."""
        self._curves.selected = index
        self._curves.draw_support(self._plot.hasFocus())

    def point_at(self, pixel: QPoint) -> int | None:
        """The support point under a pixel of the plot, the nearest; None where there is none."""
        if self._probe is None or len(self._probe.support_x) == 0:
            return None
        x, y = self._plot.to_pixels(self._probe.support_x, self._probe.support_y)
        distance = np.hypot(x - pixel.x(), y - pixel.y())
        nearest = int(np.argmin(distance))
        return nearest if distance[nearest] <= REACH else None

    def press(self, pixel: QPoint, free: bool) -> None:
        """Takes the point under the pointer, or adds one there."""
        hit = self.point_at(pixel)
        if hit is None:
            if not self._plot.area().contains(QPointF(pixel)) or self._probe is None:
                return
            self.add(*self._plot.to_data(pixel), free=free)
            hit = len(self._probe.support_x) - 1
        assert self._probe is not None
        self.edited()
        self._pressed = (hit, self._probe, pixel)
        self.select(hit)

    def move(self, pixel: QPoint) -> bool:
        """Drags the pressed point; False where none is pressed."""
        if self._pressed is None:
            return False
        index, start, origin = self._pressed
        self.dragging = self.dragging or (pixel - origin).manhattanLength() >= STEADY
        if self.dragging:
            x, y = self._clamped(*self._plot.to_data(pixel))
            low, high = self._plot.view().viewRange()[1]
            reach = REACH * (high - low) / max(self._plot.area().height(), 1.0)
            self._session.task.drag_to(
                task_edits.dragged(start, index, x, y, reach, self._session.settings.tasks)
            )
        return True

    def release(self) -> None:
        """Lets the point go."""
        self._pressed, self.dragging = None, False
        self._session.task.end_drag()

    def add(self, x: float, y: float, *, free: bool = False) -> None:
        """Adds a support point: on the truth (plus noise), or at (x, y) where `free`."""
        if self._probe is None:
            return
        x, y = self._clamped(x, y)
        target = self._session.task.target(x)
        if free or target is None:
            probe = task_edits.with_point(task_edits.own(self._probe), x, y)
        else:
            probe = task_edits.with_point(self._probe, x, target)
        self._session.task.edit(probe, "Add point")

    def remove(self, index: int) -> None:
        """Removes a support point; with the last one the curves show θ."""
        if self._probe is not None:
            self.release()
            self._curves.selected = None
            self._session.task.edit(task_edits.without(self._probe, index), "Remove point")

    def key(self, key: int, shift: bool) -> bool:
        """Does what a key asks for; False where it means nothing here."""
        probe, chosen = self._probe, self.selected
        if probe is None:
            return False
        if key == Qt.Key.Key_Insert:
            self.add(self._widest_gap(probe), 0.0)
            self.select(len(probe.support_x))
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and len(probe.support_x):
            way = 1 if key == Qt.Key.Key_Right else -1
            if shift and chosen is not None:
                self._nudge(probe, chosen, NUDGE * way, 0.0)
            else:
                self.select(self._neighbour(probe, chosen, way))
        elif chosen is None:
            return False
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.remove(chosen)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._nudge(probe, chosen, 0.0, NUDGE if key == Qt.Key.Key_Up else -NUDGE)
        else:
            return False
        return True

    def _neighbour(self, probe: ProbeTask, chosen: int | None, way: int) -> int:
        order = np.argsort(probe.support_x, kind="stable").tolist()
        if chosen is None:
            return int(order[0 if way > 0 else -1])
        return int(order[(order.index(chosen) + way) % len(order)])

    def _nudge(self, probe: ProbeTask, index: int, across: float, up: float) -> None:
        """Moves a point: across along the truth where there is one, up into an own task."""
        (left, right), (low, high) = self._plot.view().viewRange()
        x, y = self._clamped(
            float(probe.support_x[index]) + across * (right - left),
            float(probe.support_y[index]) + up * (high - low),
        )
        if up:
            changed = task_edits.moved(task_edits.own(probe), index, x, y)
        else:
            changed = task_edits.dragged(probe, index, x, y, np.inf, self._session.settings.tasks)
        self._session.task.edit(changed, "Move point")

    def _widest_gap(self, probe: ProbeTask) -> float:
        tasks = self._session.settings.tasks
        edges = np.sort(np.concatenate(([tasks.x_min], probe.support_x, [tasks.x_max])))
        widest = int(np.argmax(np.diff(edges)))
        return float(edges[widest] + edges[widest + 1]) / 2

    def _clamped(self, x: float, y: float) -> tuple[float, float]:
        tasks, (low, high) = self._session.settings.tasks, self._plot.view().viewRange()[1]
        return min(max(x, tasks.x_min), tasks.x_max), min(max(y, low), high)
