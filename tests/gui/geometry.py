"""What is seen of a window: parts outside it, and words that are cut."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QPoint, QRect, QRectF
from PySide6.QtWidgets import (
    QAbstractButton,
    QLabel,
    QMainWindow,
    QScrollArea,
    QStyleOptionComboBox,
    QTabBar,
    QToolButton,
    QWidget,
)

from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.readout import ReadOut
from maml_explorer.gui.widgets.controls import ComboBox
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.gui.widgets.plain_tip import plain_tip


def off_screen(window: QMainWindow) -> list[str]:
    """What lies beyond the screen: the window's frame, or a visible part beyond the window."""
    screen = window.screen().availableGeometry()
    found = [] if screen.contains(window.frameGeometry()) else [f"frame {window.frameGeometry()}"]
    for widget in window.findChildren(QWidget):
        if not widget.isVisible() or widget.isWindow() or _scrolls(widget):
            continue
        place = QRect(widget.mapTo(window, QPoint()), widget.size())
        if place.isValid() and not window.rect().contains(place):
            found.append(f"{_name(widget)} at {place.getRect()}")
    return found


def cut_words(window: QMainWindow) -> list[str]:
    """Words of buttons and labels that have less room than they need."""
    found = []
    for kind in (QAbstractButton, QLabel):
        for widget in window.findChildren(kind):
            words = widget.text()
            if not widget.isVisible() or len(words) < 2 or _whole_elsewhere(widget):
                continue
            wraps = isinstance(widget, QLabel) and widget.wordWrap()
            if wraps:
                needs = widget.heightForWidth(widget.width())
                if needs > widget.height() + 1 and not _scrolls(widget):
                    found.append(f"{words[:40]}: {widget.height()} of {needs} high")
            elif widget.height() < widget.fontMetrics().height() - 2:
                found.append(f"{words[:40]}: {widget.height()} high")
            elif widget.width() < widget.minimumSizeHint().width() - 1:
                found.append(f"{words[:40]}: {widget.width()} wide")
    return found + _cut_choices(window) + _cut_tabs(window)


def _cut_choices(window: QMainWindow) -> list[str]:
    """Choices whose words end in an ellipsis."""
    found = []
    for box in window.findChildren(ComboBox):
        option = QStyleOptionComboBox()
        box.initStyleOption(option)
        shown, words = option.currentText, box.currentText()  # type: ignore[attr-defined]
        # the title of the preset gives way in a narrow window; its tooltip has it
        gives_way = box.accessibleName() == "Preset" and window.width() < 1280
        if box.isVisible() and shown != words and not (_scrolls(box) or gives_way):
            found.append(f"{words}: {shown}")
    return found


def _cut_tabs(window: QMainWindow) -> list[str]:
    """Tabs that the bar cuts, or hides behind buttons."""
    found = []
    for bar in window.findChildren(QTabBar):
        if bar.isVisible():
            last = bar.tabRect(bar.count() - 1).right()
            hidden = any(arrow.isVisible() for arrow in bar.findChildren(QToolButton))
            if hidden or last > bar.width():
                found.append(f"tabs up to {last} of {bar.width()}")
    return found


def uncentred_axes(window: QMainWindow) -> list[str]:
    """Words beside axes that are not in the middle of their axis, or longer than it has room."""
    found = []
    for plot in window.findChildren(Plot):
        for axis in (plot.left, plot.bottom):
            if not plot.isVisible() or not axis.label.isVisible():
                continue
            words = axis.label.mapRectToScene(axis.label.boundingRect())
            whole = axis.mapRectToScene(axis.rect())
            off = words.center() - whole.center()
            if abs(off.y() if axis is plot.left else off.x()) > 3:
                found.append(f"{plot.accessibleName()}: {axis.labelText} is off by {off}")
            if not QRectF(plot.rect()).adjusted(-6, -6, 6, 6).contains(words):
                found.append(f"{plot.accessibleName()}: {axis.labelText} at {words.getRect()}")
    return found


def overlapping_names(window: QMainWindow) -> list[str]:
    """Names at line ends that cover another one, the plot's area, or lie beyond the plot."""
    found = []
    for plot in window.findChildren(Plot):
        if not plot.isVisible():
            continue
        area, names = plot.area(), plot.ends.boxes
        for nth, (name, box) in enumerate(names):
            where = f"{plot.accessibleName()}: {name}"
            if box.right() > plot.width() or box.left() < area.right():
                found.append(f"{where} at {box.getRect()}")
            found += [f"{where} on {other}" for other, place in names[nth + 1 :]
                      if box.intersects(place.adjusted(0, 1, 0, -1))]  # fmt: skip
    return found


def overlapping_labels(window: QMainWindow) -> list[str]:
    """Words on plots that cover other words of the same plot, or lie beyond its widget."""
    found = []
    for plot in window.findChildren(Plot):
        if not plot.isVisible():
            continue
        hover = [plot.hover._box] if isinstance(plot.hover, ReadOut) else []
        texts = [
            item
            for item in plot.scene().items()
            if isinstance(item, pg.TextItem) and item.isVisible() and item not in hover
            and item.toPlainText().strip()
        ]  # fmt: skip
        boxes = [(text.toPlainText(), _in_scene(text)) for text in texts]
        for nth, (words, box) in enumerate(boxes):
            where = f"{plot.accessibleName()}: {words}"
            ground = QRectF(plot.rect()).adjusted(-1, -1, 1, 1)
            if not ground.contains(box):
                found.append(f"{where} at {box.getRect()} of {plot.width()} x {plot.height()}")
            found += [
                f"{where} on {other}" for other, place in boxes[nth + 1 :] if box.intersects(place)
            ]
    return found


def _in_scene(text: pg.TextItem) -> QRectF:
    """Where it is drawn, without its margin and the space of its font above and below."""
    text.updateTransform()
    return text.mapRectToScene(text.boundingRect()).adjusted(2, 3, -2, -3)


def _whole_elsewhere(widget: QWidget) -> bool:
    """Whether what gives way on purpose says its whole text in a tooltip."""
    return isinstance(widget, ElidedLabel) or widget.toolTip() == plain_tip(
        getattr(widget, "full", "no words")
    )


def _scrolls(widget: QWidget) -> bool:
    above = widget.parentWidget()
    while above is not None and not above.isWindow():
        if isinstance(above.parentWidget(), QScrollArea):
            return True
        above = above.parentWidget()
    return False


def _name(widget: QWidget) -> str:
    return widget.objectName() or widget.accessibleName() or type(widget).__name__
