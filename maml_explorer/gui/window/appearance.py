"""The theme of the application: the chosen one, or the desktop's, followed live."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.qt_style import apply_theme, system_theme
from maml_explorer.gui.style.theme import THEMES

CHOICES = {"": "System theme", "light": "Light theme", "dark": "Dark theme"}
"""Name → words of the View menu; the empty name follows the desktop."""
TEXT_SIZES = {"": "Normal text", "large": "Large text", "largest": "Largest text"}
"""Name → words of the View menu."""
_POINTS = {"": 9.0, "large": 10.5, "largest": 12.0}
_PRESENTED = 1.6
"""Factor by which curves are thicker for the back row."""


class Appearance(QObject):
    """Keeps application and session in one theme."""

    presenting_changed = Signal()
    chosen = Signal()
    """Another theme or text size was chosen."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self.choice = ""
        self.text_size = ""
        self.presenting = False
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._wear)
        self._wear()

    def use(self, choice: str) -> None:
        """Wears the theme of that name; the desktop's for any other name."""
        self.choice = choice if choice in THEMES else ""
        self._wear()
        self.chosen.emit()

    def set_text_size(self, name: str) -> None:
        """Writes in the size of that name; the normal one for any other name."""
        self.text_size = name if name in TEXT_SIZES else ""
        self._wear()
        self.chosen.emit()

    def present(self, on: bool) -> None:
        """Draws for the back row: large type, thick lines."""
        self.presenting = on
        self._wear()
        self.presenting_changed.emit()

    def _wear(self) -> None:
        theme = THEMES.get(self.choice) or system_theme()
        if self.presenting:
            theme = replace(theme, points=_POINTS["largest"], line_scale=_PRESENTED)
        elif self.text_size:
            theme = replace(theme, points=_POINTS[self.text_size])
        app = QApplication.instance()
        if isinstance(app, QApplication):
            apply_theme(app, theme)
        self._session.set_theme(theme)
