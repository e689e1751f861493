"""The one place for colours: the two themes, the palette and the style of an arm's curves."""

from __future__ import annotations

import sys
from dataclasses import dataclass


def usual_points(platform: str) -> float:
    """Points of 12 pixels: a point is a pixel on macOS, and three quarters of one elsewhere."""
    return 12.0 if platform == "darwin" else 9.0


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
    points: float = usual_points(sys.platform)
    """Size of the window's text, in points."""
    line_scale: float = 1.0
    """Factor by which an arm's curves are thicker than usual."""

    @property
    def dark(self) -> bool:
        """True where text is light on a dark ground."""
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
