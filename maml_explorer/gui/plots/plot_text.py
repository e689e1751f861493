"""Text items of a plot."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QTextOption

from maml_explorer.gui.style.qt_style import base_font

EVERY_ARM_HIDDEN = "Every arm is hidden"
"""Words on a plot that is empty because of it."""


def label(text: str, color: str, ground: str | None = None, *, bold: bool = False) -> pg.TextItem:
    """A text on a plot, in the window's font; `ground` is drawn behind it, nearly opaque."""
    item = pg.TextItem(text, color=color, anchor=(0, 0), fill=pg.mkBrush(_veil(ground)))
    font = QFont(base_font())
    font.setBold(bold)
    item.setFont(font)
    item.textItem.document().setDocumentMargin(1.0)
    return item


def recolor(item: pg.TextItem, color: str, ground: str | None = None, veil: int = 235) -> None:
    """Gives a label another theme's colours and size; `veil`: how opaque its ground is, of 255."""
    item.setColor(QColor(color))
    font = QFont(base_font())
    font.setBold(item.textItem.font().bold())
    if item.textItem.font() != font:
        item.setFont(font)
    item.fill = pg.mkBrush(_veil(ground, veil))
    item.update()


def fitting(words: str, room: float) -> str:
    """`words`, those before a comma, or the last one, whichever fits `room` pixels; else none."""
    metrics = QFontMetricsF(base_font())
    wordings = (words, words.partition(",")[0], words.rpartition(" ")[2])
    return next((one for one in wordings if metrics.horizontalAdvance(one) <= room), "")


def wrap(item: pg.TextItem, room: float) -> None:
    """Breaks a label into lines in the middle where it is wider than `room` pixels."""
    text = item.textItem
    text.document().setDefaultTextOption(QTextOption(Qt.AlignmentFlag.AlignHCenter))
    text.setTextWidth(-1)
    wide = text.boundingRect().width()
    # without a width of its own, a text of several lines stands at the left
    text.setTextWidth(room if wide > room else wide)
    item.updateTextPos()


def _veil(ground: str | None, alpha: int = 235) -> QColor:
    color = QColor(ground or "#000000")
    color.setAlpha(0 if ground is None else alpha)
    return color
