"""Dotted lines at the exact reference losses, with their words."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, QSizeF, Qt
from PySide6.QtGui import QFontMetricsF

from maml_explorer.gui.plots.label_placement import (
    ENOUGH,
    NO_POINTS,
    Array,
    Box,
    clearance,
    resampled,
)
from maml_explorer.gui.plots.line_ends import LineEnd
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.plot_text import label, recolor
from maml_explorer.gui.style.numbers import number
from maml_explorer.gui.style.qt_style import base_font
from maml_explorer.gui.style.theme import Theme
from maml_explorer.protocol.images import ClassReferences
from maml_explorer.protocol.reports import MetaTested, ReferenceLosses

_SPOTS = tuple((part, row) for part in (1.0, 0.0, 0.5) for row in (-1, 0))
"""(part of the free width left of the words, rows that they stand below their line), best first."""
_INSET = 3
_NAME = re.compile(r" ?[:,=].*| predictor.*| by pixels.*| [0-9.]+ ±.*")
"""End of a line's words, behind its name."""


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
    single = "the mean" if known.constant else "best predictor"
    constant = "predict the mean" if known.constant else "best single predictor"
    if abs(zero - best) <= 1e-3 * abs(zero):
        return [(zero, f"predict 0 = {single}: {number(zero)}{noise}"), *floor]
    return [
        (zero, f"predict 0: {number(zero)}{noise}"),
        (best, f"{constant}: {number(best)}{noise}"),
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
    """Dotted lines with words beside them, clear of data, of each other and of the border."""

    def __init__(self, plot: Plot) -> None:
        self._plot = plot
        self.lines = [pg.InfiniteLine(angle=0, movable=False) for _ in range(3)]
        self.labels = [label("", plot.theme.muted, plot.theme.card) for _ in range(3)]
        for z, items in ((5, self.lines), (40, self.labels)):
            for item in items:
                item.setZValue(z)
                plot.getPlotItem().addItem(item, ignoreBounds=True)
                item.hide()
        self.boxes: list[Box | None] = [None] * len(self.labels)
        """Box of each visible label, in pixels."""
        self.unsaid: list[tuple[float, str]] = []
        """(y in the plot's own units, words) of lines in sight beside which they have no room."""
        self._spots = [_SPOTS[0]] * len(self.labels)
        self._known: object = None
        self._at_ends: set[str] = set()
        """Words that had no room once: their names stay where the lines end."""

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`."""
        for line, text in zip(self.lines, self.labels, strict=True):
            line.setPen(self._plot.pen(theme.muted, Qt.PenStyle.DotLine))
            recolor(text, theme.muted, theme.card, veil=150)

    def _pixel(self, value: float, log_y: bool) -> float:
        """Height of a value, in pixels from the top."""
        low, high = self._plot.view().viewRange()[1]
        area = self._plot.area()
        if log_y:
            value = float(np.log10(value)) if value > 0 else np.nan
        return float(area.top() + (high - value) / (high - low) * area.height())

    def draw(
        self,
        found: Sequence[tuple[float, str]],
        log_y: bool,
        curves: Sequence[tuple[Array, Array]] = (),
        taken: Sequence[Box] = (),
        faint: Sequence[tuple[Array, Array]] = (),
    ) -> None:
        """Puts lines at (value, words), and the words beside them where they cover nothing.

        Words without room are shorter, or left out: `ends` has their names, the read-out has all.

        Args:
            found: (value, words).
            log_y: the plot's y are logarithms of the values.
            curves: (x, y) [sample] in pixels, x rising.
            taken: boxes of other words.
            faint: curves that words lie on where they have no other room.
        """
        (left, right), (low, high) = self._plot.view().viewRange()
        area = self._plot.area()
        ways = [resampled(drawn, area.left(), area.right())
                for drawn in ([*curves, *faint], curves)]  # fmt: skip
        others = list(taken)
        pixels = [self._pixel(value, log_y) for value, _ in found]
        self.boxes, self.unsaid = [None] * len(self.labels), []
        # names at the ends take room from the plot, so words that came back would go again
        known = [words for _, words in found], self._plot.size()
        if known != self._known:
            self._known, self._at_ends = known, set()
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
            placed = None
            if found[nth][1] not in self._at_ends:
                placed = self._placed(nth, found[nth][1], text, pixels, ways, others)
            text.setVisible(placed is not None)
            if placed is None:
                self.unsaid.append((float(value), found[nth][1]))
                self._at_ends.add(found[nth][1])
                continue
            spot, box = placed
            self._spots[nth] = spot
            self.boxes[nth] = box
            others.append(box)
            anchor = (spot[0], -float(spot[1]))
            if tuple(text.anchor) != anchor:
                text.setAnchor(anchor)
            inset = _INSET / area.width() * (right - left)
            text.setPos(left + inset + spot[0] * (right - left - 2 * inset), value)

    @property
    def ends(self) -> list[LineEnd]:
        """Short names of the lines that have no words, for where they end."""
        color = self._plot.theme.muted
        return [LineEnd(_NAME.sub("", words), color, y) for y, words in self.unsaid]

    def _placed(
        self,
        nth: int,
        words: str,
        text: pg.TextItem,
        pixels: Sequence[float],
        ways: Sequence[tuple[Array, Array]],
        others: list[Box],
    ) -> tuple[tuple[float, int], Box] | None:
        """(spot, box) of the longest wording that has room beside line `nth`; it is written.

        Args:
            ways: (x, rows) of what is to be kept clear, each used where there is no room before.
        """
        area, before = self._plot.area(), self._spots[nth]
        wordings = _fitting(words, area.width() - 2 * _INSET)
        for drawn, wording in itertools.product(ways, wordings):
            text.setText(wording)
            size = text.textItem.boundingRect().size()
            spots = _of_its_line(_SPOTS, nth, pixels, size.height())
            # They stay where they cover nothing: words that hop are hard to read.
            if before in spots:
                spots = (before, *spots)
            best: tuple[tuple[float, int], Box] | None = None
            most = 0.0
            for spot in spots:
                box = _box(spot, pixels[nth], size, area)
                room = _room(box, *drawn, others, area)
                if (spot == before and room >= 0) or room >= ENOUGH:
                    return spot, box
                if room >= most:
                    best, most = (spot, box), room
            if best is not None:
                return best
        return None


def _of_its_line(
    spots: tuple[tuple[float, int], ...], nth: int, pixels: Sequence[float], height: float
) -> tuple[tuple[float, int], ...]:
    """Spots without those between its line and one nearby: words there could be of either.

    Args:
        spots: of the words of line `nth`.
        nth: number of the line, the upper ones first.
        pixels: heights of all lines.
        height: pixels of a row of words.
    """
    near = 2.5 * height
    above = nth > 0 and pixels[nth] - pixels[nth - 1] < near
    below = nth + 1 < len(pixels) and pixels[nth + 1] - pixels[nth] < near
    if above == below:
        return spots
    return tuple(spot for spot in spots if (spot[1] < 0) == below)


def _fitting(words: str, room: float) -> list[str]:
    """`words` and shorter wordings, the longest first: those that fit into `room` pixels."""
    font = base_font().key()
    plain = words.replace(" with σ²", "")
    short = plain.replace("best single predictor:", "best single").replace(" single p", " p")
    wordings = (words, plain, short, re.sub(" = [^:]*", "", short))
    return [one for one in dict.fromkeys(wordings) if _width(one, font) + 4 <= room]


@lru_cache(64)
def _width(words: str, _: str) -> float:
    """Pixels of words in the font that has this key: measuring takes longer than drawing them."""
    return QFontMetricsF(base_font()).horizontalAdvance(words)


def _box(spot: tuple[float, int], pixel: float, size: QSizeF, area: QRectF) -> Box:
    """Box of words of a `size` beside the line at `pixel`."""
    part, row = spot
    across = area.left() + _INSET + part * (area.width() - size.width() - 2 * _INSET)
    return Box(across, pixel + row * size.height(), size.width(), size.height())


def _room(box: Box, x: Array, rows: Array, others: list[Box], area: QRectF) -> float:
    """Pixels from a box to what is drawn, at most ENOUGH; less than 0 where it covers something."""
    if box.top < area.top() or box.bottom > area.bottom() or box.left < area.left():
        return -np.inf
    return min(clearance(box, x, rows, NO_POINTS, others), ENOUGH)
