"""Legend above a plot: swatches and names in one line."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from maml_explorer.gui.plots.category_plot import CategoryPlot
from maml_explorer.gui.plots.lines_plot import LinesPlot
from maml_explorer.gui.plots.pictures import SWATCH, draw_swatch
from maml_explorer.gui.style.qt_style import base_font

GAP = 14


class LegendLine(QWidget):
    """Draws the legend of a plot; what does not fit is left to the read-out."""

    def __init__(self, plot: LinesPlot | CategoryPlot) -> None:
        super().__init__()
        self.plot = plot
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def below(self) -> QWidget:
        """A widget with this line and the plot below it."""
        both = QWidget()
        box = QVBoxLayout(both)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self)
        box.addWidget(self.plot, 1)
        return both

    def sizeHint(self) -> QSize:
        """One line of text."""
        return QSize(100, QFontMetrics(base_font()).height() + 2)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws swatches and names from the left."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(base_font())
        metrics, x = QFontMetrics(base_font()), 4.0
        for style, name in self.plot.legend():
            width = SWATCH + 6 + metrics.horizontalAdvance(name)
            if x + width > self.width():
                break
            swatch = QRectF(x, 0, SWATCH, self.height())
            if isinstance(self.plot, CategoryPlot) or self.plot.markers:
                draw_swatch(painter, swatch, style)
            else:
                painter.setPen(self.plot.arm_pen(style, 1.6))
                middle = swatch.center().y()
                painter.drawLine(QPointF(swatch.left(), middle), QPointF(swatch.right(), middle))
            painter.setPen(QColor(style.text))
            words = QRectF(x + SWATCH + 6, 0, width, self.height())
            painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, name)
            x += width + GAP
        painter.end()
