"""A plot as a picture or a table, to take away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pyqtgraph.graphicsItems.ScatterPlotItem import Symbols
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPixmap
from PySide6.QtSvg import QSvgGenerator

from maml_explorer.gui.style.arm_style import ArmStyle
from maml_explorer.gui.style.qt_style import base_font

if TYPE_CHECKING:
    from maml_explorer.gui.plots.plot import Plot

Legend = list[tuple[ArmStyle, str]]
SWATCH, ROW, GAP = 26, 24, 18
HEAD = 34
"""Pixels of the title over the plot."""


def draw_swatch(painter: QPainter, rect: QRectF, style: ArmStyle, alpha: float = 1.0) -> None:
    """Draws an arm's line style with its marker in the middle, as in the plots."""
    middle = rect.center()
    pen = style.pen(alpha=alpha)
    pen.setWidthF(pen.widthF() * painter.device().devicePixelRatioF())
    painter.setPen(pen)
    painter.drawLine(QPointF(rect.left(), middle.y()), QPointF(rect.right(), middle.y()))
    color = QColor(style.color)
    color.setAlphaF(alpha)
    painter.save()
    painter.translate(middle)
    painter.scale(8.0, 8.0)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawPath(Symbols[style.marker])
    painter.restore()


def picture(plot: Plot, legend: Legend, scale: float) -> QPixmap:
    """The plot with its legend below, at `scale` times its size on the screen."""
    size = _size(plot, legend)
    pixmap = QPixmap(size * scale)
    pixmap.setDevicePixelRatio(scale)
    pixmap.fill(QColor(plot.theme.card))
    painter = QPainter(pixmap)
    _draw(painter, plot, legend)
    painter.end()
    return pixmap


def save_svg(plot: Plot, legend: Legend, path: Path) -> None:
    """Writes the plot with its legend as vectors.

    Raises:
        OSError: where it cannot be written.
    """
    generator = QSvgGenerator()
    generator.setFileName(str(path))
    size = _size(plot, legend)
    generator.setSize(size)
    generator.setViewBox(QRect(0, 0, size.width(), size.height()))
    generator.setTitle(plot.accessibleName())
    painter = QPainter()
    if not painter.begin(generator):
        raise OSError(f"{path} cannot be written")
    painter.fillRect(QRect(0, 0, size.width(), size.height()), QColor(plot.theme.card))
    _draw(painter, plot, legend)
    painter.end()


def _places(plot: Plot, legend: Legend) -> list[tuple[int, int]]:
    """(x, y) of every legend entry, wrapped to the plot's width."""
    metrics = QFontMetrics(base_font())
    places, x, y = [], GAP, HEAD + plot.height() + 4
    for _, name in legend:
        width = SWATCH + 6 + metrics.horizontalAdvance(name)
        if x > GAP and x + width > plot.width():
            x, y = GAP, y + ROW
        places.append((x, y))
        x += width + GAP
    return places


def _size(plot: Plot, legend: Legend) -> QSize:
    places = _places(plot, legend)
    return QSize(plot.width(), places[-1][1] + ROW + 4 if places else HEAD + plot.height())


def _draw_head(painter: QPainter, plot: Plot) -> None:
    font = base_font()
    font.setPointSizeF(11.0)
    font.setWeight(QFont.Weight.DemiBold)
    line = QRectF(GAP, 0, plot.width() - 2 * GAP, HEAD)
    painter.setFont(font)
    painter.setPen(QColor(plot.theme.text))
    painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, plot.accessibleName())
    line.setLeft(GAP + QFontMetrics(font).horizontalAdvance(plot.accessibleName()) + 10)
    painter.setFont(base_font())
    painter.setPen(QColor(plot.theme.muted))
    words = QFontMetrics(base_font()).elidedText(
        plot.caption(), Qt.TextElideMode.ElideRight, round(line.width())
    )
    painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, words)


def _draw(painter: QPainter, plot: Plot, legend: Legend) -> None:
    _draw_head(painter, plot)
    plot.render(painter, QRectF(plot.rect()).translated(0, HEAD), plot.viewport().rect())
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setFont(base_font())
    for (style, name), (x, y) in zip(legend, _places(plot, legend), strict=True):
        draw_swatch(painter, QRectF(x, y, SWATCH, ROW), style)
        painter.setPen(QColor(style.text))
        words = QRectF(x + SWATCH + 6, y, plot.width(), ROW)
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, name)
