"""Lines that accuracies are compared with: guessing, nearest neighbour by pixels, seen classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt

from maml_explorer.gui.panels.adaptation_speed.statistics import SpeedLine
from maml_explorer.gui.plots.label_placement import NO_POINTS, Box, spot
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.plot_text import label, recolor
from maml_explorer.gui.style.arm_style import ArmStyle
from maml_explorer.gui.style.theme import Theme
from maml_explorer.protocol.images import ClassReferences
from maml_explorer.protocol.reports import MetaTested

CHANCE, NEIGHBOUR = "chance", "nearest by pixels"
SEEN = "dotted: seen classes"
"""Words on the thin lines, which have no label of their own."""


class ClassLines:
    """Straight lines with words, and a thin line per arm for classes that it was trained on."""

    def __init__(self, plot: Plot) -> None:
        self._plot = plot
        self.lines = {name: pg.InfiniteLine(angle=0, movable=False) for name in (CHANCE, NEIGHBOUR)}
        self.words = {name: label("", plot.theme.muted, plot.theme.card) for name in self.lines}
        self.seen: dict[str, pg.PlotCurveItem] = {}
        self._log_y = False
        for z, items in ((4, self.lines), (35, self.words)):
            for item in items.values():
                item.setZValue(z)
                item.hide()
                plot.getPlotItem().addItem(item, ignoreBounds=True)

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`."""
        for name, line in self.lines.items():
            line.setPen(self._plot.pen(theme.muted, Qt.PenStyle.DashLine))
            recolor(self.words[name], theme.muted, theme.card, veil=150)

    def values(self, references: object, test: MetaTested | None) -> dict[str, float]:
        """Name → accuracy of what is known: nothing before a test, and nothing without classes."""
        if test is None or not isinstance(references, ClassReferences):
            return {}
        found = {CHANCE: references.accuracy}
        if test.neighbour is not None:
            found[NEIGHBOUR] = test.neighbour
        return found

    def draw(
        self, references: object, test: MetaTested | None, styles: Mapping[str, ArmStyle],
        log_y: bool,
    ) -> None:  # fmt: skip
        """Draws all that is known."""
        self._log_y = log_y
        values = self.values(references, test)
        for name, line in self.lines.items():
            value = values.get(name)
            line.setVisible(value is not None)
            self.words[name].setVisible(value is not None)
            if value is not None:
                line.setPos(np.log10(value) if log_y and value > 0 else value)
                self.words[name].setText(f"{name} {100 * value:.0f} %")
        seen = test.seen if test is not None and values else {}
        wanted = [name for name in styles if name in seen]
        for name in set(self.seen) - set(wanted):
            self._plot.getPlotItem().removeItem(self.seen.pop(name))
        for name in wanted:
            if name not in self.seen:
                self.seen[name] = pg.PlotCurveItem(antialias=True)
                self.seen[name].setZValue(8)
                self._plot.getPlotItem().addItem(self.seen[name], ignoreBounds=True)
            mean = np.array([np.nan if one is None else one for one in seen[name].mean])
            with np.errstate(divide="ignore", invalid="ignore"):
                shown = np.log10(mean) if log_y else mean
            pen = self._plot.pen(styles[name].color, Qt.PenStyle.DotLine, 1.2)
            self.seen[name].setPen(pen)
            self.seen[name].setData(np.arange(len(mean), dtype=float), shown, connect="finite")

    @property
    def said(self) -> list[str]:
        """Words on the straight lines, written or not."""
        return [self.words[name].toPlainText() for name, at in self.lines.items() if at.isVisible()]

    def place(self, lines: Iterable[SpeedLine]) -> None:
        """Puts the words beside their lines, clear of lines, markers and other words.

        Where there is no such place the line has none: the readings name it.
        """
        plot, area = self._plot, self._plot.area()
        (left, right), (low, high) = plot.view().viewRange()
        x = np.arange(area.left(), max(area.right(), area.left() + 2.0), 2.0)
        at = left + (x - area.left()) / max(area.width(), 1) * (right - left)
        flat = {n: np.full(len(x), line.value()) for n, line in self.lines.items()}
        seen = [item.getData() for item in self.seen.values()]
        with np.errstate(divide="ignore", invalid="ignore"):
            means = [(d.step, np.log10(d.mean) if self._log_y else d.mean) for d in lines]
        drawn = [np.interp(at, *one) for one in (*means, *seen) if len(one[0])]
        drawn += [flat[name] for name, line in self.lines.items() if line.isVisible()]
        rows = area.top() + (high - np.array(drawn)) / (high - low) * area.height()
        markers = [plot.to_pixels(*line) for line in means]
        points = np.concatenate([NO_POINTS, *(np.stack(each, axis=1) for each in markers)])
        taken: list[Box] = []
        whole = Box(area.left(), area.top(), area.width(), area.height())
        for name, text in self.words.items():
            if not self.lines[name].isVisible():
                continue
            size = text.textItem.boundingRect().size()
            own = area.top() + (high - flat[name]) / (high - low) * area.height()
            box, clear = spot(
                (size.width(), size.height()), own, whole, x, rows, points, taken, wanted=1.0
            )
            text.setVisible(clear >= 0)
            if clear < 0:
                continue
            taken.append(box)
            text.setAnchor((0.0, 0.0))
            text.setPos(
                left + (box.left - area.left()) / max(area.width(), 1) * (right - left),
                high - (box.top - area.top()) / max(area.height(), 1) * (high - low),
            )
