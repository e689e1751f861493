"""Theme, palette and font of the application."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from maml_explorer.gui.style.stylesheet import stylesheet
from maml_explorer.gui.style.theme import DARK, LIGHT, Theme


def system_theme() -> Theme:
    """The theme that the desktop asks for now; light where it does not say."""
    scheme = QGuiApplication.styleHints().colorScheme()
    return DARK if scheme is Qt.ColorScheme.Dark else LIGHT


def apply_theme(app: QApplication, theme: Theme) -> None:
    """Gives the whole application the font, palette and stylesheet of `theme`."""
    app.setFont(base_font(theme.points))
    app.setPalette(palette(theme))
    app.setStyleSheet(stylesheet(theme))


def base_font(points: float | None = None) -> QFont:
    """The window's font: the desktop's own family, at the size in use unless another is given."""
    font = QFont(QApplication.font())
    if points is not None:
        font.setPointSizeF(points)
    return font


def palette(theme: Theme) -> QPalette:
    """The Qt palette of `theme`, for what the stylesheet does not reach."""
    role, colors = QPalette.ColorRole, QPalette()
    for target, color in (
        (role.Window, theme.window), (role.Base, theme.card), (role.AlternateBase, theme.hover),
        (role.Button, theme.card), (role.ToolTipBase, theme.card), (role.Text, theme.text),
        (role.WindowText, theme.text), (role.ButtonText, theme.text),
        (role.ToolTipText, theme.text), (role.BrightText, theme.danger),
        (role.PlaceholderText, theme.muted),
        (role.Highlight, theme.selection), (role.HighlightedText, theme.text),
        (role.Link, theme.accent), (role.Light, theme.hover), (role.Midlight, theme.border),
        (role.Mid, theme.border), (role.Dark, theme.border), (role.Shadow, theme.border),
        (role.Accent, theme.accent),
    ):  # fmt: skip
        colors.setColor(target, QColor(color))
    for target in (role.Text, role.WindowText, role.ButtonText):
        colors.setColor(QPalette.ColorGroup.Disabled, target, QColor(theme.muted))
    return colors
