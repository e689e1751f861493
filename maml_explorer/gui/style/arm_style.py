"""Colour, line and marker of an arm."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPen

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.gui.style.contrast import readable
from maml_explorer.gui.style.theme import Theme
from maml_explorer.settings.settings import Arm, Settings

LINES: dict[str, Qt.PenStyle] = {
    "solid": Qt.PenStyle.SolidLine,
    "dash": Qt.PenStyle.DashLine,
    "dashdot": Qt.PenStyle.DashDotLine,
    "dot": Qt.PenStyle.DotLine,
    "dashdotdot": Qt.PenStyle.DashDotDotLine,
}
"""An algorithm record's line style → Qt's; a second arm takes the next one."""
TWINS = ("#6a3d9a", "#7a6a00", "#8c3b4a", "#2b6f77", "#5a5a5a")
"""Colours of second and later arms of one algorithm: hues that no algorithm has."""
_LIGHT = 0.55
"""Lightness of a colour that stands out from a dark ground without more."""
MARKERS = ("o", "s", "t1", "d", "x", "star", "p", "h")
"""pyqtgraph's letters; a second arm takes the next one."""


@dataclass(frozen=True)
class ArmStyle:
    """Look of an arm everywhere: colour, line style and marker, so that colour is never alone."""

    color: str
    """Of its curves."""
    text: str
    """The same hue, readable as text on a card."""
    line: Qt.PenStyle
    marker: str
    width: float = 2.0
    """Pen width of the hero's curves, in pixels."""
    hollow: bool = False
    """The marker is a ring, as of query points."""

    def pen(self, width: float | None = None, alpha: float = 1.0) -> QPen:
        """A cosmetic pen of this style; `alpha` from 0 (invisible) to 1."""
        color = QColor(self.color)
        color.setAlphaF(alpha)
        pen = QPen(color)
        pen.setCosmetic(True)
        pen.setWidthF(self.width if width is None else width)
        pen.setStyle(self.line)
        return pen


def round_dots(pen: QPen) -> None:
    """Makes a pen draw round dots: the square ends of Qt's own make short dashes of them."""
    pen.setDashPattern([0.01, 2.5])
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)


def looks_of(settings: Settings, names: Iterable[str], theme: Theme) -> list[tuple[ArmStyle, str]]:
    """(look, name) of each of these arms that `settings` have: what is drawn may be older."""
    there = {arm.name for arm in settings.arms}
    return [(arm_style(settings, name, theme), name) for name in names if name in there]


def arm_style(settings: Settings, arm: Arm | str, theme: Theme) -> ArmStyle:
    """Look of `arm` (or its name) of `settings` in `theme`.

    The colour is the algorithm's own; the second and later arms of one algorithm take the next
    line style and marker, and a hue that no algorithm has.

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
    color = TWINS[_twins_before(settings, arm) % len(TWINS)] if nth else record.color
    color = readable(_lightened(color), theme.card) if theme.dark else color
    return ArmStyle(
        color=color,
        text=readable(color, theme.card),
        line=LINES[line],
        marker=marker,
        width=(2.6 if arm.algorithm == "maml" and nth == 0 else 2.0) * theme.line_scale,
    )


@lru_cache(maxsize=256)
def _lightened(color: str) -> str:
    """The same hue for a dark ground: lighter, a little less saturated.

    Light colours keep their saturation: paler, they would look like the white of the truth.
    """
    old = QColor(color)
    lightness = old.lightnessF()
    saturation, lighter = (1.0, 0.12) if lightness > _LIGHT else (0.75, 0.24)
    return QColor.fromHslF(
        old.hslHueF(), old.hslSaturationF() * saturation, lightness + (1 - lightness) * lighter
    ).name()


def _twins_before(settings: Settings, arm: Arm) -> int:
    """Number of arms before this one that are not the first of their algorithm."""
    seen: set[str] = set()
    count = 0
    for other in settings.arms:
        if other.name == arm.name:
            break
        count += other.algorithm in seen
        seen.add(other.algorithm)
    return count
