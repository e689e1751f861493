"""Words on the hero plot, each beside its curve and clear of the others."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPoint
from PySide6.QtGui import QFontMetricsF

from maml_explorer.gui.panels.adaptation.task_curves import TaskCurves, has_data
from maml_explorer.gui.panels.adaptation.uncovered_range import UncoveredRange
from maml_explorer.gui.plots import label_placement
from maml_explorer.gui.plots.label_placement import Box
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.plot_text import label, recolor
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.qt_style import base_font
from maml_explorer.gui.style.theme import Theme
from maml_explorer.protocol.commands import Array

EMPTY = "No support points: click to add one"
TRAIL, BRIEF_TRAIL = "the last curves before it diverged", "last before it diverged"
_HIDES, _HIDDEN = 1.0, 0.95
"""Pixels from a thick line to a thin one that it hides, and the part of this that is hidden."""
_NEAR = {"truth": 28.0, "best": 14.0}
"""Pixels between words and their curve, at most."""
UNDETERMINED = "do not determine A, φ and ω: no oracle"


class CurveLabels:
    """The labels "truth" and "best single predictor", and what an empty task says."""

    def __init__(
        self, plot: Plot, curves: TaskCurves, uncovered: UncoveredRange, session: Session
    ) -> None:
        self._plot, self._curves, self._uncovered = plot, curves, uncovered
        self._session = session
        self.boxes: dict[str, Box] = {}
        """Box of each label, in pixels; forgotten ones look for a new place."""
        self._clear: dict[str, float] = {}
        """Clearance of each box when it was chosen."""
        muted = session.theme.muted
        self.texts = {name: label("", muted) for name in ("truth", "best", "empty", "ghost")}
        for text in self.texts.values():
            text.setZValue(40)
            plot.getPlotItem().addItem(text, ignoreBounds=True)
            text.hide()

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`."""
        for name, text in self.texts.items():
            ground = theme.card if name in ("empty", "ghost") else None
            muted = name in ("best", "ghost")
            recolor(text, theme.muted if muted else theme.text, ground)
        # where curves are everywhere it lies on some
        recolor(self.texts["best"], theme.muted, theme.card, veil=150)

    def forget(self) -> None:
        """Takes the words away until they have a place: their curves are elsewhere now."""
        self.boxes.clear()
        for name in ("truth", "best"):
            self.texts[name].hide()

    def drop_gone(self) -> None:
        """Takes away at once the words of a curve that is not drawn any more."""
        shown = self._curves
        for name, curve in (("truth", shown.truth), ("best", shown.best)):
            if not has_data(curve):
                self.texts[name].hide()
                self.boxes.pop(name, None)

    def place(self) -> None:
        """Puts the words beside their curves, where no curve, point or other label is."""
        plot, shown = self._plot, self._curves
        area = plot.area()
        if not plot.isVisible() or area.width() < 60:
            return
        ground = Box(area.left() + 2, area.top() + 2, area.width() - 4, area.height() - 4)
        curves = shown.drawn()
        samples = max((len(curve.yData) for curve in curves), default=0)
        curves = [curve for curve in curves if len(curve.yData) == samples]
        rows = {curve: plot.to_pixels(curve.xData, curve.yData) for curve in curves}
        drawn = np.array([row[1] for row in rows.values()]).reshape(len(rows), samples)
        points = np.stack(plot.to_pixels(*shown.points()), axis=1)
        arms = set(shown.arms.values())
        taken: list[Box] = [*self._uncovered.box, *self._place_ghost(ground)]
        words = {"truth": ("truth",), "best": self._best_words()}
        for name, curve in (("truth", shown.truth), ("best", shown.best)):
            text = self.texts[name]
            seen = curve in rows and not _covered(
                rows[curve][1], [rows[c][1] for c in rows if c in arms]
            )
            text.setVisible(seen)
            if not seen:  # words without a line that anybody sees are a riddle
                self.boxes.pop(name, None)
                continue
            x, own = rows[curve]
            box, said = self.boxes.get(name), text.toPlainText()
            # It stays where it is as long as nothing comes near: words that hop are hard to read.
            if (
                box is None
                or not _inside(box, ground)  # names at the right end, or the axis, got wider
                or said not in words[name]
                or box.width != _size(said)[0]
                or label_placement.clearance(box, x, drawn, points, taken) < self._clear[name]
            ):
                found = []
                for each in words[name]:
                    size, wanted = _size(each), 0.8 if name == "truth" else 0.4
                    found.append(
                        label_placement.spot(
                            size, own, ground, x, drawn, points, taken, wanted, _NEAR[name]
                        )
                    )
                    if found[-1][1] >= 0:
                        break
                clear = [min(clear, label_placement.ENOUGH) for _, clear in found]
                chosen = clear.index(max(clear))
                box, self._clear[name] = found[chosen][0], clear[chosen]
                text.setText(words[name][chosen])
            self.boxes[name] = box
            lost = name == "best" and self._clear[name] < 0
            if lost or any(box.gap(other) < -1 for other in taken):
                text.hide()  # words on curves or words, or far from their own, are worse than none
                continue
            taken.append(box)
            text.setPos(*plot.to_data(QPoint(round(box.left), round(box.top))))
        self._place_empty(ground)
        self._place_trails(ground)

    def _place_empty(self, ground: Box) -> None:
        text, probe = self.texts["empty"], self._curves.probe
        count = -1 if probe is None else len(probe.support_x)
        words = EMPTY if count == 0 else ""
        tasks = self._session.settings.tasks
        if 0 < count < 3 and tasks.family == "sine" and tasks.frequency_varies:
            words = f"{count} point{'s' if count > 1 else ''} {UNDETERMINED}"
        text.setVisible(bool(words))
        text.setText(words)
        left = ground.left + (ground.width - _size(words)[0]) / 2
        text.setPos(*self._plot.to_data(QPoint(round(left), round(ground.top + 6))))

    def _place_ghost(self, ground: Box) -> list[Box]:
        """Says at the bottom which run is drawn faint; the box of it, which others keep clear of.

        Words on the last curves before a divergence come after the others: they may be left out.
        """
        ghost, text = self._session.pins.faint, self.texts["ghost"]
        text.hide()
        if ghost is None or not self._curves.ghosts:
            return []
        box = self._say_faint(ghost.wordings, ground, self._uncovered.box)
        return [] if box is None else [box]

    def _place_trails(self, ground: Box) -> None:
        if not self._curves.trails:
            return
        ghost, text = self._session.pins.faint, self.texts["ghost"]
        named = ghost.wordings if ghost is not None and text.isVisible() else ()
        wordings = [f"{words} · {TRAIL}" for words in named]
        wordings += [f"{words} · {BRIEF_TRAIL}" for words in named]
        # words on words are worse than none, and so is the name of that run on these curves
        text.hide()
        taken = [*self._uncovered.box, *self.boxes.values()]
        self._say_faint([*wordings, TRAIL, BRIEF_TRAIL], ground, taken)

    def _say_faint(self, wordings: Sequence[str], ground: Box, taken: list[Box]) -> Box | None:
        """Says it in the first free corner, the lower left one before all; None where none is.

        Args:
            wordings: the longest that has room is taken; none is cut.
        """
        text, room = self.texts["ghost"], ground.width - 8
        fitting = (f"faint: {one}" for one in wordings)
        said = next((one for one in fitting if _size(one)[0] <= room), "")
        if not said:
            return None
        width, height = _size(said)
        low, right = ground.bottom - height - 4, ground.right - width - 4
        for top, left in itertools.product((low, ground.top + 4), (ground.left + 4, right)):
            box = Box(left, top, width, height)
            if all(box.gap(other) >= 0 for other in taken):
                text.setText(said)
                text.setPos(*self._plot.to_data(QPoint(round(box.left), round(box.top))))
                text.show()
                return box
        return None

    def _best_words(self) -> tuple[str, ...]:
        """The words, the longest first: shorter ones find room where many curves are."""
        report = self._curves.report
        formula = "" if report is None else report.best_single_formula
        whole = f"best single predictor  {formula}".rstrip()
        return tuple(dict.fromkeys((whole, "best single predictor", "best predictor")))


def _inside(box: Box, ground: Box) -> bool:
    across = ground.left <= box.left and box.right <= ground.right
    return across and ground.top <= box.top and box.bottom <= ground.bottom


def _covered(own: Array, above: list[Array]) -> bool:
    """True where curves [sample] above one hide nearly all of it."""
    there = np.isfinite(own)
    if not above or not there.any():
        return False
    apart = np.fmin.reduce(np.abs(np.array(above) - own)[:, there])
    return bool((apart <= _HIDES).mean() > _HIDDEN)


def _size(words: str) -> tuple[float, float]:
    metrics = QFontMetricsF(base_font())
    return metrics.horizontalAdvance(words) + 4, metrics.height() + 2
