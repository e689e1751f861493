"""The plane of an embedding, with every image drawn where the network puts it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from maml_explorer.gui.panels.images.inked import class_color, inked
from maml_explorer.gui.session.image_edits import class_name
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.qt_style import base_font
from maml_explorer.protocol.insight_records.embedding import EmbeddingSeen

LARGEST, SMALLEST = 30.0, 14.0
"""Pixels on a side of an image."""
_BADGE = 11.0
_ROOM = 1.6
"""Distance between two images at which neither covers the other, in their sides, about."""


class EmbeddingBoard(QWidget):
    """Images at their points: thick frames are the support set, a cross is a wrong class.

    The frame's colour is the class; its letter stands beside the image, for those who see no
    colours.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.seen: EmbeddingSeen | None = None
        self.step = 0
        self.cells: list[QRectF] = []
        """[image]: where it is drawn."""
        self._pictures: list[QImage] = []
        self.setFont(base_font(8))
        self.setAccessibleName("Embedding of the images")

    def sizeHint(self) -> QSize:
        """Width of an insight tab."""
        return QSize(600, 200)

    def show_seen(self, seen: EmbeddingSeen, step: int) -> None:
        """Draws a record at an inner step."""
        if seen is not self.seen:
            self._pictures = []
        self.seen, self.step = seen, step
        self.update()

    def restyle(self) -> None:
        """Takes the colours of the theme."""
        self._pictures = []
        self.update()

    def words_at(self, at: QPointF) -> str:
        """Words on the image that is drawn there; empty for nothing."""
        seen = self.seen
        if seen is None:
            return ""
        for nth in reversed(range(len(self.cells))):
            if self.cells[nth].contains(at):
                name = class_name(seen.label[nth])
                kind = "support" if nth < seen.shots else "query"
                told = int(seen.told[self.step, nth])
                words = f"{kind} image of class {name} ({seen.names[seen.label[nth]]})"
                return words + ("" if told == seen.label[nth] else f", told as {class_name(told)}")
        return ""

    def event(self, event: QEvent) -> bool:
        """Says which image is under the pointer."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            words = self.words_at(QPointF(event.pos()))
            if words:
                QToolTip.showText(event.globalPos(), words, self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the images."""
        seen, theme = self.seen, self.session.theme
        if seen is None:
            return
        if not self._pictures:
            self._pictures = [inked(image, theme) for image in seen.images]
        self._place(seen)
        painter = QPainter(self)
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
        )
        count = len(self.cells)
        # the support set above the query images
        for nth in (*range(seen.shots, count), *range(seen.shots)):
            self._draw(painter, seen, nth)
        painter.end()

    def _place(self, seen: EmbeddingSeen) -> None:
        """Cells of all images: one scale for all inner steps, so that the slider moves them."""
        points = seen.points
        low, high = points.min((0, 1)), points.max((0, 1))
        crowd = np.sqrt(self.width() * self.height() / max(points.shape[1], 1)) / _ROOM
        size = float(np.clip(crowd, SMALLEST, LARGEST))
        room = np.array([self.width() - size - _BADGE, self.height() - size - 2.0])
        span = np.where(high > low, high - low, 1.0)
        at = (points[self.step] - low) / span * room
        self.cells = [QRectF(float(x) + 1, float(room[1] - y) + 1, size, size) for x, y in at]

    def _draw(self, painter: QPainter, seen: EmbeddingSeen, nth: int) -> None:
        cell, label, theme = self.cells[nth], seen.label[nth], self.session.theme
        painter.drawImage(cell, self._pictures[nth])
        color = class_color(label, theme)
        support = nth < seen.shots
        painter.setPen(QPen(color, 2.4 if support else 1.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(cell, 3, 3)
        painter.setPen(QColor(theme.text if support else theme.muted))
        # whole letters: an E that is cut below reads as F
        height = painter.fontMetrics().height()
        beside = QRectF(cell.right() + 1, cell.top() - 2, _BADGE, height)
        painter.drawText(beside, Qt.TextFlag.TextDontClip, class_name(label))
        if int(seen.told[self.step, nth]) != label:
            painter.setPen(QPen(QColor(theme.danger), 1.6))
            painter.drawLine(cell.topLeft(), cell.bottomRight())
            painter.drawLine(cell.topRight(), cell.bottomLeft())
