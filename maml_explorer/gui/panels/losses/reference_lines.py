"""Dotted lines at the exact reference losses, with their words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt

from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.plot_text import label, recolor
from maml_explorer.gui.style.numbers import number
from maml_explorer.gui.style.theme import Theme
from maml_explorer.protocol.images import ClassReferences
from maml_explorer.protocol.reports import MetaTested, ReferenceLosses

_APART = 16
"""Pixels between two reference labels."""


def reference_words(
    known: ReferenceLosses | ClassReferences | None,
    test: MetaTested | None = None,
    held_out: bool = False,
) -> list[tuple[float, str]]:
    """(value, words) of the reference lines, the upper one first; equal ones are one.

    With noise the Bayes-optimal answer is one of them, once a meta-test has measured it.

    Args:
        held_out: whether the figure of the meta-test is drawn, not a loss of training.
    """
    if known is None:
        return []
    if isinstance(known, ClassReferences):
        return _of_classes(known, test, held_out)
    noise = " with σ²" if known.noise_variance > 0 else ""
    zero, best = known.predict_zero, known.best_single
    floor = []
    if test is not None and test.bayes is not None:
        value, half = test.bayes
        words = f"Bayes {number(value)} ± {number(half, 2)}{noise}"
        floor = [(value, words)]
    if abs(zero - best) <= 1e-3 * abs(zero):
        return [(zero, f"predict 0 = best single: {number(zero)}{noise}"), *floor]
    return [
        (zero, f"predict 0: {number(zero)}{noise}"),
        (best, f"best single predictor: {number(best)}{noise}"),
        *floor,
    ]


def _of_classes(
    known: ClassReferences, test: MetaTested | None, held_out: bool
) -> list[tuple[float, str]]:
    if not held_out:
        return [(known.loss, f"chance, ln {known.ways} = {number(known.loss)}")]
    chance = (known.accuracy, f"chance, 1/{known.ways}")
    if test is None or test.neighbour is None:
        return [chance]
    return [(test.neighbour, f"nearest by pixels {number(test.neighbour)}"), chance]


class ReferenceLines:
    """Dotted lines with words that keep clear of each other and of the border."""

    def __init__(self, plot: Plot) -> None:
        self._plot = plot
        self.lines = [pg.InfiniteLine(angle=0, movable=False) for _ in range(3)]
        self.labels = [label("", plot.theme.muted, plot.theme.card) for _ in range(3)]
        for z, items in ((5, self.lines), (40, self.labels)):
            for item in items:
                item.setZValue(z)
                plot.getPlotItem().addItem(item, ignoreBounds=True)
                item.hide()

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`."""
        for line, text in zip(self.lines, self.labels, strict=True):
            line.setPen(self._plot.pen(theme.muted, Qt.PenStyle.DotLine))
            recolor(text, theme.muted, theme.card, veil=150)

    def draw(self, found: Sequence[tuple[float, str]], log_y: bool) -> None:
        """Puts lines at (value, words) and the words where they belong in the plot's range."""
        (left, right), (low, high) = self._plot.view().viewRange()
        area = self._plot.area()
        spots: list[float] = []
        for nth, (line, text) in enumerate(zip(self.lines, self.labels, strict=True)):
            value = found[nth][0] if nth < len(found) else np.nan
            if log_y:
                value = np.log10(value) if value > 0 else np.nan
            visible = bool(low <= value <= high) and area.width() > 60
            line.setVisible(visible)
            text.setVisible(visible)
            if not visible:
                continue
            line.setPos(value)
            text.setText(found[nth][1])
            pixel = area.top() + (high - value) / (high - low) * area.height()
            # Above its own line, unless that is where the other words or the border are.
            above = pixel - _APART >= area.top() and all(abs(pixel - s) >= _APART for s in spots)
            spots.append(pixel if above else pixel + _APART)
            text.setAnchor((1.0, 1.0) if above else (1.0, 0.0))
            text.setPos(right - 0.01 * (right - left), value)
