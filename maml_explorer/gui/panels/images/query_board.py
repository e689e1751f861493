"""The query images, each with the probability that every visible arm gives each class."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QMouseEvent, QPainter, QPaintEvent, QPen

from maml_explorer.gui.panels.images.board import Board
from maml_explorer.gui.panels.images.inked import draw_badge, draw_mark, inked
from maml_explorer.gui.panels.images.words import percent
from maml_explorer.gui.plots.pictures import draw_swatch
from maml_explorer.gui.session.image_edits import class_name
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.arm_style import ArmStyle, arm_style
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.protocol.commands import Array

HEAD, GAP = 20, 8
SIZES = (76, 64, 56, 48, 40, 34, 28, 22)
"""Pixels of an image, the largest with which all fit."""
MOST_HIGH = 84
"""Pixels that bars of probability are high at most, where there is more room than for an image."""
MOST_BAR = 14
"""Pixels of a bar."""
_BADGE = 20
_APART = 10
"""Pixels between the bars of two arms."""
_LETTERED = 6
"""Pixels of a bar from which on its class's letter stands under it: as many as the letter has."""


class QueryBoard(Board):
    """Tiles: image, the class it is of, and for every arm a bar of probability for each class."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.steps: Mapping[str, int] = {}
        """Arm → the inner step whose probabilities are drawn."""
        self._bar = MOST_BAR
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

    def bar(self, size: int, room: int) -> int:
        """Pixels of one bar beside an image of so many, in a tile with that much room."""
        ways, arms = max(self.ways, 1), max(1, len(self.styles))
        each = (room - size - _BADGE - 6 - GAP) // arms - _APART
        return max(_least(ways), min(MOST_BAR, size // 2, each // ways))

    def _fitting(self) -> tuple[int, int]:
        """(pixels of an image, tiles beside each other)."""
        count, ways, arms = len(self.places()), max(self.ways, 1), max(1, len(self.styles))
        bars = arms * (_least(ways) * ways + _APART)
        columns = 1
        for size in SIZES:
            columns = max(1, self.width() // (size + _BADGE + 6 + bars + GAP))
            if HEAD + math.ceil(count / columns) * (size + GAP) <= self.height():
                return size, columns
        return SIZES[-1], columns

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws all tiles."""
        painter = QPainter(self)
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
        )
        size, columns = self._fitting()
        self.cells, self.tiles = {}, {}
        wide = self.width() // columns
        self._bar = self.bar(size, wide)
        rows = max(1, math.ceil(len(self.places()) / columns))
        high = max(size, min(MOST_HIGH, (self.height() - HEAD) // rows - GAP))
        for column in range(min(columns, len(self.places()))):
            self._draw_head(painter, column * wide + size + _BADGE + 6)
        for nth, place in enumerate(self.places()):
            x, y = (nth % columns) * wide, HEAD + (nth // columns) * (high + GAP)
            self.cells[place] = QRectF(x + 1, y + (high - size) / 2, size, size)
            self.tiles[place] = QRectF(x, y, wide, high)
            self._draw_tile(painter, nth, place, high)
        painter.end()

    def _draw_head(self, painter: QPainter, x: float) -> None:
        width = self._bar * self.ways
        for nth, style in enumerate(self.styles.values()):
            at = QRectF(x + nth * (width + _APART), 0, max(width, 14), HEAD - 4)
            draw_swatch(painter, at, style)

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
        badge = QRectF(cell.right() + 4, cell.center().y() - 9, _BADGE - 2, 18)
        draw_badge(painter, badge, class_name(label), label, theme)
        x = cell.right() + _BADGE + 6
        width = self._bar
        for name, style in self.styles.items():
            at = QRectF(x, cell.center().y() - high / 2, width * self.ways, high)
            self._draw_bars(painter, at, name, style, query, label)
            x += width * self.ways + _APART

    def _draw_bars(
        self, painter: QPainter, at: QRectF, arm: str, style: ArmStyle, query: int,
        label: int | None,
    ) -> None:  # fmt: skip
        theme, p, best = (
            self.session.theme,
            self.probability(arm, query),
            self.predicted(arm, query),
        )
        width = at.width() / max(self.ways, 1)
        lettered = width >= _LETTERED
        foot = at.bottom() - (11 if lettered else 3)
        top = at.top() + 10
        painter.setPen(QPen(QColor(theme.border), 1))
        painter.drawLine(QPointF(at.left(), foot), QPointF(at.right(), foot))
        if best is None:
            painter.setPen(QColor(theme.danger))
            painter.drawText(at, Qt.AlignmentFlag.AlignCenter, "–")
            return
        for nth, part in enumerate(p.tolist()):
            bar = QRectF(at.left() + nth * width + 0.5, 0, max(width - 1, 1), 0)
            bar.setTop(foot - part * (foot - top))
            bar.setBottom(foot)
            color = QColor(style.color)
            color.setAlphaF(1.0 if nth == best else 0.4)
            painter.fillRect(bar, color)
            if lettered:
                font = QFont(self.font())
                font.setPixelSize(9)
                font.setBold(nth == label)
                painter.setFont(font)
                painter.setPen(QColor(theme.text if nth == label else theme.muted))
                under = QRectF(bar.left() - 2, foot, bar.width() + 4, 11)
                painter.drawText(under, Qt.AlignmentFlag.AlignCenter, class_name(nth))
            if nth == label:  # the true class is underlined
                painter.fillRect(QRectF(bar.left(), foot + 0.5, bar.width(), 2), QColor(theme.text))
        if label is None:  # nobody knows whether it is right: the answer stands there in words
            painter.setFont(self.font())
            painter.setPen(QColor(theme.text))
            said = f"{class_name(best)} {percent(float(p[best]))}"
            if painter.fontMetrics().horizontalAdvance(said) > at.width() + _APART:
                said = class_name(best)  # the tooltip has the rest
            over = QRectF(at.left() - 6, at.top() - 3, at.width() + 12, 14)
            painter.drawText(over, Qt.AlignmentFlag.AlignCenter, said)
        else:
            draw_mark(
                painter, QRectF(at.center().x() - 3.5, at.top() + 1, 7, 7), best == label, theme
            )

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
    return max(2, min(6, 24 // ways))
