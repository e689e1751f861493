"""The share string as a QR code over the window, for a hall to open what the lecturer shows."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from maml_explorer.gui.files.sharing import Sharing
from maml_explorer.gui.widgets.controls import Card, button, label, row
from maml_explorer.gui.widgets.overlay import MARGIN, Overlay
from maml_explorer.gui.widgets.plain_tip import native_keys
from maml_explorer.gui.widgets.qr_code import QUIET, Modules, qr_code

SAYS = (
    "Scan it.\nCopy the text.\nPaste it in MAML Explorer:\nCtrl+Shift+V\n\n"
    "It holds settings, task and points, not the trained θ."
)
_LEAST = 200
"""Pixels of the code's side."""
_AROUND = 28
"""Pixels of the card and its border above and below the code."""
_TOP = 4
"""Pixels of the window above and below the card."""
_WORDS = 0.22
"""Part of the window's width that the words beside the code have."""
_GROWTH = 1.8
"""Factor by which the words are larger than the window's type, where they have room."""


class ShareCode(Overlay):
    """Shows the code as large as the window allows; Escape or a click beside it closes it."""

    def __init__(self, window: QWidget, sharing: Sharing) -> None:
        card = Card(margin=12)
        super().__init__(window, card, 2 * _LEAST, _TOP)
        self._sharing = sharing
        self.code = CodeSheet()
        self.done = button("Close", self.dismiss, "Close this sheet (Escape)")
        self.title = label("Share this state", "title")
        self.says = label(native_keys(SAYS))
        self.says.setWordWrap(True)
        self.says.setAlignment(Qt.AlignmentFlag.AlignVCenter)
        beside = QVBoxLayout()
        beside.addLayout(row(self.title, None, self.done))
        beside.addWidget(self.says, 1)
        self._line = line = row(self.code, spacing=12)
        line.setStretch(0, 1)
        line.addLayout(beside)
        card.box.addLayout(line, 1)

    def show_code(self) -> None:
        """Shows what the window shows now, as a code; or closes it where it is open."""
        if self.isVisible():
            self.dismiss()
            return
        text = self._sharing.text()
        if text:
            self.code.show_text(text)
            self.open(self.done)

    def fit(self) -> None:
        """Makes the code as large as the window allows, and the words as large as their room."""
        window = self.parentWidget()
        if window is None:
            return
        head = self.done.sizeHint().width() + self.title.sizeHint().width() + 12
        words = max(round(_WORDS * window.width()), head)
        high = window.height() - 2 * _TOP - _AROUND
        wide = window.width() - 2 * MARGIN - _AROUND - words - 12
        side = max(min(_LEAST, wide), min(high, wide))
        self.says.setFixedWidth(words)
        longest = max(map(self.fontMetrics().horizontalAdvance, SAYS.split()))
        points = self.font().pointSizeF() * min(_GROWTH, 0.9 * words / longest)
        rule = f"font-size: {points:g}pt;"
        if rule != self.says.styleSheet():
            self.says.setStyleSheet(rule)
        self.code.take_side(side)
        self._line.invalidate()  # a hidden card keeps the sizes of before
        self.card.box.invalidate()
        self.widen(side + words + 12 + _AROUND)


class CodeSheet(QWidget):
    """Dark modules on white in both themes: readers expect that."""

    def __init__(self) -> None:
        super().__init__()
        self.modules: Modules = np.zeros((0, 0), dtype=bool)
        self._side = _LEAST

    def show_text(self, text: str) -> None:
        """Draws the code of a text."""
        self.modules = qr_code(text)
        self.setAccessibleName(f"QR code of a share string of {len(text)} characters")
        self.update()

    def take_side(self, side: int) -> None:
        """Asks for about `side` pixels."""
        self._side = side
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """A square."""
        return QSize(self._side, self._side)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws whole pixels per module, or a reader sees uneven ones."""
        count = len(self.modules) + 2 * QUIET
        ratio = self.devicePixelRatioF()
        module = max(int(min(self.width(), self.height()) * ratio) // count, 1) / ratio
        side = module * count
        painter = QPainter(self)
        left, top = (self.width() - side) // 2, (self.height() - side) // 2
        painter.fillRect(QRectF(left, top, side, side), Qt.GlobalColor.white)
        for r, c in np.argwhere(self.modules).tolist():
            place = left + (c + QUIET) * module, top + (r + QUIET) * module
            painter.fillRect(QRectF(*place, module, module), Qt.GlobalColor.black)
        painter.end()
