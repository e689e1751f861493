"""A few named places on the x axis, and at each the mean of every arm with its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QResizeEvent

from maml_explorer.gui.plots.line_ends import LineEnd
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.readout import ReadOut
from maml_explorer.gui.plots.table import Table
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.arm_style import ArmStyle, arm_style, looks_of
from maml_explorer.gui.style.numbers import number
from maml_explorer.gui.style.qt_style import base_font
from maml_explorer.gui.style.theme import Theme
from maml_explorer.protocol.commands import Array

_WIDTH = 0.7
"""Part of the distance between two places that the arms of one take."""
NAMES_FROM = 280
"""Pixels of width from which names stand at the ends of the lines."""


@dataclass(frozen=True)
class Means:
    """Of one arm, by place."""

    mean: Array
    """[place]; NaN where there is none."""
    half: Array
    """[place]: half the interval; NaN where it is not known."""


@dataclass
class _CategoryItems:
    line: pg.PlotCurveItem
    bars: pg.ErrorBarItem
    dots: pg.ScatterPlotItem

    def all(self) -> tuple[pg.GraphicsObject, ...]:
        return self.line, self.bars, self.dots


class CategoryPlot(Plot):
    """Points with intervals, the arms side by side.

    Args:
        name: accessible name, and the column of the table that holds the means.
        x_label: what the places are.
        log_y: whether large ratios are shown on a logarithmic axis.
        top: the least that the y axis reaches up to.
        most: the largest figure that can be; intervals end there, and at 0 or at its opposite
            where an arm has a figure below 0.
        without: what stands where no arm has a mean, and for an arm that has none.
    """

    def __init__(
        self,
        session: Session,
        name: str,
        x_label: str,
        *,
        log_y: bool = False,
        top: float = 0.0,
        most: float = math.inf,
        without: str = "",
    ) -> None:
        super().__init__(session.theme, name, x_label)
        self.most, self.without = most, without
        self._empty: list[pg.TextItem] = []
        self.session, self.top, self.may_log = session, top, log_y
        self.places: tuple[str, ...] = ()
        self.short_places: tuple[str, ...] = ()
        """Names below the axis where there is no room for those of `places`."""
        self.named = True
        """Names stand at the ends of the lines; False where a legend has them."""
        self.drawn: dict[str, Means] = {}
        self._items: dict[str, _CategoryItems] = {}
        self.at = 0
        """The place that the keyboard reads off."""
        self.readout = ReadOut(self)
        self.table = self._table
        self.setAccessibleDescription(
            "Left and Right read off the places. The menu shows the numbers as a table."
        )
        self.take_colors(session.theme)

    def show_arms(self, places: Sequence[str], arms: Mapping[str, Means]) -> None:
        """Draws these arms, those hidden on the window left out."""
        names = [arm.name for arm in self.session.settings.arms]
        hidden = self.session.hidden
        self.places = tuple(places)
        self.drawn = {n: arms[n] for n in names if n in arms and n not in hidden}
        self.draw()

    def take_colors(self, theme: Theme) -> None:
        """Draws everything in the colours of `theme`."""
        self.restyle(theme)
        self.readout.restyle(theme)
        self.draw()

    def legend(self) -> list[tuple[ArmStyle, str]]:
        """The arms that are drawn."""
        return looks_of(self.session.settings, self.drawn, self.theme)

    def across(self, nth: int) -> Array:
        """[place]: the x of the nth arm's points."""
        count = len(self.drawn)
        shift = _WIDTH * ((nth + 0.5) / max(count, 1) - 0.5)
        return np.arange(len(self.places), dtype=np.float64) + shift

    def draw(self) -> None:
        """Draws the arms as they are; what was measured of one that is gone is not drawn."""
        there = {arm.name for arm in self.session.settings.arms}
        self.drawn = {name: means for name, means in self.drawn.items() if name in there}
        for name in set(self._items) - set(self.drawn):
            for item in self._items.pop(name).all():
                self.getPlotItem().removeItem(item)
        self._place_ticks()
        self._fit()
        for nth, (name, means) in enumerate(self.drawn.items()):
            self._draw_arm(nth, name, means)
        self._name_ends()
        self._name_empty_places()
        if self.readout.pointer is not None:
            self._read(self.readout.pointer)

    def _draw_arm(self, nth: int, name: str, means: Means) -> None:
        if name not in self._items:
            self._items[name] = made = _CategoryItems(
                pg.PlotCurveItem(antialias=True),
                pg.ErrorBarItem(),
                pg.ScatterPlotItem(antialias=True, useCache=False),
            )
            for item in made.all():
                self.getPlotItem().addItem(item, ignoreBounds=True)
        items, style = self._items[name], arm_style(self.session.settings, name, self.theme)
        x, y = self.across(nth), self._scaled(means.mean)
        least = self._least
        ends = (np.clip(means.mean + sign * means.half, least, self.most) for sign in (-1, 1))
        low, high = (self._scaled(end) for end in ends)
        # an interval that reaches 0 has no lower end on a logarithmic axis
        low = np.where(np.isfinite(low) | ~np.isfinite(high), low, y - 1.0)
        there = np.isfinite(y)
        known = there & np.isfinite(low) & np.isfinite(high)
        items.line.setPen(self.arm_pen(style, 1.2, 0.6))
        items.line.setData(x[there], y[there])
        items.bars.setVisible(bool(known.any()))
        if known.any():
            items.bars.setData(
                x=x[known], y=y[known], top=(high - y)[known], bottom=(y - low)[known],
                beam=0.06, pen=self.pen(style.color, width=1.2),
            )  # fmt: skip
        items.dots.setData(
            x[there], y[there], symbol=style.marker, brush=pg.mkBrush(style.color),
            pen=self.pen(style.color), size=self.dot(8),
        )  # fmt: skip
        for item in items.all():
            item.setZValue(10 + nth / 10)

    def _name_ends(self) -> None:
        """Names the arms where there is room beside the plot."""
        ends = []
        for style, name in self.legend() if self.named and self.width() >= NAMES_FROM else ():
            y = self._scaled(self.drawn[name].mean)
            if (kept := y[np.isfinite(y)]).size:
                ends.append(LineEnd(name, style.text, float(kept[-1])))
        self.ends.show_ends(ends)

    @property
    def empty_places(self) -> list[int]:
        """The places at which no arm that is drawn has a mean."""
        means = [means.mean for means in self.drawn.values()]
        if not means or not self.without:
            return []
        return np.flatnonzero(~np.isfinite(means).any(0)).tolist()

    def _name_empty_places(self) -> None:
        """Says upright why there is nothing at a place."""
        for item in self._empty:
            self.getPlotItem().removeItem(item)
        self._empty = []
        middle = float(np.mean(self.view().viewRange()[1]))
        for place in self.empty_places:
            item = pg.TextItem(self.without, color=self.theme.muted, anchor=(0.5, 0.5), angle=90)
            item.setFont(base_font())
            self.getPlotItem().addItem(item, ignoreBounds=True)
            item.setPos(place, middle)
            self._empty.append(item)

    def _place_ticks(self) -> None:
        """Names of the places, as many of them as there is room for, the last one always."""
        metrics = QFontMetricsF(base_font())
        room = self.area().width() / max(len(self.places), 1)
        names = self.places

        def widest() -> float:
            return max((metrics.horizontalAdvance(text) for text in names), default=0.0)

        if widest() + 6 > room and len(self.short_places) == len(names):
            names = self.short_places
        every = max(1, math.ceil((widest() + 6) / max(room, 1.0)))
        last = len(self.places) - 1
        self.bottom.setTicks(
            [[(n, text) for n, text in enumerate(names) if (last - n) % every == 0]]
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Names as many places as there is room for."""
        super().resizeEvent(event)
        # Qt sends the first one from the base class, before there are places
        if hasattr(self, "places"):
            self._name_ends()
            self._place_ticks()

    def _fit(self) -> None:
        self.view().setXRange(-0.55, max(len(self.places), 1) - 0.45, padding=0)
        values = [m.mean for m in self.drawn.values()]
        ends = [np.minimum(m.mean + np.nan_to_num(m.half), self.most) for m in self.drawn.values()]
        flat = np.concatenate([*values, np.zeros(0)])
        top = np.concatenate([*ends, np.zeros(0)])
        flat, top = flat[np.isfinite(flat)], top[np.isfinite(top)]
        wide = bool(len(flat)) and float(flat.min()) > 0
        self.left.logarithmic = self.may_log and wide and flat.max() > 10 * flat.min()
        self.left.picture = None
        if self.left.logarithmic:
            low, high = float(np.log10(flat.min())), float(np.log10(top.max()))
            self.view().setYRange(low - 0.15, high + 0.1, padding=0)
        else:
            high = max(float(top.max(initial=0.0)), self.top, 1e-12)
            low = self._least if math.isfinite(self._least) else float(flat.min())
            room = high - low
            self.view().setYRange(low - 0.04 * room, high + 0.06 * room, padding=0)

    @property
    def _least(self) -> float:
        """The smallest figure that can be: 0, or the opposite of the largest below 0."""
        below = any(bool((means.mean < 0).any()) for means in self.drawn.values())
        return -self.most if below else 0.0

    def _scaled(self, values: Array) -> Array:
        if not self.left.logarithmic:
            return values
        with np.errstate(divide="ignore", invalid="ignore"):
            logs: Array = np.log10(values)
        return logs

    # reading off values

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Reads off values."""
        self._read(event.position().toPoint())

    def leaveEvent(self, event: QEvent) -> None:
        """Ends the read-out."""
        super().leaveEvent(event)
        self.readout.hide()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and Right read off the place before and after."""
        way = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if way is None or not self.places:
            event.ignore()
            return
        if self.readout.pointer is not None:
            self.at += way
        self.at = max(0, min(self.at, len(self.places) - 1))
        self._read(self.to_pixel(self.at, float(np.mean(self.view().viewRange()[1]))))

    def _read(self, pixel: QPoint) -> None:
        x = self.readout.over(pixel)
        if x is None or not self.places:
            self.readout.hide()
            return
        self.at = max(0, min(round(x), len(self.places) - 1))
        self.readout.show(self.reading(self.at))

    def reading(self, place: int) -> str:
        """The means at a place as HTML."""
        rows = [f"{self._x_label} {self.places[place]}"]
        for look, name in looks_of(self.session.settings, self.drawn, self.theme):
            means = self.drawn[name]
            known = not self.without or np.isfinite(means.mean[place])
            figure = number(float(means.mean[place])) if known else self.without
            words = f"{escape(name)} {figure}"
            if np.isfinite(means.half[place]):
                words += f" ± {number(float(means.half[place]), 2)}"
            rows.append(f'<span style="color:{look.text}">{words}</span>')
        return "<br>".join(rows)

    def _table(self, everything: bool) -> Table:
        header = ["arm", self._x_label, "mean", "half of the interval"]
        return header, [
            [name, self.places[place], float(means.mean[place]), float(means.half[place])]
            for name, means in self.drawn.items()
            for place in range(len(self.places))
        ]
