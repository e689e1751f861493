"""The query images, each with the probability that every visible arm gives each class."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QMouseEvent, QPainter, QPaintEvent, QPen

from maml_explorer.gui.panels.images.board import Board
from maml_explorer.gui.panels.images.inked import draw_badge, draw_mark, inked
from maml_explorer.gui.panels.images.words import percent
from maml_explorer.gui.plots.pictures import draw_swatch
from maml_explorer.gui.session.image_edits import class_name
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.arm_style import ArmStyle, arm_style
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.protocol.commands import Array

GAP = 8
"""Pixels between two tiles, and between the columns of bars of two arms."""
LARGEST = 200
"""Pixels of an image at most."""
BAR = 0.16
"""Width of a bar as a part of the image's, where there is the room."""
MOST_HIGH = 84
"""Pixels that bars of probability are high at most, where an image is no higher."""
_LOWEST = 32
"""Pixels of an image below which bars rather go without letters."""
_LOW = 3.5
"""Lines of words that a tile is high at least if the letters of the classes stand in it."""


@dataclass(frozen=True)
class Tiling:
    """Pixels of the tiles' parts."""

    columns: int
    size: int
    """Side of an image."""
    bar: int
    high: int
    """Height of a tile."""
    head: int
    """Height of what stands over each column of tiles."""


class QueryBoard(Board):
    """Tiles: image, the class it is of, and for every arm a bar of probability for each class."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.steps: Mapping[str, int] = {}
        """Arm → the inner step whose probabilities are drawn."""
        self.tiling = Tiling(1, 22, 2, 22, 22)
        self.tiles: dict[int, QRectF] = {}
        """Place in the task → its image and bars."""
        self.setAccessibleName("Query images")
        self.setMouseTracking(True)

    def sizeHint(self) -> QSize:
        """Room for some tiles."""
        return QSize(320, 240)

    def show_steps(self, steps: Mapping[str, int]) -> None:
        """Draws the probabilities after these inner steps."""
        self.steps = steps
        self.setAccessibleDescription(self.in_words())
        self.update()

    def places(self) -> range:
        """The query set."""
        task = self.task
        count = 0 if task is None else len(task.support)
        return range(count, count + (0 if task is None else len(task.query)))

    @property
    def styles(self) -> dict[str, ArmStyle]:
        """The arms that are drawn, in the order of the chips."""
        settings, theme = self.session.settings, self.session.theme
        arms = {} if self.report is None else self.report.arms
        return {
            arm.name: arm_style(settings, arm, theme)
            for arm in settings.arms
            if arm.name in arms and arm.name not in self.session.hidden
        }

    def probability(self, arm: str, query: int) -> Array:
        """[class] at the inner step that is drawn."""
        assert self.report is not None
        found = self.report.arms[arm].probability
        one: Array = found[min(self.steps.get(arm, 0), len(found) - 1), query]
        return one

    def predicted(self, arm: str, query: int) -> int | None:
        """The most probable class; None where the arm diverged."""
        p = self.probability(arm, query)
        return int(np.argmax(p)) if np.isfinite(p).all() else None

    def in_words(self) -> str:
        """Answers of every visible arm to each image, for screen readers."""
        parts = []
        for query, place in enumerate(self.places()):
            said = ", ".join(
                f"{name} {class_name(self.predicted(name, query))}" for name in self.styles
            )
            parts.append(f"Image of class {class_name(self.label_of(place))}: {said}.")
        return " ".join(parts)

    # layout

    @property
    def line(self) -> int:
        """Pixels of a line of words."""
        return self.fontMetrics().height()

    @property
    def letter(self) -> int:
        """Pixels of the widest letter of a class, in bold."""
        bold = QFont(self.font())
        bold.setBold(True)
        width = QFontMetrics(bold).horizontalAdvance
        return max(width(class_name(nth)) for nth in range(max(self.ways, 1)))

    @property
    def lettered(self) -> bool:
        """True where bars have room for their classes' letters: below, or once in the head."""
        return self.tiling.bar >= self.letter

    @property
    def low(self) -> bool:
        """True where tiles are too low for the letters, so that these stand in the head."""
        return self.tiling.high < _LOW * self.line

    def _fitting(self) -> Tiling:
        """The tiles whose images are largest; bars have letters if that leaves images a size."""
        with_letters = self._largest(self.letter)
        if with_letters.size >= min(_LOWEST, self._largest(_least(self.ways)).size):
            return with_letters
        return self._largest(_least(self.ways))

    def _largest(self, least: int) -> Tiling:
        """The tiles with the largest images beside bars of at least so many pixels."""
        count = max(len(self.places()), 1)
        return max((self._tiling(n, least) for n in range(1, count + 1)), key=lambda t: t.size)

    def _tiling(self, columns: int, least: int) -> Tiling:
        """The tiles of so many columns."""
        count, arms = max(len(self.places()), 1), max(len(self.styles), 1)
        bars = arms * max(self.ways, 1)
        room = self.width() // columns - self._beside() - GAP * (1 + arms)
        rows, head = math.ceil(count / columns), self.line + 4
        high = (self.height() - head) // rows - GAP
        if high < _LOW * self.line:
            head += self.line
            high = (self.height() - head) // rows - GAP
        size = min(int(room / (1 + bars * BAR)), room - bars * least, high, LARGEST)
        bar = min((room - size) // bars, max(least, int(1.5 * BAR * size)))
        return Tiling(columns, size, max(bar, 2), min(high, max(MOST_HIGH, int(1.35 * size))), head)

    def _beside(self) -> int:
        """Pixels from an image to its bars: the badge is there."""
        return self.line + 12

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws all tiles."""
        painter = QPainter(self)
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
        )
        self.cells, self.tiles = {}, {}
        self.tiling = tiling = self._fitting()
        size, high = max(tiling.size, 1), max(tiling.high, 1)
        wide, head = self.width() // tiling.columns, tiling.head
        for column in range(min(tiling.columns, len(self.places()))):
            self._draw_head(painter, column * wide + size + self._beside())
        for nth, place in enumerate(self.places()):
            x = (nth % tiling.columns) * wide
            y = head + (nth // tiling.columns) * (high + GAP)
            self.cells[place] = QRectF(x + 1, y + (high - size) / 2, size, size)
            self.tiles[place] = QRectF(x, y, wide, high)
            self._draw_tile(painter, nth, place, high)
        painter.end()

    def _draw_head(self, painter: QPainter, x: float) -> None:
        bar = self.tiling.bar
        for style in self.styles.values():
            wide = min(max(bar * self.ways, 14), 3 * self.line)
            middle = x + bar * self.ways / 2
            draw_swatch(painter, QRectF(middle - wide / 2, 0, wide, self.line), style)
            for nth in range(self.ways if self.low and self.lettered else 0):
                self._draw_letter(painter, QRectF(x + nth * bar, 0, bar, self.line), nth, False)
            x += bar * self.ways + GAP

    def _draw_tile(self, painter: QPainter, query: int, place: int, high: int) -> None:
        theme, report, cell = self.session.theme, self.report, self.cells[place]
        if report is None:
            return
        label = self.label_of(place)
        painter.drawImage(cell, inked(report.images[place], theme))
        pen = QPen(QColor(theme.border), 1)
        if place == self.chosen:
            pen = QPen(QColor(theme.accent), 2.4 if self.hasFocus() else 1.6)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(cell, 3, 3)
        painter.setFont(self.font())
        side = self.line + 4
        badge = QRectF(cell.right() + 4, cell.center().y() - side / 2, side, side)
        draw_badge(painter, badge, class_name(label), label, theme)
        x = cell.right() + self._beside()
        width = self.tiling.bar * self.ways
        for name, style in self.styles.items():
            at = QRectF(x, cell.center().y() - high / 2, width, high)
            self._draw_bars(painter, at, name, style, query, label)
            x += width + GAP

    def _draw_bars(
        self, painter: QPainter, at: QRectF, arm: str, style: ArmStyle, query: int,
        label: int | None,
    ) -> None:  # fmt: skip
        theme, p = self.session.theme, self.probability(arm, query)
        best = self.predicted(arm, query)
        width, mark = at.width() / max(self.ways, 1), self._mark()
        below = self.lettered and not self.low
        foot = at.bottom() - (self.line if below else 3)
        top = at.top() + (self.line if label is None else mark + 3)
        painter.setPen(QPen(QColor(theme.border), 1))
        painter.drawLine(QPointF(at.left(), foot), QPointF(at.right(), foot))
        if best is None:
            painter.setPen(QColor(theme.danger))
            painter.drawText(at, Qt.AlignmentFlag.AlignCenter, "–")
            return
        for nth, part in enumerate(p.tolist()):
            bar = QRectF(at.left() + nth * width + 0.5, 0, max(width - 1, 1), 0)
            bar.setTop(foot - part * max(foot - top, 1))
            bar.setBottom(foot)
            color = QColor(style.color)
            color.setAlphaF(1.0 if nth == best else 0.4)
            painter.fillRect(bar, color)
            if below:
                self._draw_letter(painter, bar, nth, nth == label)
            if nth == label:  # the true class is underlined
                painter.fillRect(QRectF(bar.left(), foot + 0.5, bar.width(), 2), QColor(theme.text))
        if label is None:  # nobody knows whether it is right: the answer stands there in words
            self._draw_answer(painter, at, best, float(p[best]))
        else:
            sign = QRectF(at.center().x() - mark / 2, at.top() + 1, mark, mark)
            draw_mark(painter, sign, best == label, theme)

    def _mark(self) -> float:
        """Pixels of a tick or a cross."""
        return min(0.7 * self.line, 0.2 * self.tiling.high)

    def _draw_letter(self, painter: QPainter, bar: QRectF, nth: int, true: bool) -> None:
        """Draws the letter of a class under its bar."""
        theme, font = self.session.theme, QFont(self.font())
        font.setBold(true)
        painter.setFont(font)
        painter.setPen(QColor(theme.text if true else theme.muted))
        under = QRectF(bar.left() - 2, bar.bottom() + 1, bar.width() + 4, self.line)
        painter.drawText(under, Qt.AlignmentFlag.AlignCenter, class_name(nth))

    def _draw_answer(self, painter: QPainter, at: QRectF, best: int, part: float) -> None:
        """Draws the class that an arm answers over its bars, with its probability if it fits."""
        painter.setFont(self.font())
        painter.setPen(QColor(self.session.theme.text))
        said = f"{class_name(best)} {percent(part)}"
        if painter.fontMetrics().horizontalAdvance(said) > at.width() + GAP:
            said = class_name(best)  # the tooltip has the rest
        over = QRectF(at.left() - GAP / 2, at.top(), at.width() + GAP, self.line)
        painter.drawText(over, Qt.AlignmentFlag.AlignCenter, said)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Has the tooltip say the probabilities of the image whose tile is pointed at."""
        super().mouseMoveEvent(event)
        at = event.position()
        found = (place for place, tile in self.tiles.items() if tile.contains(at))
        place = None if self.report is None else next(found, None)
        self.setToolTip(plain_tip("" if place is None else self.tip(place)))

    def tip(self, place: int) -> str:
        """The probabilities of one image in words."""
        query = place - self.places()[0]
        lines = [f"Class {class_name(self.label_of(place))}"]
        for name in self.styles:
            p = self.probability(name, query)
            said = ", ".join(f"{class_name(n)} {percent(float(v))}" for n, v in enumerate(p))
            lines.append(f"{name}: {said}")
        return "\n".join(lines)


def _least(ways: int) -> int:
    """Pixels that a bar has at least, among so many."""
    return max(2, min(6, 24 // max(ways, 1)))
