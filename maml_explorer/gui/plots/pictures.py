"""Picture of a plot to take away: title and caption above it, the legend below."""

from __future__ import annotations

from pyqtgraph.graphicsItems.ScatterPlotItem import Symbols
from PySide6.QtCore import QBuffer, QIODevice, QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QGraphicsView

from maml_explorer.gui.style.arm_style import ArmStyle
from maml_explorer.gui.style.qt_style import base_font
from maml_explorer.gui.style.theme import Theme
from maml_explorer.late_dataclass import dataclass

Legend = list[tuple[ArmStyle, str]]
SWATCH, ROW, GAP = 26, 24, 18
HEAD, BESIDE = 34, 10
"""Pixels of the line with the title over the plot, in usual type, and between title and caption."""


_MARKER, _USUAL_WIDTH = 8.0, 2.6
"""Pixels of a marker, and the widest line that it stands out from."""


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
    larger = _MARKER * max(style.width / _USUAL_WIDTH, 1.0)  # a thick line would swallow it
    painter.scale(larger, larger)
    if style.hollow:
        ring = QPen(color, 1.4)
        ring.setCosmetic(True)
        painter.setPen(ring)
    else:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
    painter.drawPath(Symbols[style.marker])
    painter.restore()


def png_bytes(pixmap: QPixmap) -> bytes:
    """The content of a PNG file of a picture."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    pixmap.save(buffer, "PNG")
    return bytes(buffer.data().data())


@dataclass(frozen=True)
class Picture:
    """A view on its way into a file or onto the clipboard, at its size on the screen."""

    view: QGraphicsView
    title: str
    caption: str
    """Muted words beside the title; below it where they do not fit."""
    legend: Legend
    theme: Theme

    def pixmap(self, scale: float) -> QPixmap:
        """The picture at `scale` times its size on the screen."""
        size = self._size()
        pixmap = QPixmap(size * scale)
        pixmap.setDevicePixelRatio(scale)
        pixmap.fill(QColor(self.theme.card))
        painter = QPainter(pixmap)
        self._draw(painter)
        painter.end()
        return pixmap

    def svg_bytes(self) -> bytes:
        """The content of an SVG file of the picture."""
        from PySide6.QtSvg import QSvgGenerator

        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        generator = QSvgGenerator()
        generator.setOutputDevice(buffer)
        sheet = QRect(QPoint(0, 0), self._size())
        generator.setSize(sheet.size())
        generator.setViewBox(sheet)
        generator.setTitle(self.title)
        painter = QPainter(generator)
        painter.fillRect(sheet, QColor(self.theme.card))
        self._draw(painter)
        painter.end()
        return bytes(buffer.data().data())

    def _places(self) -> list[tuple[int, int]]:
        """(x, y) of every legend entry, wrapped to the view's width."""
        metrics = QFontMetrics(base_font())
        places, x, y = [], GAP, self._head() + self.view.height() + 4
        for _, name in self.legend:
            width = SWATCH + 6 + metrics.horizontalAdvance(name)
            if x > GAP and x + width > self.view.width():
                x, y = GAP, y + _row()
            places.append((x, y))
            x += width + GAP
        return places

    def _size(self) -> QSize:
        places, view = self._places(), self.view
        return QSize(
            view.width(), places[-1][1] + _row() + 4 if places else self._head() + view.height()
        )

    def _draw(self, painter: QPainter) -> None:
        self._draw_head(painter)
        view = self.view
        view.render(
            painter, QRectF(view.rect()).translated(0, self._head()), view.viewport().rect()
        )
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(base_font())
        for (style, name), (x, y) in zip(self.legend, self._places(), strict=True):
            draw_swatch(painter, QRectF(x, y, SWATCH, _row()), style)
            painter.setPen(QColor(style.text))
            words = QRectF(x + SWATCH + 6, y, view.width(), _row())
            painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, name)

    def _draw_head(self, painter: QPainter) -> None:
        font = _title_font()
        line = QRectF(GAP, 0, self.view.width() - 2 * GAP, _line())
        painter.setFont(font)
        painter.setPen(QColor(self.theme.text))
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, self.title)
        painter.setFont(base_font())
        painter.setPen(QColor(self.theme.muted))
        below = self._caption_below()
        if not below.isEmpty():
            painter.drawText(below, Qt.TextFlag.TextWordWrap, self.caption)
            return
        line.setLeft(line.left() + QFontMetrics(font).horizontalAdvance(self.title) + BESIDE)
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, self.caption)

    def _caption_below(self) -> QRect:
        """The rectangle of a caption that has no room beside the title; empty where it has."""
        metrics, width = QFontMetrics(base_font()), self.view.width() - 2 * GAP
        title = QFontMetrics(_title_font()).horizontalAdvance(self.title)
        if title + BESIDE + metrics.horizontalAdvance(self.caption) <= width:
            return QRect()
        area = QRect(GAP, _line() - 4, width, 10_000)
        wrapped = metrics.boundingRect(area, Qt.TextFlag.TextWordWrap, self.caption)
        return QRect(GAP, _line() - 4, width, wrapped.height())

    def _head(self) -> int:
        """Pixels of title and caption over the plot."""
        below = self._caption_below()
        return _line() if below.isEmpty() else below.bottom() + 7


def _title_font() -> QFont:
    font = base_font()
    font.setPointSizeF(font.pointSizeF() + 2)
    font.setWeight(QFont.Weight.DemiBold)
    return font


def _line() -> int:
    """Pixels of the line with the title."""
    return max(HEAD, QFontMetrics(_title_font()).height() + 10)


def _row() -> int:
    """Pixels of a line of the legend."""
    return max(ROW, QFontMetrics(base_font()).height() + 4)
