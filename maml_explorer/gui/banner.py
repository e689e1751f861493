"""Messages inside the window, with what can be done about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QSizePolicy, QVBoxLayout, QWidget

from maml_explorer.gui.widgets import button, label, row

MOST = 3
"""Banners at a time; older ones give way."""

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
        self.text = label(text, "message")
        self.text.setProperty("kind", kind)
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.text.setAccessibleName(text)
        self.buttons = [button(words, _both(do, close)) for words, do in choices]
        self.close_button = button("✕", close, "Hide this message", role="flat")
        self.close_button.setAccessibleName("Hide this message")
        line = row(self.text, *self.buttons, self.close_button)
        line.setContentsMargins(12, 6, 8, 6)
        self.setLayout(line)


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
