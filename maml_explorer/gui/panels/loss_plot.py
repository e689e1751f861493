"""The plot of the losses: traces, averages, reference lines, marks and a read-out."""

from __future__ import annotations

from html import escape

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QMouseEvent, QResizeEvent

from maml_explorer.gui.loss_history import (
    GRADIENTS,
    OUTER_LOSS,
    OUTER_STEPS,
    SECONDS,
    Drawn,
    LossHistory,
    loss_range,
    reduced,
)
from maml_explorer.gui.numbers import number, whole
from maml_explorer.gui.panels.plot import Plot, Table, label, recolor, thin_pen
from maml_explorer.gui.panels.readout import ReadOut
from maml_explorer.gui.session import Session
from maml_explorer.gui.theme import Theme, arm_style
from maml_explorer.gui.traces import Array
from maml_explorer.worker.messages import ReferenceLosses

X_LABELS = {
    OUTER_STEPS: "outer step",
    SECONDS: "seconds of training, per arm",
    GRADIENTS: "gradient evaluations per task",
}
AXIS_NAMES = ("outer step", "seconds", "gradient evaluations")
NOTHING_YET = "Press Train: the losses appear here"
_APART = 16
"""Pixels between two reference labels."""


class LossPlot(Plot):
    """Draws a history; the panel says which loss, axis and smoothing."""

    moved = Signal()
    """The person looked elsewhere: what is drawn must be reduced anew."""

    def __init__(self, session: Session) -> None:
        super().__init__(session.theme, "Losses", X_LABELS[OUTER_STEPS], "MSE", movable=True)
        self.session = session
        self.history = LossHistory()
        self.ghost: LossHistory | None = None
        """The run before this one."""
        self.loss, self.axis, self.smoothing = OUTER_LOSS, OUTER_STEPS, 0.98
        self.log_x, self.log_y = False, True
        self.follows = True
        """False once a person zoomed or panned; a double click makes it follow again."""
        self.drawn: dict[str, Drawn] = {}
        self._raw: dict[str, pg.PlotCurveItem] = {}
        self._smooth: dict[str, pg.PlotCurveItem] = {}
        self._ghosts: dict[str, pg.PlotCurveItem] = {}
        self._marks: list[tuple[pg.InfiniteLine, pg.TextItem]] = []
        item = self.getPlotItem()
        self._lines = [pg.InfiniteLine(angle=0, movable=False) for _ in range(2)]
        self.line_labels = [label("", session.theme.muted, session.theme.card) for _ in range(2)]
        self._empty = label(NOTHING_YET, session.theme.muted)
        for z, items in ((5, self._lines), (40, self.line_labels), (40, [self._empty])):
            for each in items:
                each.setZValue(z)
                item.addItem(each, ignoreBounds=True)
                each.hide()
        self.readout = ReadOut(self)
        self.table = self._table
        self.view().sigRangeChangedManually.connect(self._taken_over)
        self.take_colors(session.theme)

    def take_colors(self, theme: Theme) -> None:
        """Draws everything in the colours of `theme`."""
        self.restyle(theme)
        for line in self._lines:
            line.setPen(thin_pen(theme.muted, Qt.PenStyle.DotLine))
        recolor(self._empty, theme.muted)
        for text in self.line_labels:
            recolor(text, theme.muted, theme.card, veil=150)
        self.readout.restyle(theme)
        self.draw()

    def set_axes(self) -> None:
        """Takes up another loss, x axis or scale."""
        self.bottom.logarithmic, self.left.logarithmic = self.log_x, self.log_y
        self.bottom.whole = self.axis != SECONDS
        self.label_x(X_LABELS[self.axis])
        self.follows = True
        self.bottom.picture = self.left.picture = None
        self.draw()

    def _taken_over(self, _: object) -> None:
        self.follows = False
        self.draw()
        self.moved.emit()

    # drawing

    def draw(self) -> None:
        """Draws all visible arms, reduced to the pixels there are."""
        settings, theme = self.session.settings, self.session.theme
        if self.follows:
            self._follow_x()
        edges = self._edges()
        shown = [
            arm
            for arm in settings.arms
            if arm.name not in self.session.hidden and (arm.name, self.loss) in self.history.traces
        ]
        names = {arm.name for arm in shown}
        for curves in (self._raw, self._smooth):
            for name in set(curves) - names:
                self.getPlotItem().removeItem(curves.pop(name))
        self.drawn = {arm.name: self._reduced(self.history, arm.name, edges) for arm in shown}
        for z, arm in enumerate(reversed(shown)):
            drawn = self.drawn[arm.name]
            style = arm_style(settings, arm, theme)
            raw = self._curve(self._raw, arm.name, antialias=False)
            raw.setZValue(10 + z / 10)
            faint = thin_pen(style.color)
            color = faint.color()
            # Many steps a pixel fill an area: it must stay behind the averages.
            dense = len(drawn.raw_x) > 0.5 * len(edges)
            color.setAlphaF((0.13 if dense else 0.3) * (1.3 if theme.dark else 1.0))
            faint.setColor(color)
            raw.setPen(faint)
            raw.setData(drawn.raw_x, drawn.raw_y)
            smooth = self._curve(self._smooth, arm.name, antialias=True)
            smooth.setZValue(20 + z / 10)
            smooth.setPen(style.pen(1.8))
            smooth.setData(drawn.x, drawn.y)
        if self.follows:
            self._follow_y()
        self._draw_ghost(edges)
        self._draw_references()
        self._draw_marks()
        self._empty.setVisible(not any(len(d.raw_x) for d in self.drawn.values()))
        if self._empty.isVisible():
            area = self.area()
            low_middle = QPoint(round(area.center().x()), round(area.top() + 0.8 * area.height()))
            self._empty.setAnchor((0.5, 0.5))
            self._empty.setPos(*self.to_data(low_middle))
        if self.readout.pointer is not None:
            self._read(self.readout.pointer)

    def _reduced(self, history: LossHistory, arm: str, edges: Array) -> Drawn:
        trace = history.traces[arm, self.loss]
        return reduced(trace, self.axis, self.smoothing, edges, self.log_x, self.log_y)

    def _curve(
        self, curves: dict[str, pg.PlotCurveItem], name: str, antialias: bool
    ) -> pg.PlotCurveItem:
        if name not in curves:
            curves[name] = pg.PlotCurveItem(antialias=antialias)
            self.getPlotItem().addItem(curves[name], ignoreBounds=True)
        return curves[name]

    def _edges(self) -> Array:
        low, high = self.view().viewRange()[0]
        return np.linspace(low, high, max(int(self.area().width()), 2) + 1)

    def _draw_ghost(self, edges: Array) -> None:
        """The averages of the run before, faint, under everything."""
        traces = {} if self.ghost is None else self.ghost.traces
        names = {name for name, loss in traces if loss == self.loss} & {
            arm.name for arm in self.session.settings.arms if arm.name not in self.session.hidden
        }
        for name in set(self._ghosts) - names:
            self.getPlotItem().removeItem(self._ghosts.pop(name))
        for name in names:
            assert self.ghost is not None
            drawn = self._reduced(self.ghost, name, edges)
            curve = self._curve(self._ghosts, name, antialias=False)
            curve.setZValue(4)
            style = arm_style(self.session.settings, name, self.session.theme)
            curve.setPen(style.pen(1.0, alpha=0.45))
            curve.setData(drawn.x, drawn.y)

    # the range

    def _ends(self, history: LossHistory) -> tuple[float, float]:
        """(smallest, largest) x of the visible arms; (inf, 0) where there is none."""
        first, last = np.inf, 0.0
        for (name, loss), trace in history.traces.items():
            if loss == self.loss and name not in self.session.hidden and len(trace):
                x = trace.x(self.axis)
                first, last = min(first, float(x[0])), max(last, float(x[-1]))
        return first, last

    def _follow_x(self) -> None:
        first, last = self._ends(self.history)
        if not last and self.ghost is not None:
            first, last = self._ends(self.ghost)
        last = last or 1.0
        if self.log_x:
            low = np.log10(max(min(first, last), 1e-6))
            span = (low, max(np.log10(last), low + 0.5))
        else:
            span = (-0.03 * last, last * 1.005)
        if span != tuple(self.view().viewRange()[0]):
            self.view().setXRange(*span, padding=0)

    def _follow_y(self) -> None:
        references = [value for value, _ in self._references()]
        # Their own scale decides only where there is nothing else, or where it is near.
        values = [drawn.raw_y for drawn in self.drawn.values()]
        span = loss_range(values, references, self.log_y)
        if span != tuple(self.view().viewRange()[1]):
            self.view().setYRange(*span, padding=0)

    # reference lines

    def _references(self) -> list[tuple[float, str]]:
        """(value, words) of the reference lines, the upper one first; equal ones are one."""
        known: ReferenceLosses | None = self.session.references
        if known is None:
            return []
        zero, best = known.predict_zero, known.best_single
        if abs(zero - best) <= 1e-3 * abs(zero):
            return [(zero, f"predict 0 = best single predictor {number(zero)}")]
        return [
            (zero, f"predict 0 {number(zero)}"), (best, f"best single predictor {number(best)}"),
        ]  # fmt: skip

    def _draw_references(self) -> None:
        lines = self._references()
        known = self.session.references
        noise = "" if known is None or known.noise_variance <= 0 else " with σ²"
        (left, right), (low, high) = self.view().viewRange()
        area = self.area()
        spots: list[float] = []
        for nth, (line, text) in enumerate(zip(self._lines, self.line_labels, strict=True)):
            value = lines[nth][0] if nth < len(lines) else np.nan
            if self.log_y:
                value = np.log10(value) if value > 0 else np.nan
            visible = bool(low <= value <= high) and area.width() > 60
            line.setVisible(visible)
            text.setVisible(visible)
            if not visible:
                continue
            line.setPos(value)
            text.setText(lines[nth][1] + noise)
            pixel = area.top() + (high - value) / (high - low) * area.height()
            # Above its own line, unless that is where the other words or the border are.
            above = pixel - _APART >= area.top() and all(abs(pixel - s) >= _APART for s in spots)
            spots.append(pixel if above else pixel + _APART)
            text.setAnchor((1.0, 1.0) if above else (1.0, 0.0))
            text.setPos(right - 0.01 * (right - left), value)

    # marks

    def _draw_marks(self) -> None:
        theme, area = self.session.theme, self.area()
        visible = [m for m in self.history.marks[-50:] if self._mark_x(m.outer_step) is not None]
        while len(self._marks) < len(visible):
            line, text = (
                pg.InfiniteLine(angle=90, movable=False),
                label("", theme.muted, theme.card),
            )
            for z, item in ((6, line), (41, text)):
                item.setZValue(z)
                self.getPlotItem().addItem(item, ignoreBounds=True)
            self._marks.append((line, text))
        (left, right), (low, _) = self.view().viewRange()
        last = -np.inf
        for nth, (line, text) in enumerate(self._marks):
            x = self._mark_x(visible[nth].outer_step) if nth < len(visible) else None
            inside = x is not None and bool(left <= x <= right)
            line.setVisible(inside)
            text.setVisible(False)
            if x is None or not inside:
                continue
            line.setPen(thin_pen(theme.muted, Qt.PenStyle.DashLine))
            line.setPos(x)
            pixel = (x - left) / (right - left) * area.width()
            if pixel - last >= 34:
                recolor(text, theme.muted, theme.card)
                text.setText(visible[nth].symbol)
                text.setAnchor((0.5, 1.0))
                text.setPos(x, low)
                text.setVisible(True)
                last = pixel

    def _mark_x(self, outer_step: int) -> float | None:
        for name in self.drawn:
            x = self.history.at(outer_step, self.axis, name, self.loss)
            if x is not None and (x > 0 or not self.log_x):
                return float(np.log10(x)) if self.log_x else x
        return None

    # reading off values

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Reads off values, or pans."""
        super().mouseMoveEvent(event)
        if event.buttons():
            self.readout.hide()
        else:
            self._read(event.position().toPoint())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Shows everything again, and follows the training."""
        self.follows = True
        self.draw()
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        """Ends the read-out."""
        super().leaveEvent(event)
        self.readout.hide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Reduces what is drawn to the new number of pixels."""
        super().resizeEvent(event)
        if hasattr(self, "readout"):
            self.moved.emit()

    def _read(self, pixel: QPoint) -> None:
        x = self.readout.over(pixel)
        if x is None or not self.drawn:
            self.readout.hide()
        else:
            self.readout.show(self.reading(x, pixel))

    def reading(self, x: float, pixel: QPoint | None = None) -> str:
        """The averages at `x` of the plot as HTML, and what was changed near it."""
        settings, theme = self.session.settings, self.session.theme
        value = 10**x if self.log_x else max(x, 0.0)
        rows = [f"{X_LABELS[self.axis]} {number(value) if self.axis == SECONDS else whole(value)}"]
        for arm in settings.arms:
            drawn = self.drawn.get(arm.name)
            if drawn is None or len(drawn.x) == 0:
                continue
            nearest = int(np.abs(drawn.x - x).argmin())
            y = 10 ** drawn.y[nearest] if self.log_y else drawn.y[nearest]
            color = arm_style(settings, arm, theme).text
            rows.append(f'<span style="color:{color}">{escape(arm.name)} {number(float(y))}</span>')
        reach = 6 * self.view().viewPixelSize()[0]
        for mark in self.history.marks:
            at = self._mark_x(mark.outer_step)
            if at is not None and abs(at - x) <= reach:
                rows.append(f"step {whole(mark.outer_step)}: {escape(mark.words)}")
        return "<br>".join(rows)

    def _table(self) -> Table:
        header = ["arm", *AXIS_NAMES, "min", "mean", "max", "smoothed"]
        rows: list[list[object]] = []
        for (name, loss), trace in self.history.traces.items():
            if loss == self.loss and name in self.drawn:
                columns = [trace.x(axis).tolist() for axis in X_LABELS]
                columns += [v.tolist() for v in (trace.low(), trace.mean(), trace.high())]
                columns.append(trace.smoothed(self.smoothing).tolist())
                rows += [[name, *values] for values in zip(*columns, strict=True)]
        return header, rows
