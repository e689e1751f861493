"""Contrast of two colours, and the shade that is readable."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtGui import QColor

READABLE = 4.5
"""Contrast that text needs (WCAG 2.1, AA)."""


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
