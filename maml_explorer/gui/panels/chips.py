"""The legend where arms live: a chip per arm, with its marker, line style and query MSE."""

from __future__ import annotations

import itertools

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
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

from maml_explorer.gui.panels.exports import draw_swatch
from maml_explorer.gui.theme import LIGHT, ArmStyle, Theme, base_font
from maml_explorer.gui.widgets import label

SWATCH = 22
"""Pixels of line and marker in a chip."""
ARROW = 17
"""Pixels of the part that opens the menu."""
GAP = 6
HEIGHT, ROW = 26, 32
"""Pixels of a chip, and from one row of chips to the next."""
_LEFT, _NAME, _VALUE = 9, 6, 6
"""Pixels before the swatch, before the name and before the value."""


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
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFont(base_font())

    def show_arm(
        self, style: ArmStyle, theme: Theme, value: str, shown: bool, overridden: bool, tip: str
    ) -> None:
        """Draws the arm in this style with this value."""
        self.style_of_arm, self.theme, self.value = style, theme, value
        self.overridden = overridden
        self.setChecked(shown)
        self.setToolTip(tip)
        self.setAccessibleName(f"{self.name}, query MSE {value}, {'shown' if shown else 'hidden'}")
        self.update()

    def sizeHint(self) -> QSize:
        """Wide enough for a value of three digits, so that chips do not move while it changes."""
        metrics = QFontMetrics(self._bold())
        value = max(metrics.horizontalAdvance(self.value), metrics.horizontalAdvance("0.000"))
        name = metrics.horizontalAdvance(self._words())
        width = _LEFT + SWATCH + _NAME + name + _VALUE + value + ARROW + 4
        return QSize(width, HEIGHT)

    def _words(self) -> str:
        # The asterisk says that the arm has settings of its own.
        return QFontMetrics(self._bold()).elidedText(
            self.name + ("*" if self.overridden else ""), Qt.TextElideMode.ElideRight, 160
        )

    def _bold(self) -> QFont:
        font = self.font()
        font.setBold(True)
        return font

    def _arrow(self) -> QRect:
        return QRect(self.width() - ARROW - 4, 0, ARROW + 4, self.height())

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
        """Draws border, swatch, name, value and arrow."""
        if self.style_of_arm is None:
            return
        theme, style, shown = self.theme, self.style_of_arm, self.isChecked()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        edge = theme.accent if self.hasFocus() else theme.border
        painter.setPen(QPen(QColor(edge), 1))
        painter.setBrush(QColor(theme.hover if self.underMouse() else theme.card))
        ground = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(ground, ground.height() / 2, ground.height() / 2)
        draw_swatch(painter, QRectF(_LEFT, 0, SWATCH, self.height()), style, 1.0 if shown else 0.35)
        painter.setFont(self._bold())
        painter.setPen(QColor(style.text if shown else theme.muted))
        metrics = QFontMetrics(self._bold())
        words = self._words()
        left = _LEFT + SWATCH + _NAME
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRect(left, 0, self.width(), self.height()), middle, words)
        left += metrics.horizontalAdvance(words) + _VALUE
        if not shown:
            painter.setFont(self.font())
        painter.drawText(QRect(left, 0, self.width(), self.height()), middle, self.value)
        self._draw_arrow(painter)
        painter.end()

    def _draw_arrow(self, painter: QPainter) -> None:
        pen = QPen(QColor(self.theme.muted), 1.5)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        x, y = self.width() - 12, self.height() / 2
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
            self.caption.setToolTip(captions[0])
            self.arrange()

    def arrange(self) -> None:
        """Places everything for the width there is, and takes the height that needs."""
        x = y = 0
        room = max(self.width(), 1)
        for widget in self._widgets:
            width = widget.sizeHint().width()
            if x and x + width > room:
                x, y = 0, y + ROW
            widget.setGeometry(x, y, min(width, room), HEIGHT)
            x += width + GAP
        metrics = self.caption.fontMetrics()
        widths = [metrics.horizontalAdvance(text) + 2 for text in self._captions]
        fitting = next((n for n, width in enumerate(widths) if x + width <= room), None)
        if fitting is None:
            fitting, y = 0, y + ROW
        self.caption.setText(self._captions[fitting])
        self.caption.setGeometry(max(room - widths[fitting], 0), y, widths[fitting], HEIGHT)
        if self.minimumHeight() != y + HEIGHT:
            self.setFixedHeight(y + HEIGHT)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Places everything anew."""
        super().resizeEvent(event)
        self.arrange()
