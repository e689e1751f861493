"""The one place for colours: the two themes, the palette and the style of an arm's curves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette, QPen
from PySide6.QtWidgets import QApplication

from maml_explorer.core.algorithms import ALGORITHMS
from maml_explorer.gui.stylesheet import stylesheet
from maml_explorer.settings import Arm, Settings


@dataclass(frozen=True)
class Theme:
    """The colours of the window, as "#rrggbb"."""

    name: str
    """The word "light" or "dark"."""
    window: str
    """Behind the cards."""
    card: str
    """Cards, fields, buttons and the ground of plots."""
    border: str
    text: str
    muted: str
    """Units, subtitles, axes, reference curves."""
    accent: str
    """Focus, sliders, the open tab."""
    primary: str
    """Ground of the primary button; `on_primary` is readable on it."""
    on_primary: str
    hover: str
    grid: str
    danger: str
    warning: str
    fine: str
    selection: str
    """Ground of selected text and menu items; `text` is readable on it."""
    points: float = 9.0
    """Size of the window's text, in points."""
    line_scale: float = 1.0
    """How much thicker than usual an arm's curves are."""

    @property
    def dark(self) -> bool:
        """Whether text is light on a dark ground."""
        return self.name == "dark"


LIGHT = Theme(
    name="light", window="#f4f5f7", card="#ffffff", border="#dfe3e8", text="#1e2329",
    muted="#5f6973", accent="#0072b2", primary="#0072b2", on_primary="#ffffff", hover="#eef1f4",
    grid="#f0f1f3", danger="#b3261e", warning="#8a5300", fine="#1a7f45", selection="#cfe6f5",
)  # fmt: skip
DARK = Theme(
    name="dark", window="#15171b", card="#1c1f25", border="#2c3038", text="#e7e9ec",
    muted="#9aa3ad", accent="#3b9ae0", primary="#1f77bb", on_primary="#ffffff", hover="#262b33",
    grid="#23272e", danger="#ff8a80", warning="#e8b04a", fine="#4cc07f", selection="#1f435f",
)  # fmt: skip
THEMES: dict[str, Theme] = {theme.name: theme for theme in (LIGHT, DARK)}

LINES: dict[str, Qt.PenStyle] = {
    "solid": Qt.PenStyle.SolidLine,
    "dash": Qt.PenStyle.DashLine,
    "dashdot": Qt.PenStyle.DashDotLine,
    "dot": Qt.PenStyle.DotLine,
    "dashdotdot": Qt.PenStyle.DashDotDotLine,
}
"""An algorithm record's line style → Qt's; a second arm takes the next one."""
MARKERS = ("o", "s", "t1", "d", "x", "star", "p", "h")
"""pyqtgraph's letters; a second arm takes the next one."""

READABLE = 4.5
"""Contrast that text needs (WCAG 2.1, AA)."""


@dataclass(frozen=True)
class ArmStyle:
    """How an arm looks everywhere: colour, line style and marker, so that colour is never alone."""

    color: str
    """Of its curves."""
    text: str
    """The same hue, readable as text on a card."""
    line: Qt.PenStyle
    marker: str
    width: float = 2.0
    """Pen width of the hero's curves, in pixels."""

    def pen(self, width: float | None = None, alpha: float = 1.0) -> QPen:
        """A cosmetic pen of this style; `alpha` from 0 (invisible) to 1."""
        color = QColor(self.color)
        color.setAlphaF(alpha)
        pen = QPen(color)
        pen.setCosmetic(True)
        pen.setWidthF(self.width if width is None else width)
        pen.setStyle(self.line)
        return pen


def arm_style(settings: Settings, arm: Arm | str, theme: Theme) -> ArmStyle:
    """How `arm` (or its name) of `settings` looks in `theme`.

    The colour is the algorithm's own; the second and later arms of one algorithm take the next
    line style and marker, and another shade.

    Raises:
        SettingsError: where there is no arm of that name.
    """
    arm = settings.arm(arm) if isinstance(arm, str) else arm
    twins = [other.name for other in settings.arms if other.algorithm == arm.algorithm]
    nth = twins.index(arm.name) if arm.name in twins else len(twins)
    record = ALGORITHMS[arm.algorithm]
    lines, markers = list(LINES), list(MARKERS)
    line = lines[(lines.index(record.line) + nth) % len(lines)] if nth else record.line
    marker = markers[(markers.index(record.marker) + nth) % len(markers)] if nth else record.marker
    color = _shade(_lightened(record.color) if theme.dark else record.color, nth, theme)
    return ArmStyle(
        color=color,
        text=readable(color, theme.card),
        line=LINES[line],
        marker=marker,
        width=(2.6 if arm.algorithm == "maml" and nth == 0 else 2.0) * theme.line_scale,
    )


@lru_cache(maxsize=256)
def readable(color: str, ground: str) -> str:
    """`color`, moved towards black or white until it is readable as text on `ground`."""
    goal = "#000000" if _luminance(ground) > 0.4 else "#ffffff"
    for part in range(21):
        candidate = mixed(color, goal, part / 20)
        if contrast(candidate, ground) >= READABLE:
            return candidate
    return goal


@lru_cache(maxsize=256)
def mixed(color: str, other: str, part: float) -> str:
    """`color` with `part` (0 to 1) of `other` in it."""
    channels = zip(_channels(color), _channels(other), strict=True)
    return QColor.fromRgbF(*(x + (y - x) * part for x, y in channels)).name()


def contrast(color: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.1)."""
    low, high = sorted((_luminance(color), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


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


@lru_cache(maxsize=256)
def _lightened(color: str) -> str:
    """The same hue for a dark ground: lighter, a little less saturated."""
    old = QColor(color)
    lightness = old.lightnessF()
    return QColor.fromHslF(
        old.hslHueF(), old.hslSaturationF() * 0.75, lightness + (1 - lightness) * 0.24
    ).name()


def _shade(color: str, nth: int, theme: Theme) -> str:
    """The shade of the nth arm of one algorithm; the first keeps the colour."""
    if nth == 0:
        return color
    goal = "#ffffff" if theme.dark else "#000000"
    return mixed(color, goal, min(0.3 * nth, 0.6))


def _channels(color: str) -> tuple[float, float, float]:
    """Red, green and blue, each 0 to 1."""
    it = QColor(color)
    return it.redF(), it.greenF(), it.blueF()


def _luminance(color: str) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.1)."""
    linear: list[float] = [
        c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(color)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
