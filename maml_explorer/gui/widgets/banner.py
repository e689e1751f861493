"""Messages inside the window, with what can be done about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QVBoxLayout, QWidget

from maml_explorer.gui.widgets.controls import button, row
from maml_explorer.gui.widgets.plain_tip import plain_tip

MOST = 3
"""Banners at a time; older ones give way."""

LINES = 2
"""Lines of text in a banner; the whole text is its tooltip where there are more."""

Choice = tuple[str, Callable[[], object]]
"""The words on a button, and what it does."""


class Banner(QFrame):
    """One message. `kind` is "notice", "warning" or "danger"."""

    def __init__(
        self, kind: str, text: str, choices: Sequence[Choice], close: Callable[[], None]
    ) -> None:
        super().__init__()
        self.setProperty("role", "banner")
        self.setProperty("kind", kind)
        self.text = Message(text)
        self.text.setProperty("kind", kind)
        self.buttons = [button(words, _both(do, close)) for words, do in choices]
        self.close_button = button("✕", close, "Hide this message", role="flat")
        self.close_button.setAccessibleName("Hide this message")
        line = row()
        line.addWidget(self.text, 1)
        for control in (*self.buttons, self.close_button):
            line.addWidget(control)
        line.setContentsMargins(12, 6, 8, 6)
        self.setLayout(line)


class Message(QLabel):
    """Words that wrap onto a few lines and never ask the window for more room than it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.full = text
        self.setProperty("role", "message")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(text)
        self.setText(text)

    def hasHeightForWidth(self) -> bool:
        """False: the height follows the text that was fitted."""
        return False

    def sizeHint(self) -> QSize:
        """Height of the fitted text, at most LINES lines."""
        return QSize(320, min(self._height(self.text()), self._most()))

    def minimumSizeHint(self) -> QSize:
        """Smallest width."""
        return QSize(80, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fits the text again."""
        super().resizeEvent(event)
        most, text = self._most(), self.full
        if self._height(text) > most:
            low, high = 0, len(text)
            while low < high:
                middle = (low + high + 1) // 2
                fits = self._height(f"{text[:middle].rstrip()}…") <= most
                low, high = (middle, high) if fits else (low, middle - 1)
            text = f"{text[:low].rstrip()}…"
        self.setText(text)
        self.setToolTip(plain_tip(self.full if text != self.full else ""))
        self.updateGeometry()

    def _most(self) -> int:
        return LINES * self.fontMetrics().lineSpacing()

    def _height(self, text: str) -> int:
        room = QRect(0, 0, max(self.width(), 80), 10_000)
        return self.fontMetrics().boundingRect(room, Qt.TextFlag.TextWordWrap, text).height()


class Banners(QWidget):
    """The messages of the window, newest first, one for each subject."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: dict[str, Banner] = {}
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(8)
        self.hide()

    @property
    def shown(self) -> list[Banner]:
        """The banners there are, oldest first."""
        return list(self._shown.values())

    def say(
        self, subject: str, text: str, kind: str = "notice", choices: Sequence[Choice] = ()
    ) -> None:
        """Shows a message; it takes the place of an older one on the same subject."""
        self.drop(subject)
        banner = Banner(kind, text, choices, lambda: self.drop(subject))
        self._shown[subject] = banner
        self._box.insertWidget(0, banner)
        for oldest in list(self._shown)[:-MOST]:
            self.drop(oldest)
        self.show()

    def drop(self, subject: str) -> None:
        """Removes the message on a subject, if there is one."""
        banner = self._shown.pop(subject, None)
        if banner is not None:
            self._box.removeWidget(banner)
            banner.hide()
            banner.deleteLater()
        self.setVisible(bool(self._shown))

    def drop_all(self) -> None:
        """Removes all messages."""
        for subject in list(self._shown):
            self.drop(subject)


def _both(do: Callable[[], object], close: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        close()
        do()

    return run
