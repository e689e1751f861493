"""The legend where arms live: a chip per arm, with its marker, line style and query MSE."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFont,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractButton, QWidget

from maml_explorer.gui.plots.pictures import draw_swatch
from maml_explorer.gui.style.arm_style import ArmStyle
from maml_explorer.gui.style.numbers import rounded_to_fit
from maml_explorer.gui.style.qt_style import base_font
from maml_explorer.gui.style.theme import LIGHT, Theme
from maml_explorer.gui.widgets.controls import label
from maml_explorer.gui.widgets.plain_tip import plain_tip

_HEIGHT, _BESIDE_TEXT, _GAP = 26, 4, 6
"""Pixels: the least height of a chip, what it is higher than its text, and between two rows."""


def chip_height(widget: QWidget) -> int:
    """Pixels of the height of a chip in the type of a widget."""
    return max(_HEIGHT, widget.fontMetrics().height() + _BESIDE_TEXT)


@dataclass(frozen=True)
class Measures:
    """Pixels of a chip's parts, from left to right."""

    left: int
    swatch: int
    name: int
    """Before the name."""
    value: int
    """Before the value."""
    arrow: int
    """The part that opens the menu."""
    bold: bool
    gap: int
    """To the next chip."""
    widest: str
    """The value that there is room for, whichever stands there: chips never move for a digit."""


DENSITIES = (
    Measures(9, 22, 6, 6, 21, True, 6, "0.00000"),
    Measures(7, 18, 5, 5, 14, True, 5, "0.0000"),
    Measures(4, 13, 4, 4, 14, False, 4, "0.000"),
)
"""From roomy to dense: the first with which the chips need the fewest rows is used."""


@dataclass(frozen=True)
class _Name:
    """A chip's name as it is written, measured once: values change many times a second."""

    font: QFont
    metrics: QFontMetrics
    text: str
    width: int


class ArmChip(QAbstractButton):
    """One arm: click shows or hides it; right click, the arrow or Alt+Down opens its menu."""

    menu_wanted = Signal(QPoint)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self.value = ""
        self.style_of_arm: ArmStyle | None = None
        self.theme: Theme = LIGHT
        self.overridden = False
        self.alarmed = False
        """True where the arm has diverged."""
        self._shown: tuple[object, ...] = ()
        self._tip = ""
        self.measures = DENSITIES[0]
        self._names: dict[bool, _Name] = {}
        """Bold or not → the name in that font."""
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFont(base_font())

    def show_arm(
        self, style: ArmStyle, theme: Theme, value: str, shown: bool, overridden: bool, tip: str,
        alarmed: bool = False, figure: str = "query MSE",
    ) -> None:  # fmt: skip
        """Draws the arm in this style with this value; nothing happens where all is as before."""
        face = (style, theme, shown, overridden, alarmed, figure)
        if (face, value, tip) == (self._shown, self.value, self._tip):
            return
        same, self._shown = face == self._shown, face
        self.style_of_arm, self.theme, self.value, self.alarmed = style, theme, value, alarmed
        if overridden != self.overridden:
            self.overridden = overridden
            self._names.clear()
        self.setChecked(shown)
        self._tip = tip  # with figures that change at every move of a drag
        seen = f"{'shown' if shown else 'hidden'}{', diverged' if alarmed else ''}"
        self.setAccessibleName(f"{self.name}, {figure} {value}, {seen}")
        self.update(self._value_room() if same else self.rect())

    def toolTip(self) -> str:
        """Text of what the arm is and what its value says, in lines."""
        return plain_tip(self._tip)

    def event(self, event: QEvent) -> bool:
        """Writes the tooltip when it is about to be seen."""
        if event.type() is QEvent.Type.ToolTip:
            self.setToolTip(plain_tip(self._tip))
        return bool(super().event(event))

    def sizeHint(self) -> QSize:
        """Room for the name and the widest value: no value ever moves the chips."""
        return QSize(self.width_in(self.measures), chip_height(self))

    def width_in(self, size: Measures) -> int:
        """Pixels that the chip needs in these measures."""
        name = self._name(size)
        value = name.metrics.horizontalAdvance(size.widest)
        return size.left + size.swatch + size.name + name.width + size.value + value + size.arrow

    def pack(self, measures: Measures) -> None:
        """Takes these measures; the row gives it the room."""
        if measures is not self.measures:
            self.measures = measures
            self.update()

    def _name(self, size: Measures) -> _Name:
        if size.bold not in self._names:
            font = self.font()
            font.setBold(size.bold)
            metrics = QFontMetrics(font)
            # The asterisk says that the arm has settings of its own.
            whole = self.name + ("*" if self.overridden else "")
            text = metrics.elidedText(whole, Qt.TextElideMode.ElideRight, 160)
            self._names[size.bold] = _Name(font, metrics, text, metrics.horizontalAdvance(text))
        return self._names[size.bold]

    def changeEvent(self, event: QEvent) -> None:
        """Measures the name in its new font."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            self._names.clear()

    def _arrow(self) -> QRect:
        width = self.measures.arrow
        return QRect(self.width() - width, 0, width, self.height())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The arrow opens the menu; the rest is a click."""
        left = event.button() is Qt.MouseButton.LeftButton
        if left and self._arrow().contains(event.position().toPoint()):
            self.menu_wanted.emit(self.mapToGlobal(QPoint(0, self.height())))
            event.accept()
        else:
            super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return shows and hides too; Alt+Down opens the menu."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        elif event.key() == Qt.Key.Key_Down and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self.menu_wanted.emit(self.mapToGlobal(QPoint(0, self.height())))
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Opens the menu."""
        self.menu_wanted.emit(event.globalPos())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws border, swatch, name, value and arrow; the value alone where no more is asked."""
        if self.style_of_arm is None:
            return
        # what lies behind need not be redrawn many times a second; a stylesheet takes this back
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        painter, room = QPainter(self), self._value_room()
        ground = QColor(self.theme.hover if self.underMouse() else self.theme.card)
        name, shown = self._name(self.measures), self.isChecked()
        if room.contains(event.rect()):
            painter.fillRect(room, ground)
        else:
            self._draw_frame(painter, ground)
            self._draw_name(painter, name)
            self._draw_arrow(painter)
        painter.setFont(name.font if shown else self.font())
        text = self.style_of_arm.text if shown else self.theme.muted
        painter.setPen(QColor(self.theme.danger if self.alarmed else text))
        self._draw_value(painter, room)
        painter.end()

    def _value_room(self) -> QRect:
        """Pixels that the value is drawn in, within the border."""
        size = self.measures
        left = size.left + size.swatch + size.name + self._name(size).width + size.value
        return QRect(left, 2, self.width() - left - size.arrow, self.height() - 4)

    def _draw_frame(self, painter: QPainter, ground: QColor) -> None:
        theme = self.theme
        painter.fillRect(self.rect(), QColor(theme.card))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        edge = theme.accent if self.hasFocus() else theme.border
        edge = theme.danger if self.alarmed else edge
        painter.setPen(QPen(QColor(edge), 1.5 if self.alarmed else 1))
        painter.setBrush(ground)
        around = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(around, around.height() / 2, around.height() / 2)

    def _draw_name(self, painter: QPainter, name: _Name) -> None:
        assert self.style_of_arm is not None
        size, style, shown = self.measures, self.style_of_arm, self.isChecked()
        swatch = QRectF(size.left, 0, size.swatch, self.height())
        draw_swatch(painter, swatch, style, 1.0 if shown else 0.35)
        painter.setFont(name.font)
        painter.setPen(QColor(style.text if shown else self.theme.muted))
        left = size.left + size.swatch + size.name
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRect(left, 0, self.width(), self.height()), middle, name.text)

    def _draw_value(self, painter: QPainter, room: QRect) -> None:
        """Draws the value in its room: fewer decimals, then narrower; a longer word as a cross."""
        width, across = painter.fontMetrics(), room.width()
        text = rounded_to_fit(self.value, lambda one: width.horizontalAdvance(one) <= across)
        wide = width.horizontalAdvance(text)
        if wide > across and text.endswith("diverged"):
            text, wide = "✕", 0
        painter.save()
        painter.translate(room.left(), 0)
        painter.scale(min(1.0, across / max(wide, 1)), 1.0)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRect(0, 0, self.width(), self.height()), middle, text)
        painter.restore()

    def _draw_arrow(self, painter: QPainter) -> None:
        pen = QPen(QColor(self.theme.muted), 1.5)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        # nearer to the border than to the value, which would seem to go on into it
        x, y = self.width() - self.measures.arrow / 2 + 1, self.height() / 2
        painter.drawPolyline(
            [QPointF(x - 3, y - 1.5), QPointF(x, y + 1.5), QPointF(x + 3, y - 1.5)]
        )


class WrappingRow(QWidget):
    """Widgets in a row that goes on below where it is full, with a caption at the right."""

    def __init__(self) -> None:
        super().__init__()
        self._widgets: list[QWidget] = []
        self.caption = label("", "muted")
        self.caption.setParent(self)
        self._captions = [""]
        self._wrote = self.caption.font()

    def set_widgets(self, widgets: list[QWidget]) -> None:
        """Shows these, in this order; what was there before stays the caller's."""
        self._widgets = widgets
        for widget in widgets:
            widget.setParent(self)
            widget.show()
        for before, after in itertools.pairwise(widgets):
            QWidget.setTabOrder(before, after)
        self.arrange()

    def set_captions(self, captions: list[str]) -> None:
        """Shows the first of these, long to short, that fits at the right."""
        if captions != self._captions:
            self._captions = captions
            self.caption.setToolTip(plain_tip(captions[0]))
            self.arrange()

    def arrange(self) -> None:
        """Places everything for the width there is, and takes the height that needs."""
        room = max(self.width(), 1)
        self._wrote = self.caption.font()
        metrics = self.caption.fontMetrics()
        widths = [metrics.horizontalAdvance(text) + 2 for text in self._captions]
        chips = [[_width(widget, size) for widget in self._widgets] for size in DENSITIES]
        rows, bare = (
            [self._rows(chips[nth], caption, size.gap) for nth, size in enumerate(DENSITIES)]
            for caption in (min(widths), 0)
        )
        if min(bare) < min(rows):
            # No caption is worth a row: the chips' own words say what the numbers are.
            rows, widths = bare, [0]
        chosen = rows.index(min(rows))
        x = y = 0
        height = chip_height(self)
        for widget, width in zip(self._widgets, chips[chosen], strict=True):
            if isinstance(widget, ArmChip):
                widget.pack(DENSITIES[chosen])
            if x and x + width > room:
                x, y = 0, y + height + _GAP
            widget.setGeometry(x, y, min(width, room), height)
            x += width + DENSITIES[chosen].gap
        fitting = next((n for n, width in enumerate(widths) if x + width <= room), None)
        if fitting is None:
            fitting, y = 0, y + height + _GAP
        self.caption.setText(self._captions[fitting] if widths[fitting] else "")
        self.caption.setGeometry(max(room - widths[fitting], 0), y, widths[fitting], height)
        if self.minimumHeight() != y + height:
            self.setFixedHeight(y + height)

    def event(self, event: QEvent) -> bool:
        """Places everything again where the caption has come to another size."""
        handled = super().event(event)
        if event.type() is QEvent.Type.LayoutRequest and self._wrote != self.caption.font():
            self.arrange()
        return bool(handled)

    def _rows(self, chips: list[int], caption: int, gap: int) -> int:
        """Number of rows that chips of these widths and a caption of this one need."""
        x, rows = 0, 1
        for width in (*chips, caption):
            if x and x + width > max(self.width(), 1):
                x, rows = 0, rows + 1
            x += width + gap
        return rows

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Places everything again."""
        super().resizeEvent(event)
        self.arrange()


def _width(widget: QWidget, size: Measures) -> int:
    wanted = widget.width_in(size) if isinstance(widget, ArmChip) else widget.sizeHint().width()
    return min(wanted, widget.maximumWidth())
