"""A line of text that gives way to what stands beside it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy

from maml_explorer.gui.style.typeset import typeset
from maml_explorer.gui.widgets.controls import type_changed
from maml_explorer.gui.widgets.plain_tip import plain_tip

SEPARATOR = " · "
_LEAST = 4
"""Characters of a cut text, its ellipsis included, that are not worth showing."""
_MOMENT = 5000
"""Milliseconds of words in passing."""


class ElidedLabel(QLabel):
    """A muted line of parts joined by " · ": the last parts give way first, then letters do.

    A shorter wording is used before a part is given up.

    The whole text is its tooltip where it does not fit.

    Args:
        formulas: an index behind a letter, as in S_τ, is set below the line.
        whole: its last wording keeps the room that it needs.
    """

    def __init__(self, formulas: bool = False, whole: bool = False) -> None:
        super().__init__()
        self.setProperty("role", "muted")
        self._formulas, self._whole = formulas, whole
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.full = ""
        self._shorter: tuple[str, ...] = ()
        self._details = ""
        self._after: tuple[str, tuple[str, ...]] = "", ()
        """Words that come back after those in passing."""
        self._passing = QTimer(self)
        self._passing.setSingleShot(True)
        self._passing.setInterval(_MOMENT)
        self._passing.timeout.connect(lambda: self._show(*self._after))

    def explain(self, details: str) -> None:
        """Has this in the tooltip, below the whole text where that does not fit."""
        if details != self._details:
            self._details = details
            self._fit()

    def say(self, text: str, *shorter: str) -> None:
        """Shows `text`, or the first of the shorter wordings that fits, or as much as fits.

        Words in passing stay their moment where nothing new is said.
        """
        if self._passing.isActive() and (text, shorter) == self._after:
            return
        self._passing.stop()
        self._show(text, shorter)

    def say_in_passing(self, text: str, *shorter: str) -> None:
        """Says this for a moment, and then again what was said before."""
        if not self._passing.isActive():
            self._after = self.full, self._shorter
        self._passing.start()
        self._show(text, shorter)

    def _show(self, text: str, shorter: tuple[str, ...]) -> None:
        if text != self.full or shorter != self._shorter:
            self.full, self._shorter = text, shorter
            self._fit()
            self.updateGeometry()  # the hint is of the whole text, which may not be shown yet

    def _fit(self) -> None:
        metrics, room = self.fontMetrics(), max(self.width(), 0)
        wordings = (self.full, *self._shorter)
        chosen = next((w for w in wordings if metrics.horizontalAdvance(w) <= room), wordings[-1])
        parts = chosen.split(SEPARATOR)
        while len(parts) > 1 and metrics.horizontalAdvance(SEPARATOR.join(parts)) > room:
            parts.pop()
        fitting = SEPARATOR.join(parts)
        # whole pixels are counted here; eliding counts parts of them, and would cut what has room
        if metrics.horizontalAdvance(fitting) > room:
            fitting = metrics.elidedText(fitting, Qt.TextElideMode.ElideRight, room)
        if fitting != chosen and len(fitting) <= _LEAST:
            fitting = ""  # a lone letter or ellipsis tells nothing
        said = typeset(fitting) if self._formulas else fitting
        rich = said != fitting
        self.setTextFormat(Qt.TextFormat.RichText if rich else Qt.TextFormat.PlainText)
        self.setText(said)
        whole = self.full if fitting != self.full else ""
        self.setToolTip(plain_tip("\n".join(part for part in (whole, self._details) if part)))
        self.setAccessibleName(self.full)

    def sizeHint(self) -> QSize:
        """Width of the whole text, for a place where it does not give way at once."""
        return QSize(
            self.fontMetrics().horizontalAdvance(self.full) + 2, super().sizeHint().height()
        )

    def minimumSizeHint(self) -> QSize:
        """Smallest width."""
        last = (self.full, *self._shorter)[-1] if self._whole else ""
        width = self.fontMetrics().horizontalAdvance(last)
        return QSize(width, super().minimumSizeHint().height())

    def changeEvent(self, event: QEvent) -> None:
        """Fits the text again in type of another size."""
        super().changeEvent(event)
        if type_changed(event):
            self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fits the text again."""
        super().resizeEvent(event)
        self._fit()
