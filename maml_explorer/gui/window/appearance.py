"""The theme of the application: the chosen one, or the desktop's, followed live."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog

from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.qt_style import apply_theme, system_theme
from maml_explorer.gui.style.theme import LIGHT, THEMES

CHOICES = {"": "System theme", "light": "Light theme", "dark": "Dark theme"}
"""Name → words of the View menu; the empty name follows the desktop."""
TEXT_SIZES = {"": "Normal text", "large": "Large text", "largest": "Largest text"}
"""Name → words of the View menu."""
_LARGER = {"": 1.0, "large": 7 / 6, "largest": 4 / 3}
_POINTS = {name: LIGHT.points * factor for name, factor in _LARGER.items()}
_PRESENTED = 1.6
"""Factor by which curves are thicker for the back row."""
HALL = (1280, 800)
"""(width, height) of a window in which a presenter's type is the largest of the desk."""


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
        self._part = 1.0
        """Size of the window, as a part of HALL."""
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

    def fill(self, width: int, height: int) -> bool:
        """Takes the size of the window: a presenter's type is always the same part of it.

        Returns:
            True where the type is another now.
        """
        before = self._presented
        self._part = min(width / HALL[0], height / HALL[1])
        if not self.presenting or self._presented == before:
            return False
        self._wear()
        return True

    @property
    def _presented(self) -> float:
        """Size of a presenter's type in points; never smaller than the one that was chosen."""
        return max(_POINTS[self.text_size], round(2 * _POINTS["largest"] * self._part) / 2)

    def _wear(self) -> None:
        theme = THEMES.get(self.choice) or system_theme()
        if self.presenting:
            theme = replace(
                theme, points=self._presented, line_scale=_PRESENTED * max(self._part, 1.0)
            )
        elif self.text_size:
            theme = replace(theme, points=_POINTS[self.text_size])
        app = QApplication.instance()
        if isinstance(app, QApplication):
            apply_theme(app, theme)
            _grow_dialogs(app)
        self._session.set_theme(theme)


def _grow_dialogs(app: QApplication) -> None:
    """Gives open dialogs the room that another type needs: their layouts would squeeze fields."""

    def grow(dialog: QDialog) -> None:
        dialog.resize(dialog.size().expandedTo(dialog.sizeHint()))

    for top in app.topLevelWidgets():
        if isinstance(top, QDialog) and top.isVisible() and not isinstance(top, QFileDialog):
            # what lies inside takes the type a moment later
            QTimer.singleShot(0, top, partial(grow, top))
