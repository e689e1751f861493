"""Which theme the application wears: the one asked for, or the desktop's, followed live."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from maml_explorer.gui.session import Session
from maml_explorer.gui.theme import THEMES, apply_theme, system_theme

CHOICES = {"": "System theme", "light": "Light theme", "dark": "Dark theme"}
"""Name → words of the View menu; the empty name follows the desktop."""


class Appearance(QObject):
    """Keeps application and session in one theme."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self.choice = ""
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._wear)
        self._wear()

    def use(self, choice: str) -> None:
        """Wears the theme of that name; the desktop's for any other name."""
        self.choice = choice if choice in THEMES else ""
        self._wear()

    def _wear(self) -> None:
        theme = THEMES.get(self.choice) or system_theme()
        app = QApplication.instance()
        if isinstance(app, QApplication):
            apply_theme(app, theme)
        self._session.set_theme(theme)
