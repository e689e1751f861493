"""Plot in the colours of the theme, with axes whose labels never overlap and a menu of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pyqtgraph as pg
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QFontMetricsF,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QSizePolicy, QWidget

from maml_explorer.files.writer import write_bytes
from maml_explorer.gui.plots.axis import NumberAxis
from maml_explorer.gui.plots.hover import Hover
from maml_explorer.gui.plots.line_ends import LineEnds
from maml_explorer.gui.plots.open_table import show_table
from maml_explorer.gui.plots.pictures import Picture, png_bytes
from maml_explorer.gui.plots.plot_frame import PlotFrame, PlotView
from maml_explorer.gui.plots.plot_text import fitting
from maml_explorer.gui.plots.saved_event import FileSaved
from maml_explorer.gui.plots.table import Table, save_table
from maml_explorer.gui.style.arm_style import ArmStyle, round_dots
from maml_explorer.gui.style.qt_style import base_font
from maml_explorer.gui.style.theme import Theme
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.protocol.commands import Array

_LOW = 8
"""Lines of text that a plot is high where the words below its x axis are left out."""


class Plot(PlotView):
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
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        # it is the view inside that moves, not the whole picture
        self.enableMouse(False)
        self._frame = PlotFrame(self.left, self.bottom, movable)
        self.setCentralItem(self._frame)
        self.theme = theme
        self._ink: float | None = None
        self.caption: Callable[[], str] = str
        """Words of a saved picture beside the plot's name."""
        self.paper_labels = ("", "")
        """(x, y) words for pictures where the axes have none on the screen."""
        self.table: Callable[[bool], Table] | None = None
        """The numbers shown, or all of them; no such menu lines where it is None."""
        self._x_label, self._y_label = x_label, y_label
        self.setAccessibleName(name)
        self.setMinimumSize(120, 90)
        self.setFrameShape(self.Shape.NoFrame)
        self.hover = Hover()
        """Its read-out: pictures leave it out."""
        self.ends = LineEnds(self._frame)
        self.restyle(theme)

    def getPlotItem(self) -> PlotFrame:
        """The inside, which items are added to; named as in pyqtgraph's own plots."""
        return self._frame

    @property
    def ink(self) -> float:
        """Device pixels per pixel: Qt's cosmetic pens count the former."""
        return self.devicePixelRatioF() if self._ink is None else self._ink

    @property
    def pictured(self) -> bool:
        """True while it is drawn for a picture, which may be of vectors."""
        return self._ink is not None

    def pen(
        self, color: str, style: Qt.PenStyle = Qt.PenStyle.SolidLine, width: float = 1.0
    ) -> QPen:
        """A pen for lines of this plot."""
        pen = QPen(QColor(color))
        pen.setWidthF(width * self.theme.line_scale * self.ink)
        pen.setStyle(style)
        if style is Qt.PenStyle.DotLine:
            round_dots(pen)
        pen.setCosmetic(True)
        return pen

    def dot(self, size: float) -> float:
        """Pixels of a point that has `size` of them at the desk; larger for the back row."""
        return size * self.theme.line_scale

    def arm_pen(self, style: ArmStyle, width: float | None = None, alpha: float = 1.0) -> QPen:
        """The pen of an arm's curve on this plot."""
        pen = style.pen(None if width is None else width * self.theme.line_scale, alpha)
        pen.setWidthF(pen.widthF() * self.ink)
        if pen.style() is not Qt.PenStyle.SolidLine:
            # Gaps as wide as they are meant: what lies below shows through them.
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        return pen

    def legend(self) -> list[tuple[ArmStyle, str]]:
        """(style, name) of the arms that are drawn; pictures have it below the plot."""
        return []

    def further_legend(self) -> list[tuple[ArmStyle, str]]:
        """(style, name) of what else a picture must explain, such as points."""
        return []

    def event(self, event: QEvent) -> bool:
        """Redraws on a screen with other pixels."""
        if event.type() is QEvent.Type.DevicePixelRatioChange:
            self.take_colors(self.theme)
        return bool(super().event(event))

    def take_colors(self, theme: Theme) -> None:
        """Draws everything in the colours of `theme`."""
        self.restyle(theme)

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme` for ground and axes."""
        self.theme = theme
        self.setBackground(QColor(theme.card))
        for axis in (self.bottom, self.left):
            if axis.style["tickFont"] != base_font():
                axis.setTickFont(base_font())
                # pyqtgraph keeps the room of larger labels
                axis.textWidth = 10
            axis.setPen(self.pen(theme.muted))
            axis.setTextPen(self.pen(theme.muted))
            axis.setTickPen(self.pen(theme.grid))
            axis.setGrid(255)
        self.label_x(self._x_label)
        self.label_y(self._y_label)
        self.ends.leave_room()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leaves out words of axes where they leave too little room to the curves."""
        super().resizeEvent(event)
        if hasattr(self, "_y_label"):  # Qt sends the first one from the base class
            self._show_labels()

    def _show_labels(self) -> None:
        line = QFontMetricsF(base_font()).lineSpacing()
        below = self.height() >= _LOW * line  # axes may not be laid out yet
        room = self.height() - line * (2.6 if below and self._x_label else 1.6)
        y, x = self._y_label, self._x_label
        y, x = (y, x) if self.pictured else (fitting(y, room), x if below else "")
        for axis, words in ((self.left, y), (self.bottom, x)):
            if words not in ("", axis.labelText):
                self._label(axis, words)
            if bool(words) != axis.label.isVisible():
                axis.showLabel(bool(words))

    def label_x(self, text: str) -> None:
        """Sets the words under the x axis."""
        self._x_label = text
        self._label(self.bottom, text)
        self._show_labels()

    def label_y(self, text: str) -> None:
        """Sets the words beside the y axis; shorter ones where it is low."""
        self._y_label = text
        self._label(self.left, text)
        self._show_labels()

    def _label(self, axis: NumberAxis, text: str) -> None:
        if text:
            axis.setLabel(text, color=self.theme.muted, **{"font-size": f"{self.theme.points:g}pt"})
        else:
            axis.showLabel(False)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Frames the plot where the keyboard has reached it."""
        super().focusInEvent(event)
        self._show_focus(event.reason() is not Qt.FocusReason.MouseFocusReason)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Takes the frame away."""
        super().focusOutEvent(event)
        self._show_focus(False)

    def _show_focus(self, shown: bool) -> None:
        color = QColor(self.theme.accent) if shown else QColor(0, 0, 0, 0)
        self.view().setBorder(pg.mkPen(color, width=1.5))

    def view(self) -> pg.ViewBox:
        """The box that maps data to pixels."""
        return self._frame.getViewBox()

    def to_pixel(self, x: float, y: float) -> QPoint:
        """The pixel of this widget at a point of the data."""
        scene = self.view().mapViewToScene(pg.Point(x, y))
        pixel: QPoint = self.mapFromScene(scene)
        return pixel

    def to_pixels(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Pixels of this widget at points (x, y) [point] of the data."""
        area, ((left, right), (low, high)) = self.area(), self.view().viewRange()
        across = area.left() + (x - left) / (right - left) * area.width()
        return across, area.top() + (high - y) / (high - low) * area.height()

    def to_data(self, pixel: QPoint) -> tuple[float, float]:
        """The data under a pixel of this widget."""
        point = self.view().mapSceneToView(self.mapToScene(pixel))
        return float(point.x()), float(point.y())

    def area(self) -> QRectF:
        """The rectangle inside the axes, in pixels of this widget."""
        return QRectF(self.mapFromScene(self.view().geometry()).boundingRect())

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Opens the plot's menu, and ends the read-out: no word comes of a pointer that leaves."""
        self.hover.hide()
        self.menu().exec(event.globalPos())

    def menu(self) -> QMenu:
        """Copy picture, save as PNG, SVG or CSV."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Copy picture", self.copy_picture)
        menu.addAction("Save PNG…", lambda: self._ask("PNG picture (*.png)", self.save_png))
        menu.addAction("Save SVG…", lambda: self._ask("SVG picture (*.svg)", self.save_svg))
        if self.table is not None:
            csv = "CSV table (*.csv)"
            menu.addAction("Save CSV of what is shown…", lambda: self._ask(csv, self.save_csv))
            everything = partial(self.save_csv, everything=True)
            menu.addAction("Save CSV of all…", lambda: self._ask(csv, everything))
            menu.addSeparator()
            menu.addAction("Show as table…", self.show_table)
        return menu

    def picture(self, scale: float = 2.0) -> QPixmap:
        """The plot and its legend as they are now, at `scale` times the size on the screen."""
        with self._inked(scale):
            return self._picture().pixmap(scale)

    def copy_picture(self) -> None:
        """Puts the picture on the clipboard."""
        QApplication.clipboard().setPixmap(self.picture())

    def save_png(self, path: Path) -> None:
        """Writes the picture, twice as large as on the screen.

        Raises:
            OSError: where it cannot be written.
        """
        write_bytes(path, png_bytes(self.picture()), follow=True)

    def save_svg(self, path: Path) -> None:
        """Writes the picture as vectors.

        Raises:
            OSError: where it cannot be written.
        """
        with self._inked(1.0):
            content = self._picture().svg_bytes()
        write_bytes(path, content, follow=True)

    def show_table(self) -> QWidget | None:
        """Opens the numbers that are shown in a window of their own."""
        if self.table is None:
            return None
        return show_table(self.accessibleName(), self.table(False), self)

    def save_csv(self, path: Path, everything: bool = False) -> None:
        """Writes what is shown as a table, or everything there is.

        Raises:
            OSError: where it cannot be written.
        """
        if self.table is not None:
            save_table(self.table(everything), path)

    def _picture(self) -> Picture:
        legend = [*self.legend(), *self.further_legend()]
        return Picture(self, self.accessibleName(), self.caption(), legend, self.theme)

    @contextmanager
    def _inked(self, ratio: float) -> Iterator[None]:
        """Draws with pens for a picture of so many pixels per pixel of the screen."""
        self._ink = ratio
        pointer = self.hover.pointer
        self.hover.hide()
        words = self._x_label, self._y_label
        self._x_label, self._y_label = (
            own or paper for own, paper in zip(words, self.paper_labels, strict=True)
        )
        self._redraw()
        try:
            yield
        finally:
            self._ink = None
            self._x_label, self._y_label = words
            self.hover.pointer = pointer
            self._redraw()

    def _redraw(self) -> None:
        self.take_colors(self.theme)
        self._frame.layout.activate()
        self.settle()

    def settle(self) -> None:
        """Puts what depends on the plot's size in its place at once, as before a picture."""

    def _ask(self, kind: str, save: Callable[[Path], None]) -> None:
        suffix = kind[kind.index("*") + 1 : -1]
        name = self.accessibleName().lower().replace(" ", "-") + suffix
        chosen, _ = QFileDialog.getSaveFileName(self, "Save", name, kind)
        if not chosen:
            return
        path = Path(chosen)
        path = path if path.suffix else path.with_suffix(suffix)
        try:
            save(path)
        except OSError as error:
            # No dialog over a running window: the words appear where the user just looked.
            self.setToolTip(plain_tip(f"Not saved: {error.strerror}. Choose another place."))
        else:
            self.setToolTip("")
            QCoreApplication.sendEvent(self.window(), FileSaved(path))
