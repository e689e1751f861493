"""Small controls that the whole window shares, without bevels, arrows and surprises."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QStyle,
    QStyleOptionComboBox,
    QVBoxLayout,
    QWidget,
)

from maml_explorer.gui.widgets.plain_tip import native_keys, plain_tip

_CLOSER = 12
"""Pixels that a button gives up where there is little room, as the stylesheet has them."""
_BESIDE_WORDS = 32
"""Pixels of a combo box beside its words, as the stylesheet has them."""
_HANDLE = 14
"""Width of a slider's handle, as the stylesheet has it."""


def mark(widget: QWidget, **properties: object) -> None:
    """Sets dynamic properties that the stylesheet reads, and styles the widget again."""
    for name, value in properties.items():
        widget.setProperty(name, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def move_closer(buttons: Sequence[QWidget], wide: int, room: int) -> bool:
    """Gives buttons less room beside their words where a row is too `wide`; whether they have less.

    Args:
        buttons: those of the row.
        wide: pixels that the row asks for, with its buttons as they are.
        room: pixels that it has.
    """
    little = bool(buttons[0].property("room") == "little")
    shown = sum(not one.isHidden() for one in buttons)
    if (wide + _CLOSER * shown * little > room) is not little:
        for one in buttons:
            mark(one, room="" if little else "little")
        return not little
    return little


def type_changed(event: QEvent) -> bool:
    """True where a widget that this event changes may need other room for its words."""
    return event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange)


def label(text: str = "", role: str = "") -> QLabel:
    """A plain-text label; `role` is "title", "muted", "unit", "error" or nothing."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    if role:
        made.setProperty("role", role)
    return made


def button(text: str, clicked: Callable[[], object], tip: str = "", role: str = "") -> QPushButton:
    """A push button; `role` is "primary", "flat", "chip", "group" or nothing."""
    made = QPushButton(text)
    made.setAccessibleName(text)
    made.setToolTip(plain_tip(native_keys(tip)))
    made.setAutoDefault(False)
    if role:
        made.setProperty("role", role)
    # a click must not keep the focus, or Space would press this button again instead of training
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    made.clicked.connect(lambda: clicked())
    return made


class Card(QFrame):
    """A card around one widget: rounded, with a 1 px border."""

    def __init__(self, content: QWidget | None = None, margin: int = 12) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.box = QVBoxLayout(self)
        self.box.setContentsMargins(margin, margin - 4, margin, margin - 4)
        self.box.setSpacing(8)
        if content is not None:
            self.box.addWidget(content)


class ComboBox(QComboBox):
    """A combo box with a plain chevron; the wheel scrolls the page, not the value."""

    opening = Signal()
    """The list is about to be shown."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        # else it asks for the room of the choices that it had first
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)

    def sizeHint(self) -> QSize:
        """Width of its longest choice, whole: Qt is a pixel short in some sizes of type."""
        return super().sizeHint() + QSize(2, 0)

    def may_shrink_to(self, words: str) -> None:
        """Gives way to its neighbours until these words just have room, its chevron closer."""
        if not self.property("room"):
            mark(self, room="little")
            self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(self.fontMetrics().horizontalAdvance(words) + _BESIDE_WORDS)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leaves the wheel to the page."""
        event.ignore()

    def showPopup(self) -> None:
        """Shows the list."""
        self.opening.emit()
        super().showPopup()

    def initStyleOption(self, option: QStyleOptionComboBox) -> None:
        """Ends text that has no room with an ellipsis, not within a letter."""
        super().initStyleOption(option)
        field = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option,
            QStyle.SubControl.SC_ComboBoxEditField, self,
        )  # fmt: skip
        words, metrics = self.currentText(), self.fontMetrics()
        # a hint counts whole pixels, where eliding counts parts of them
        if metrics.horizontalAdvance(words) > field.width():
            words = metrics.elidedText(words, Qt.TextElideMode.ElideRight, field.width())
        option.currentText = words  # type: ignore[attr-defined]

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the chevron over what the stylesheet draws."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(_round_pen(self.palette().color(QPalette.ColorRole.PlaceholderText)))
        x, y = self.width() - 13.0, self.height() / 2
        painter.drawPolyline(
            [QPointF(x - 3, y - 1.5), QPointF(x, y + 1.5), QPointF(x + 3, y - 1.5)]
        )
        painter.end()


class Slider(QSlider):
    """A horizontal slider that the wheel does not move and a click takes to its place."""

    let_go = Signal()
    """The mouse no longer holds it."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.held = False
        """True while the mouse holds it: nothing should move under the mouse."""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leaves the wheel to the page."""
        event.ignore()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Brings the handle under the mouse, so that a press anywhere begins a drag."""
        if event.button() is Qt.MouseButton.LeftButton:
            self.held = True
            self.setSliderDown(True)  # before the value changes, which is part of the drag
            low, high, room = self.minimum(), self.maximum(), max(1, self.width() - _HANDLE)
            x = round(event.position().x()) - _HANDLE // 2
            there = QStyle.sliderPositionFromValue(low, high, self.value(), room)
            if abs(x - there) > _HANDLE // 2:  # a handle that is taken stays where it is
                self.setValue(QStyle.sliderValueFromPosition(low, high, x, room))
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Lets it go."""
        super().mouseReleaseEvent(event)
        if self.held and event.button() is Qt.MouseButton.LeftButton:
            self.held = False
            self.let_go.emit()


class Switch(QAbstractButton):
    """An on/off switch."""

    def __init__(self) -> None:
        super().__init__()
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def sizeHint(self) -> QSize:
        """36 × 20 pixels."""
        return QSize(36, 20)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return switches too, not only Space."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws a track with a knob."""
        role, colors = QPalette.ColorRole, self.palette()
        ground = colors.color(role.Accent if self.isChecked() else role.Midlight)
        edge = colors.color(role.Text if self.hasFocus() or self.underMouse() else role.Midlight)
        if self.isChecked() and not (self.hasFocus() or self.underMouse()):
            edge = ground
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        track = QRectF(1, (self.height() - 16) / 2, 32, 16)
        painter.setPen(QPen(edge, 1))
        painter.setBrush(ground)
        painter.drawRoundedRect(track, 8, 8)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colors.color(role.Base if self.isChecked() else role.PlaceholderText))
        painter.drawEllipse(QPointF(track.right() - 8 if self.isChecked() else track.left() + 8,
                                    track.center().y()), 5.0, 5.0)  # fmt: skip
        painter.end()


class Dot(QWidget):
    """A small dot of the accent colour, or nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(6, 6)
        self.shown = False

    def show_dot(self, shown: bool) -> None:
        """Draws it, or leaves its place empty."""
        if shown != self.shown:
            self.shown = shown
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the dot."""
        if self.shown:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.palette().color(QPalette.ColorRole.Accent))
            painter.drawEllipse(QRectF(0.5, 0.5, 5, 5))
            painter.end()


def row(*widgets: QWidget | int | None, spacing: int = 8) -> QHBoxLayout:
    """A horizontal layout without margins; None is a stretch, a number is empty pixels."""
    box = QHBoxLayout()
    box.setContentsMargins(0, 0, 0, 0)
    box.setSpacing(spacing)
    for widget in widgets:
        if widget is None:
            box.addStretch(1)
        elif isinstance(widget, int):
            box.addSpacing(widget)
        else:
            box.addWidget(widget)
    return box


def _round_pen(color: QColor) -> QPen:
    pen = QPen(color, 1.6)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    return pen
