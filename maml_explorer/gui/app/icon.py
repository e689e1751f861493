"""The program's icon, drawn: three curves that bend to one task from one initialization."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap, QPolygonF

from maml_explorer.algorithms import ALGORITHMS


def app_icon() -> QIcon:
    """The icon, at the sizes that desktops ask for."""
    icon = QIcon()
    for size in (16, 24, 32, 48, 64, 128, 256):
        icon.addPixmap(_drawn(size))
    return icon


def _drawn(size: int) -> QPixmap:
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(size / 64, size / 64)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor("#ffffff"))
    painter.drawRoundedRect(QRectF(1, 1, 62, 62), 14, 14)
    for name, height in (("mtl", 6.0), ("anil", 12.0), ("maml", 19.0)):
        pen = QPen(QColor(ALGORITHMS[name].color), 4.5)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        points = [QPointF(x, 32 - height * math.sin((x - 32) / 7.5)) for x in range(9, 56)]
        painter.drawPolyline(QPolygonF(points))
    painter.end()
    return pixmap
