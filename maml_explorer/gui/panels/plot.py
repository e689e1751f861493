"""What all plots share: colours, axes whose labels never overlap, and a menu of our own."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QContextMenuEvent, QFont, QFontMetricsF, QPainter, QPen, QPixmap
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QWidget

from maml_explorer.gui.theme import Theme, base_font
from maml_explorer.gui.ticks import linear_ticks, log_ticks

Table = tuple[Sequence[str], Iterable[Sequence[object]]]
"""Column names and rows, as written to a CSV file."""


class NumberAxis(pg.AxisItem):
    """An axis with 1-2-5 ticks, thin-space thousands and no overlapping labels, linear or log."""

    def __init__(self, orientation: str, *, whole: bool = False) -> None:
        super().__init__(orientation)
        self.whole = whole
        self.logarithmic = False
        """True where positions are log10 of the value; the caller hands log10 values to items."""
        self._labels: list[str] = []
        self.setTickFont(base_font())
        self.setStyle(tickLength=0, tickAlpha=255, tickTextOffset=6, hideOverlappingLabels=False)
        self.enableAutoSIPrefix(False)

    def tickValues(self, low: float, high: float, pixels: float) -> list[tuple[Any, list[float]]]:
        """The ticks of one level; pyqtgraph calls this when it draws."""
        if self.logarithmic:
            values, self._labels = log_ticks(low, high, pixels, self._room)
        else:
            values, self._labels = linear_ticks(low, high, pixels, self._room, self.whole)
        return [(None, values)]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """The labels of the ticks placed last."""
        return list(self._labels)

    def boundingRect(self) -> QRectF:
        """Where the axis draws: a label at an end reaches half its size beyond it."""
        across, down = (0, 8) if self.orientation in ("left", "right") else (13, 0)
        rect: QRectF = super().boundingRect()
        return rect.adjusted(-across, -down, across, down)

    def _room(self, labels: list[str]) -> float:
        metrics = QFontMetricsF(self.style["tickFont"])
        if self.orientation in ("left", "right"):
            return 2.0 * metrics.height()
        return max((metrics.horizontalAdvance(label) for label in labels), default=0.0) + 34.0


class Plot(pg.PlotWidget):
    """A plot in the colours of the theme.

    Args:
        theme: the colours to begin with; `restyle` changes them.
        name: accessible name, and the file name that saving proposes.
        x_label: words under the x axis; empty for none.
        y_label: words beside the y axis; empty for none.
        whole_x: the x axis counts something.
        movable: the wheel zooms and a drag pans; a double click shows everything again.
    """

    def __init__(
        self,
        theme: Theme,
        name: str,
        x_label: str = "",
        y_label: str = "",
        *,
        whole_x: bool = False,
        movable: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        self.bottom = NumberAxis("bottom", whole=whole_x)
        self.left = NumberAxis("left")
        super().__init__(parent, axisItems={"bottom": self.bottom, "left": self.left})
        self.theme = theme
        self.table: Callable[[], Table] | None = None
        """What "Save CSV" writes; no such menu line where it is None."""
        self._x_label, self._y_label = x_label, y_label
        self.setAccessibleName(name)
        self.setMinimumSize(120, 90)
        self.setFrameShape(self.Shape.NoFrame)
        item = self.getPlotItem()
        item.setMenuEnabled(False)
        item.hideButtons()
        item.setMouseEnabled(movable, movable)
        item.disableAutoRange()
        item.getViewBox().setDefaultPadding(0.0)
        # A label that ends at the border needs half its width beside the axis.
        item.layout.setContentsMargins(2, 8, 14, 2)
        for axis in (self.bottom, self.left):
            # Below the curves: pyqtgraph draws the grid over them.
            axis.setZValue(-1000)
        self.restyle(theme)

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`; panels call their own curves' restyling after it."""
        self.theme = theme
        self.setBackground(QColor(theme.card))
        for axis in (self.bottom, self.left):
            axis.setPen(_pen(theme.muted))
            axis.setTextPen(_pen(theme.muted))
            axis.setTickPen(_pen(theme.grid))
            axis.setGrid(255)
        self.label_x(self._x_label)
        self.label_y(self._y_label)

    def label_x(self, text: str) -> None:
        """Sets the words under the x axis."""
        self._x_label = text
        self._label(self.bottom, text)

    def label_y(self, text: str) -> None:
        """Sets the words beside the y axis."""
        self._y_label = text
        self._label(self.left, text)

    def _label(self, axis: NumberAxis, text: str) -> None:
        if text:
            axis.setLabel(text, color=self.theme.muted, **{"font-size": "9pt"})
        else:
            axis.showLabel(False)

    def view(self) -> pg.ViewBox:
        """The box that maps data to pixels."""
        return self.getPlotItem().getViewBox()

    def to_pixel(self, x: float, y: float) -> QPoint:
        """Where a point of the data lies in this widget."""
        scene = self.view().mapViewToScene(pg.Point(x, y))
        pixel: QPoint = self.mapFromScene(scene)
        return pixel

    def to_data(self, pixel: QPoint) -> tuple[float, float]:
        """The data under a pixel of this widget."""
        point = self.view().mapSceneToView(self.mapToScene(pixel))
        return float(point.x()), float(point.y())

    def area(self) -> QRectF:
        """The rectangle inside the axes, in pixels of this widget."""
        return QRectF(self.mapFromScene(self.view().sceneBoundingRect()).boundingRect())

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Opens the plot's menu."""
        self.menu().exec(event.globalPos())

    def menu(self) -> QMenu:
        """Copy picture, save as PNG, SVG or CSV."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Copy picture", self.copy_picture)
        menu.addAction("Save PNG…", lambda: self._ask("PNG picture (*.png)", self.save_png))
        menu.addAction("Save SVG…", lambda: self._ask("SVG picture (*.svg)", self.save_svg))
        if self.table is not None:
            menu.addAction("Save CSV…", lambda: self._ask("CSV table (*.csv)", self.save_csv))
        return menu

    def picture(self, scale: float = 2.0) -> QPixmap:
        """The plot as it is now, at `scale` times its size on the screen."""
        pixmap = QPixmap(self.size() * scale)
        pixmap.setDevicePixelRatio(scale)
        pixmap.fill(QColor(self.theme.card))
        painter = QPainter(pixmap)
        self.render(painter, QRectF(self.rect()), self.viewport().rect())
        painter.end()
        return pixmap

    def copy_picture(self) -> None:
        """Puts the picture on the clipboard."""
        QApplication.clipboard().setPixmap(self.picture())

    def save_png(self, path: Path) -> None:
        """Writes the picture, twice as large as on the screen.

        Raises:
            OSError: where it cannot be written.
        """
        if not self.picture().save(str(path), "PNG"):
            raise OSError(f"{path} cannot be written")

    def save_svg(self, path: Path) -> None:
        """Writes the picture as vectors."""
        generator = QSvgGenerator()
        generator.setFileName(str(path))
        generator.setSize(self.size())
        generator.setViewBox(QRect(QPoint(0, 0), self.size()))
        generator.setTitle(self.accessibleName())
        painter = QPainter()
        if not painter.begin(generator):
            raise OSError(f"{path} cannot be written")
        self.render(painter, QRectF(self.rect()), self.viewport().rect())
        painter.end()

    def save_csv(self, path: Path) -> None:
        """Writes what is drawn as a table."""
        if self.table is None:
            return
        header, rows = self.table()
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows(rows)

    def _ask(self, kind: str, save: Callable[[Path], None]) -> None:
        suffix = kind[kind.index("*") + 1 : -1]
        name = self.accessibleName().lower().replace(" ", "-") + suffix
        chosen, _ = QFileDialog.getSaveFileName(self, "Save", name, kind)
        if not chosen:
            return
        path = Path(chosen)
        try:
            save(path if path.suffix else path.with_suffix(suffix))
        except OSError as error:
            # No dialog over a running window: the words appear where the person just looked.
            self.setToolTip(f"Not saved: {error}. Choose another folder.")
        else:
            self.setToolTip("")


def label(text: str, color: str, ground: str | None = None, *, bold: bool = False) -> pg.TextItem:
    """A text on a plot, in the window's font; `ground` is drawn behind it, nearly opaque."""
    item = pg.TextItem(text, color=color, anchor=(0, 0), fill=pg.mkBrush(_veil(ground)))
    font = QFont(base_font())
    font.setBold(bold)
    item.setFont(font)
    item.textItem.document().setDocumentMargin(1.0)
    return item


def recolor(item: pg.TextItem, color: str, ground: str | None = None, veil: int = 235) -> None:
    """Gives a label the colours of another theme; `veil` is how opaque the ground is, of 255."""
    item.setColor(QColor(color))
    item.fill = pg.mkBrush(_veil(ground, veil))
    item.update()


def _veil(ground: str | None, alpha: int = 235) -> QColor:
    color = QColor(ground or "#000000")
    color.setAlpha(0 if ground is None else alpha)
    return color


def thin_pen(color: str, style: Qt.PenStyle = Qt.PenStyle.SolidLine, width: float = 1.0) -> QPen:
    """A cosmetic pen for reference curves."""
    return _pen(color, width, style)


def _pen(color: str, width: float = 1.0, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
    pen = QPen(QColor(color))
    pen.setWidthF(width)
    pen.setStyle(style)
    pen.setCosmetic(True)
    return pen
