"""The share string as a QR code over the window, for a hall to open what the lecturer shows."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from maml_explorer.gui.files.sharing import Sharing
from maml_explorer.gui.widgets.controls import Card, button, label, row
from maml_explorer.gui.widgets.overlay import MARGIN, Overlay
from maml_explorer.gui.widgets.qr_code import QUIET, Modules, qr_code

SAYS = "Scan it, copy the text, and paste it in MAML Explorer with Ctrl+Shift+V."
_LARGEST, _LEAST = 1000, 200
"""Pixels of the code's side."""
_BESIDE = 104
_TOP = 8
"""Pixels of the card above and below the code."""


class ShareCode(Overlay):
    """Shows the code as large as the window allows; Escape or a click beside it closes it."""

    def __init__(self, window: QWidget, sharing: Sharing) -> None:
        card = Card(margin=16)
        super().__init__(window, card, _LARGEST + 2 * MARGIN, _TOP)
        self._sharing = sharing
        self.code = CodeSheet()
        self.done = button("Close", self.dismiss, "Close this sheet (Escape)")
        self.says = label(SAYS)
        self.says.setWordWrap(True)
        card.box.addLayout(row(label("Share this state", "title"), None, self.done))
        card.box.addWidget(self.code, 1)
        card.box.addWidget(self.says)

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
        """Makes the code as large as the window allows."""
        window = self.parentWidget()
        room = _LARGEST if window is None else window.height() - 2 * _TOP - _BESIDE
        self.code.take_side(max(_LEAST, min(room, _LARGEST)))


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
