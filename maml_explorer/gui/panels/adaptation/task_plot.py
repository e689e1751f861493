"""The hero plot: a task, every arm's curve, and points that are clicked and dragged."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from html import escape

import numpy as np
from PySide6.QtCore import QEvent, QPoint, Qt, QTimer
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QWheelEvent,
)

from maml_explorer.gui.panels.adaptation.curve_labels import CurveLabels
from maml_explorer.gui.panels.adaptation.point_editing import PointEditor
from maml_explorer.gui.panels.adaptation.task_curves import TaskCurves, has_data
from maml_explorer.gui.panels.adaptation.uncovered_range import UncoveredRange
from maml_explorer.gui.plots.fast_curve import Dots
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.readout import ReadOut
from maml_explorer.gui.session import task_edits
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.arm_style import ArmStyle, arm_style
from maml_explorer.gui.style.numbers import number
from maml_explorer.gui.style.theme import Theme
from maml_explorer.protocol.commands import Array, ProbeTask
from maml_explorer.protocol.reports import Probed
from maml_explorer.settings.settings import Settings

GROWTH = (1.0, 1.25, 1.6)
"""Factors by which the y range may exceed the needs of the task family; the rest is cut off."""
_SLACK = 0.9
"""The range shrinks with training once curves fit into this part of the next smaller one."""
_POINT = 3.8
"""Width of a line whose marker is as large as a point."""
_LABEL_PAUSE, _TRAINING_PAUSE = 120, 900
"""Milliseconds after a change, or while training, before labels look for a better place."""


class TaskPlot(Plot):
    """One task and every arm's curve; edits by mouse and keyboard go to the session."""

    def __init__(self, session: Session) -> None:
        super().__init__(session.theme, "Adaptation")
        self.setMinimumHeight(58)
        self.session = session
        self.curves = TaskCurves(self, session)
        self.editor = PointEditor(self, self.curves, session)
        self._growth = GROWTH[0]
        self._fitted: Probed | None = None
        self._fitted_of: tuple[int, Settings] | None = None
        """Outer step and settings of the answer that the range was last made smaller for."""
        self._fresh = False
        """True while the curves of another task have not come yet."""
        self._removed = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleDescription(
            "Click adds a support point, dragging moves it, right click or Delete removes it. "
            "Left and Right choose a point, Up and Down move it, Insert adds one."
        )
        self.table = self.curves.table
        self.paper_labels = ("x", "y")
        self.uncovered = UncoveredRange(self, self.curves, session)
        self.readout = ReadOut(self, lambda: self.uncovered.box)
        self.labels = CurveLabels(self, self.curves, self.uncovered, session)
        self._place_soon = QTimer(self)
        self._place_soon.setSingleShot(True)
        self._place_soon.timeout.connect(self._place_labels)
        self.view().sigResized.connect(self._make_room)
        self.take_colors(session.theme)

    def take_colors(self, theme: Theme) -> None:
        """Draws everything in the colours of `theme`."""
        self.restyle(theme)
        self.curves.restyle(theme)
        self.readout.restyle(theme)
        self.labels.restyle(theme)
        self.uncovered.restyle(theme)
        self.curves.draw_task(self.hasFocus())
        self.redraw()

    def legend(self) -> list[tuple[ArmStyle, str]]:
        """The arms that are drawn, in the order of the legend."""
        settings = self.session.settings
        names = [arm.name for arm in settings.arms if arm.name in self.curves.arms]
        return [(arm_style(settings, name, self.theme), name) for name in names]

    def further_legend(self) -> list[tuple[ArmStyle, str]]:
        """Support and query points, which the screen explains in passing."""
        theme, curves = self.theme, self.curves
        found = []
        if has_points(curves.support):
            found.append((_point(theme, theme.text, hollow=False), "support"))
        if has_points(curves.query):
            found.append((_point(theme, theme.muted, hollow=True), "query"))
        return found

    def show_task(self, probe: ProbeTask | None) -> None:
        """Draws the points and the truth of a task; the curves come with the report on it."""
        before, self.curves.probe = self.curves.probe, probe
        if probe is None or before is None or _other(probe, before):
            self.labels.forget()
            self._fresh = not self.editor.dragging
        self.curves.draw_task(self.hasFocus())
        self._fit()
        self.labels.drop_gone()
        self._place_soon.start(_LABEL_PAUSE)

    def show_report(self, report: Probed | None, steps: Mapping[str, int]) -> None:
        """Draws every visible arm's curve, arm → inner step."""
        samples = len(self.curves.grid)
        self.curves.report, self.curves.steps = report, steps
        if self._fresh and report is not None and report.probe is self.curves.probe:
            self._fresh, self._growth = False, GROWTH[0]
        if len(self.curves.grid) != samples:
            self.curves.draw_task(self.hasFocus())
        self.redraw()

    def redraw(self) -> None:
        """Draws the curves again, as after hiding an arm."""
        self.curves.draw_report()
        self._fit()
        self.labels.drop_gone()
        self.ends.show_ends(self.curves.ends())
        self.uncovered.draw()
        if self.readout.pointer is not None:
            self._read(self.readout.pointer)
        if not self._place_soon.isActive():
            calm = self.session.link.running and bool(self.labels.boxes)
            self._place_soon.start(_TRAINING_PAUSE if calm else _LABEL_PAUSE)

    def beyond(self) -> dict[str, str]:
        """Arm → "↑" or "↓", where its whole curve is above or below what is seen."""
        low, high = self.view().viewRange()[1]
        found = {}
        for name, curve in self.curves.arms.items():
            # most curves end inside: one number of them says that enough
            last = float(curve.yData[-1]) if has_data(curve) else 0.0
            if last > high and curve.yData.min() > high:
                found[name] = "↑"
            elif last < low and curve.yData.max() < low:
                found[name] = "↓"
        return found

    def _fit(self) -> None:
        """Lets the y range grow where curves need it; playing and dragging never shrink it."""
        tasks, scale = self.session.settings.tasks, self.curves.scale
        if not self.editor.dragging:
            needed = [_height(c.yData) for c in self.curves.arms.values() if has_data(c)]
            if self.curves.probe is not None:
                needed.append(_height(self.curves.probe.support_y))
            # An arm that runs far away is cut off: it must not squeeze the others.
            largest = max((n for n in needed if n <= GROWTH[-1] * scale), default=0.0)
            growth = next(g for g in GROWTH if g * scale >= largest)
            roomy = next((g for g in GROWTH if _SLACK * g * scale >= largest), GROWTH[-1])
            report = self.curves.report
            of = None if report is None else (report.outer_step, self.session.settings)
            if report is not self._fitted and of != self._fitted_of:
                self._fitted_of = of
                self._growth = min(self._growth, roomy)
            self._fitted = report
            self._growth = max(self._growth, growth)
        height, low, high = self._growth * scale, tasks.x_min, tasks.x_max
        edge = 0.012 * (high - low) or 1.0
        target = (low - edge, high + edge, -height, height)
        seen = itertools.chain(*self.view().viewRange())
        if not all(math.isclose(*pair, rel_tol=1e-9) for pair in zip(seen, target, strict=True)):
            self.labels.forget()
            self.view().setRange(xRange=target[:2], yRange=target[2:], padding=0)

    def _place_labels(self) -> None:
        if not self.editor.dragging:  # the release places them
            self.labels.place()

    def settle(self) -> None:
        """Finds the labels' places."""
        self.labels.place()
        self.uncovered.place()

    # mouse and keyboard

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Takes a point, or adds one; the right button removes."""
        pixel = event.position().toPoint()
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        event.accept()
        if event.button() is Qt.MouseButton.LeftButton:
            shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.editor.press(pixel, free=shift)
        elif event.button() is Qt.MouseButton.RightButton:
            hit = self.editor.point_at(pixel)
            self._removed = hit is not None
            if hit is not None:
                self.editor.remove(hit)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drags the pressed point; otherwise reads off values."""
        pixel = event.position().toPoint()
        if self.editor.move(pixel):
            self.readout.hide()
        else:
            over = self.editor.point_at(pixel) is not None
            shape = Qt.CursorShape.SizeAllCursor if over else Qt.CursorShape.CrossCursor
            self.viewport().setCursor(shape)
            self._read(pixel)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Lets the point go."""
        event.accept()
        if event.button() is Qt.MouseButton.LeftButton:
            self.editor.release()
            self._fit()
            self._place_soon.start(_LABEL_PAUSE)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """A quick second click is a click."""
        self.mousePressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Nothing: the range is fixed."""
        event.ignore()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The plot's menu, except where the right button has just removed a point."""
        if not self._removed or event.reason() is not QContextMenuEvent.Reason.Mouse:
            super().contextMenuEvent(event)
        self._removed = False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete removes, Left and Right choose, Up and Down move, Insert adds."""
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if self.editor.key(event.key(), shift):
            event.accept()
        else:
            # Not the graphics view's own handling, which scrolls: the window's shortcuts come next.
            event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Shows which point the keys act on."""
        super().focusInEvent(event)
        self.curves.draw_support(focused=True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Shows that the keys act elsewhere."""
        super().focusOutEvent(event)
        self.curves.draw_support(focused=False)

    def leaveEvent(self, event: QEvent) -> None:
        """Ends the read-out."""
        self.readout.hide()

    def _make_room(self) -> None:
        """Labels find their places again, where the plot or its names took other room."""
        self.uncovered.place()
        self.labels.forget()
        self._place_soon.start(_LABEL_PAUSE)

    # reading off values

    def _read(self, pixel: QPoint) -> None:
        x = self.readout.over(pixel)
        if x is not None and self.curves.report is not None:
            self.readout.show(self.reading(x))

    def reading(self, x: float) -> str:
        """The values at `x` as HTML: truth, and every visible arm at its inner step."""
        settings, theme, report = self.session.settings, self.session.theme, self.curves.report
        rows = [f"x {number(x)}"]
        probe = self.curves.probe
        known = probe is not None and self.curves.shows("truth")
        tasks = self.session.settings.tasks
        if probe is not None and known and (here := task_edits.truth(probe, x, tasks)) is not None:
            rows.append(f"truth {number(here)}")
        for arm in settings.arms:
            if report is not None and arm.name in self.curves.arms:
                y = float(np.interp(x, report.grid, self.curves.curve(arm.name)))
                color = arm_style(settings, arm, theme).text
                rows.append(f'<span style="color:{color}">{escape(arm.name)} {number(y)}</span>')
        return "<br>".join(rows)


def has_points(dots: Dots) -> bool:
    """True where any point is drawn."""
    return len(dots.data) > 0


def _point(theme: Theme, color: str, *, hollow: bool) -> ArmStyle:
    """The look of a point in a legend: as large as in the plot."""
    width = _POINT * theme.line_scale
    return ArmStyle(color, theme.text, Qt.PenStyle.NoPen, "o", width, hollow=hollow)


def _height(y: Array) -> float:
    finite = y[np.isfinite(y)]
    return float(np.max(np.abs(finite), initial=0.0))


def _other(probe: ProbeTask, before: ProbeTask) -> bool:
    """True where it is another task, not the same one with other points."""
    return _parameters(probe) != _parameters(before)


def _parameters(probe: ProbeTask) -> tuple[object, ...]:
    return probe.amplitude, probe.phase, probe.frequency, probe.numbers
