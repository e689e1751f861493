"""Images of a task as pictures in the window's colours."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from maml_explorer.gui.style.theme import Theme


def inked(image: NDArray[np.uint8], theme: Theme) -> QImage:
    """An image [side, side], 255 full ink, as ink of the text's colour on the card's."""
    side = image.shape[0]
    ground, ink = QColor(theme.card), QColor(theme.text)
    picture = QImage(bytes(np.ascontiguousarray(image)), side, side, side,
                     QImage.Format.Format_Indexed8)  # fmt: skip
    table = []
    for level in range(256):
        part = level / 255
        parts = (
            round(a + (b - a) * part)
            for a, b in zip(ground.getRgb()[:3], ink.getRgb()[:3], strict=True)  # type: ignore[index]
        )
        table.append(QColor(*parts).rgb())
    picture.setColorTable(table)
    return picture.convertToFormat(QImage.Format.Format_RGB32)


def class_color(nth: int, theme: Theme) -> QColor:
    """The colour of a class; its letter stands beside it wherever it is used."""
    hue = (0.08 + 0.618034 * nth) % 1
    light = 0.62 if theme.dark else 0.42
    return QColor.fromRgbF(*colorsys.hls_to_rgb(hue, light, 0.55))


def draw_badge(painter: QPainter, at: QRectF, letter: str, nth: int | None, theme: Theme) -> None:
    """A class's letter in a frame of its colour; dashed and grey where no class is known."""
    color = QColor(theme.muted) if nth is None else class_color(nth, theme)
    pen = QPen(color, 1.6)
    if nth is None:
        pen.setStyle(Qt.PenStyle.DotLine)
    painter.setPen(pen)
    tint = QColor(color)
    tint.setAlphaF(0.16)
    painter.setBrush(tint)
    painter.drawRoundedRect(at, 4, 4)
    painter.setPen(QColor(theme.text))
    painter.drawText(at, Qt.AlignmentFlag.AlignCenter, letter)


def draw_mark(painter: QPainter, at: QRectF, right: bool, theme: Theme) -> None:
    """A tick for right, a cross for wrong."""
    pen = QPen(QColor(theme.fine if right else theme.danger), max(1.8, at.height() / 6))
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    x, y, w, h = at.x(), at.y(), at.width(), at.height()
    if right:
        painter.drawPolyline(
            [QPointF(x, y + 0.55 * h), QPointF(x + 0.38 * w, y + h), QPointF(x + w, y + 0.05 * h)]
        )
    else:
        painter.drawLine(QPointF(x, y), QPointF(x + w, y + h))
        painter.drawLine(QPointF(x + w, y), QPointF(x, y + h))
