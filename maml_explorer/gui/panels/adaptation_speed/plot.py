"""The plot of a meta-test: query MSE against inner step, mean and 95 % band."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from html import escape

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QResizeEvent

from maml_explorer.gui.panels.adaptation_speed.class_lines import ClassLines
from maml_explorer.gui.panels.adaptation_speed.published_marks import PublishedMarks
from maml_explorer.gui.plots.fast_curve import from_below
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.plot_text import label, recolor
from maml_explorer.gui.plots.readout import ReadOut
from maml_explorer.gui.plots.table import Table
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.arm_style import ArmStyle, arm_style
from maml_explorer.gui.style.numbers import number
from maml_explorer.gui.style.theme import Theme
from maml_explorer.protocol.commands import Array
from maml_explorer.protocol.reports import ArmTest, MetaTested, ReferenceLosses

NOTHING_YET = "The first meta-test comes in a moment"


@dataclass(frozen=True)
class SpeedLine:
    """One arm's line: the mean over all tasks, or over those that did not diverge."""

    step: Array
    mean: Array
    half: Array
    """Half-width of the 95 % interval; 0 where it is not known."""
    kept: Array
    """True where the mean leaves diverged tasks out."""


def points(test: ArmTest) -> SpeedLine:
    """Points to draw of an arm's test, without the steps at which every task diverged."""
    rows = []
    for step, (mean, ci95, over_kept, diverged) in enumerate(
        zip(test.mean, test.ci95, test.mean_kept, test.diverged, strict=True)
    ):
        # A mean that a handful of diverged tasks carries says nothing about the others.
        kept = diverged > 0 or mean is None
        value = over_kept if kept else mean
        if value is not None and math.isfinite(value):
            half = 0.0 if kept or ci95 is None else ci95
            rows.append((step, value, half, kept))
    columns = np.array(rows, dtype=float).reshape(-1, 4).T
    return SpeedLine(columns[0], columns[1], columns[2], columns[3].astype(bool))


@dataclass
class _SpeedItems:
    """Items of one arm on the plot."""

    band_low: pg.PlotCurveItem = field(default_factory=pg.PlotCurveItem)
    band_high: pg.PlotCurveItem = field(default_factory=pg.PlotCurveItem)
    line: pg.PlotCurveItem = field(default_factory=lambda: pg.PlotCurveItem(antialias=True))
    dots: pg.ScatterPlotItem = field(
        default_factory=lambda: pg.ScatterPlotItem(antialias=True, useCache=False)
    )

    def __post_init__(self) -> None:
        self.band = pg.FillBetweenItem(self.band_low, self.band_high)

    def all(self) -> tuple[pg.GraphicsObject, ...]:
        return self.band, self.line, self.dots


class SpeedPlot(Plot):
    """Mean and 95 % band of every visible arm."""

    def __init__(self, session: Session) -> None:
        super().__init__(session.theme, "Adaptation speed", "inner step", "query MSE", whole_x=True)
        self.session = session
        self.test: MetaTested | None = None
        self.published = PublishedMarks(self)
        self.classes = ClassLines(self)
        self.inner = session.inner
        self.log_y = False
        self._figure = "query MSE"
        self.drawn: dict[str, SpeedLine] = {}
        self._items: dict[str, _SpeedItems] = {}
        self.hair = pg.InfiniteLine(angle=90, movable=False)
        """At the inner step that the hero shows."""
        self._empty = label(NOTHING_YET, session.theme.muted)
        for z, item in ((1, self.hair), (40, self._empty)):
            item.setZValue(z)
            self.getPlotItem().addItem(item, ignoreBounds=True)
        self.readout = ReadOut(self)
        self.table = self._table
        self.inner.changed.connect(self._place_hair)
        self.setAccessibleDescription(
            "A click, Left and Right choose the inner step that all panels show."
        )
        self.take_colors(session.theme)

    def take_colors(self, theme: Theme) -> None:
        """Draws everything in the colours of `theme`."""
        self.restyle(theme)
        recolor(self._empty, theme.muted)
        self.hair.setPen(self.pen(theme.muted, Qt.PenStyle.DotLine))
        self.readout.restyle(theme)
        self.classes.restyle(theme)
        self.draw()

    def legend(self) -> list[tuple[ArmStyle, str]]:
        """The arms that are drawn."""
        settings = self.session.settings
        return [(arm_style(settings, name, self.theme), name) for name in self.drawn]

    def draw(self) -> None:
        """Draws the newest meta-test."""
        settings, test = self.session.settings, self.test
        words = f"query {settings.family.figure}"
        if words != self._figure:
            self._figure = words
            self.label_y(words)
        self.left.logarithmic = self.log_y
        self.left.picture = None
        arms = {} if test is None else test.arms
        hidden = self.session.hidden
        shown = [arm for arm in settings.arms if arm.name in arms and arm.name not in hidden]
        for name in set(self._items) - {arm.name for arm in shown}:
            for item in self._items.pop(name).all():
                self.getPlotItem().removeItem(item)
        self.drawn = {arm.name: points(arms[arm.name]) for arm in shown}
        styles = {arm.name: arm_style(settings, arm, self.session.theme) for arm in shown}
        for z, name in enumerate(from_below(styles)):
            self._draw_arm(name, styles[name], z)
        self.published.draw(settings, hidden, self.log_y)
        self.classes.draw(self.session.measured.references, test, styles, self.log_y)
        self._fit()
        self.classes.place()
        self._place_hair()
        self._empty.setVisible(test is None)
        self._place_empty()
        if self.readout.pointer is not None:
            self._read(self.readout.pointer)

    def _draw_arm(self, name: str, style: ArmStyle, place: int) -> None:
        if name not in self._items:
            self._items[name] = _SpeedItems()
            for item in self._items[name].all():
                self.getPlotItem().addItem(item, ignoreBounds=True)
        items, data = self._items[name], self.drawn[name]
        color = QColor(style.color)
        color.setAlphaF(0.16)
        low, high = self._scaled(data.mean - data.half), self._scaled(data.mean + data.half)
        mean = self._scaled(data.mean)
        if self.log_y:
            # An interval that reaches 0 has no lower end on a logarithmic axis.
            low = np.where(np.isfinite(low), low, mean - 1.0)
        items.band_low.setData(data.step, low)
        items.band_high.setData(data.step, high)
        items.band.setBrush(color)
        items.line.setPen(self.arm_pen(style, 1.8))
        items.line.setData(data.step, mean, connect="finite")
        fill = [pg.mkBrush(self.theme.card if kept else style.color) for kept in data.kept]
        # Smaller from below to the top: markers that coincide are all seen.
        items.dots.setData(
            data.step, mean, symbol=style.marker, size=9 - min(place, 4), brush=fill,
            pen=self.pen(style.color, width=1.2),
        )  # fmt: skip
        for item in items.all():
            item.setZValue(10 + place / 10)

    @property
    def last_step(self) -> int:
        """The last inner step of the meta-test."""
        if self.test is None or not self.test.arms:
            return 0
        return max(len(arm.mean) for arm in self.test.arms.values()) - 1

    def _place_hair(self) -> None:
        self.hair.setVisible(self.last_step > 0)
        self.hair.setPos(self.inner.within(self.last_step))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Chooses the inner step under the pointer for all panels."""
        pixel = event.position().toPoint()
        if event.button() is Qt.MouseButton.LeftButton and self.area().contains(pixel):
            self.inner.choose(max(0, min(round(self.to_data(pixel)[0]), self.last_step)))
        event.accept()

    def _scaled(self, values: Array) -> Array:
        if not self.log_y:
            return values
        with np.errstate(divide="ignore", invalid="ignore"):
            logs: Array = np.log10(values)
        return logs

    def _fit(self) -> None:
        last = max(self.last_step, 1)
        self.view().setXRange(-0.04 * last, 1.04 * last, padding=0)
        tops = [self._scaled(data.mean + data.half) for data in self.drawn.values()]
        floors = [self._scaled(data.mean) for data in self.drawn.values()]
        others = self._scaled(self.published.values())
        top = np.concatenate([*tops, others, np.zeros(0)])
        floor = np.concatenate([*floors, others, np.zeros(0)])
        top, floor = top[np.isfinite(top)], floor[np.isfinite(floor)]
        if len(top) == 0 or len(floor) == 0:
            low, high = (-1.0, 1.0) if self.log_y else (0.0, 1.0)
        elif self.log_y:
            room = 0.06 * max(float(top.max() - floor.min()), 0.2)
            low, high = float(floor.min()) - room, float(top.max()) + room
        elif self.session.settings.family.higher_is_better:
            low, high = -0.02, 1.02
        else:
            high = 1.06 * max(min(float(top.max()), self.ceiling()), 1e-300)
            low = -0.04 * high
        self.view().setYRange(low, high, padding=0)

    def ceiling(self) -> float:
        """Upper end of a linear axis: an arm that diverges must not squeeze the others.

        Twice the loss of predicting 0, or the smallest arm's peak where that is more.
        """
        known = self.session.measured.references
        peaks = [float(np.max(d.mean + d.half)) for d in self.drawn.values() if len(d.mean)]
        if not isinstance(known, ReferenceLosses) or self.log_y or not peaks:
            return math.inf
        limit = max(2 * known.predict_zero, min(peaks))
        return max((peak for peak in peaks if peak <= limit), default=limit)

    def _place_empty(self) -> None:
        if self._empty.isVisible():
            self._empty.setAnchor((0.5, 0.5))
            self._empty.setPos(*self.to_data(self.area().center().toPoint()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and Right choose the inner step before and after, and read it off."""
        way = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if way is None:
            event.ignore()
            return
        step = self.inner.within(self.last_step) + way
        self.inner.choose(max(0, min(step, self.last_step)))
        at = self.inner.within(self.last_step)
        self._read(self.to_pixel(at, float(np.mean(self.view().viewRange()[1]))))

    # reading off values

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Reads off values."""
        self._read(event.position().toPoint())

    def leaveEvent(self, event: QEvent) -> None:
        """Ends the read-out."""
        super().leaveEvent(event)
        self.readout.hide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keeps the words in the middle."""
        super().resizeEvent(event)
        if hasattr(self, "readout"):
            self._place_empty()

    def _read(self, pixel: QPoint) -> None:
        x = self.readout.over(pixel)
        if x is None or self.test is None:
            self.readout.hide()
        else:
            self.readout.show(self.reading(max(round(x), 0)))

    def reading(self, step: int) -> str:
        """The values after `step` inner steps as HTML."""
        rows = [f"inner step {step}"]
        if self.test is None:
            return rows[0]
        for name in self.drawn:
            test = self.test.arms[name]
            if step >= len(test.mean):
                continue
            color = arm_style(self.session.settings, name, self.theme).text
            text = f"{escape(name)} {number(test.mean[step])}"
            if test.ci95[step] is not None:
                text += f" ± {number(test.ci95[step], 2)}"
            if test.diverged[step]:
                text += f", {test.diverged[step]} diverged, others {number(test.mean_kept[step])}"
            if name in self.test.seen:
                text += f", seen classes {number(self.test.seen[name].mean[step])}"
            rows.append(f'<span style="color:{color}">{text}</span>')
        rows += self.published.rows(step)
        return "<br>".join(rows)

    def _table(self, everything: bool) -> Table:
        header = ["arm", "inner step", "mean", "ci95", "mean of kept", "median", "diverged"]
        if self.test is None:
            return header, []
        rows = [
            [name, step, *values]
            for name, arm in self.test.arms.items()
            if everything or name in self.drawn
            for step, values in enumerate(
                zip(arm.mean, arm.ci95, arm.mean_kept, arm.median, arm.diverged, strict=True)
            )
        ]
        return header, rows
