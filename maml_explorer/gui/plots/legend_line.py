"""Legend above a plot: swatches and names in a line, or in two where it is narrow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from maml_explorer.gui.plots.category_plot import CategoryPlot
from maml_explorer.gui.plots.lines_plot import LinesPlot
from maml_explorer.gui.plots.pictures import SWATCH, draw_swatch
from maml_explorer.gui.style.arm_style import ArmStyle
from maml_explorer.gui.style.qt_style import base_font

GAP, BESIDE = 14, 6
_BRIEF_SWATCH = 14
_MOST_ROWS = 2


@dataclass(frozen=True)
class LegendName:
    """One name with its swatch, and where both stand."""

    swatch: QRectF
    words: QRectF
    style: ArmStyle
    name: str


class LegendLine(QWidget):
    """Draws the legend of a plot: every name, or none where they have no room.

    Args:
        plot: what it names the lines of.
        brief: name → a shorter one, where there is one.
    """

    def __init__(
        self, plot: LinesPlot | CategoryPlot, brief: Mapping[str, str] | None = None
    ) -> None:
        super().__init__()
        self.plot, self.brief = plot, brief or {}
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def below(self) -> QWidget:
        """A widget with this line and the plot below it."""
        both = QWidget()
        box = QVBoxLayout(both)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self)
        box.addWidget(self.plot, 1)
        return both

    def renew(self) -> None:
        """Takes up other lines of the plot."""
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """One line of text."""
        return QSize(100, self._row)

    def heightForWidth(self, width: int) -> int:
        """Height of as many lines as the names take."""
        return max((round(entry.words.bottom()) for entry in self.entries(width)), default=0)

    @property
    def _row(self) -> int:
        return QFontMetrics(base_font()).height() + 2

    def entries(self, width: int) -> list[LegendName]:
        """Places of the names in this width: in one row, in brief, or in two rows; else none."""
        legend = self.plot.legend()
        brief = [(style, self.brief.get(name, name)) for style, name in legend]
        for swatch, named, most in (
            (SWATCH, legend, 1), (_BRIEF_SWATCH, brief, 1), (_BRIEF_SWATCH, brief, _MOST_ROWS),
        ):  # fmt: skip
            flown = self._flow(swatch, named, width)
            if all(e.words.right() <= width and e.words.top() < most * self._row for e in flown):
                return flown
        return []

    def _flow(self, swatch: int, named: list[tuple[ArmStyle, str]], width: int) -> list[LegendName]:
        metrics, row = QFontMetrics(base_font()), self._row
        entries: list[LegendName] = []
        x, y = 4.0, 0.0
        for style, name in named:
            words = metrics.horizontalAdvance(name)
            if entries and x + swatch + BESIDE + words > width:
                x, y = 4.0, y + row
            left = x + swatch + BESIDE
            entries.append(
                LegendName(QRectF(x, y, swatch, row), QRectF(left, y, words, row), style, name)
            )
            x = left + words + GAP
        return entries

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws swatches and names from the left."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(base_font())
        for entry in self.entries(self.width()):
            swatch, style = entry.swatch, entry.style
            if isinstance(self.plot, CategoryPlot) or self.plot.markers:
                draw_swatch(painter, swatch, style)
            else:
                painter.setPen(self.plot.arm_pen(style, 1.6))
                middle = swatch.center().y()
                painter.drawLine(QPointF(swatch.left(), middle), QPointF(swatch.right(), middle))
            painter.setPen(QColor(style.text))
            words = entry.words.adjusted(0, 0, 2, 0)
            painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, entry.name)
        painter.end()
