"""Errors on every function after every function that was learned, as a table in colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QLinearGradient, QPainter, QPen

from maml_explorer.gui.plots.color_scale import SEQUENTIAL, color_map
from maml_explorer.gui.style.numbers import number
from maml_explorer.gui.style.theme import Theme
from maml_explorer.protocol.commands import Array

_LIGHT = 140
"""Brightness of a colour from which on words on it are dark."""
_TWO_DECIMALS = 9.995
"""Errors below have two decimals, so that all are as wide."""
_DARK_INK, _LIGHT_INK = "#10151c", "#ffffff"


def _write(painter: QPainter, cell: QRectF, value: float, font: QFont, ink: str) -> None:
    words = f"{value:.2f}" if abs(value) < _TWO_DECIMALS else number(value, 2)
    painter.setFont(font)
    painter.setPen(QColor(ink))
    painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, words)


_SHARES = (1.0, 0.9, 0.8, 0.7)
"""Sizes of figures, as shares of the usual size."""


def _smaller(usual: QFont, share: float) -> QFont:
    font = QFont(usual)
    if usual.pixelSize() > 0:
        font.setPixelSize(max(round(share * usual.pixelSize()), 1))
    else:
        font.setPointSizeF(share * usual.pointSizeF())
    return font


def _needed(font: QFont) -> QSizeF:
    metrics = QFontMetricsF(font)
    return QSizeF(metrics.horizontalAdvance("0.00") + 3, metrics.height())


def least_cell(usual: QFont) -> QSizeF:
    """Pixels of the smallest cell that has a figure in it."""
    return _needed(_smaller(usual, _SHARES[-1]))


def _fitting_font(usual: QFont, wide: float, high: float) -> QFont | None:
    """The font in which figures fit into a cell; None where the smallest does not."""
    for share in _SHARES:
        font = _smaller(usual, share)
        needed = _needed(font)
        if needed.width() <= wide and needed.height() <= high:
            return font
    return None


@dataclass(frozen=True)
class ErrorColors:
    """Colours of errors, from the lowest to the highest that are shown, by their logarithm."""

    low: float
    high: float

    @classmethod
    def of(cls, errors: list[Array]) -> ErrorColors:
        """Those that tell all of these errors apart."""
        joined = np.concatenate([one.ravel() for one in errors]) if errors else np.zeros(0)
        known = joined[np.isfinite(joined) & (joined > 0)]
        if not len(known):
            return cls(0.1, 1.0)
        low, high = float(known.min()), float(known.max())
        return cls(max(low, high / 1e4), high if high > low else 2 * low)

    def color(self, value: float, theme: Theme) -> QColor:
        """The colour of one error; that of the ground where it is not finite."""
        if not np.isfinite(value):
            return QColor(theme.card)
        span = np.log(self.high) - np.log(self.low)
        share = (np.log(max(value, self.low)) - np.log(self.low)) / span
        found: NDArray[np.uint8] = color_map(SEQUENTIAL, theme).map(
            np.clip([share], 0.0, 1.0), mode="byte"
        )
        return QColor(*(int(part) for part in found[0]))


_KEY = 70
"""Pixels of the bar of a colour key."""


def draw_key(painter: QPainter, at: QRectF, colors: ErrorColors, theme: Theme) -> bool:
    """The smallest error, the colours, and the largest, at the right of a line.

    Returns:
        False where it has no room, and nothing is drawn.
    """
    metrics = QFontMetricsF(painter.font())
    low, high = number(colors.low, 2), number(colors.high, 2)
    wide = [metrics.horizontalAdvance(words) + 6 for words in (low, high)]
    if sum(wide) + _KEY > at.width():
        return False
    bar = QRectF(at.right() - wide[1] - _KEY, at.center().y() - 5, _KEY, 10)
    shades = QLinearGradient(bar.topLeft(), bar.topRight())
    for part in np.linspace(0.0, 1.0, 9).tolist():
        value = float(np.exp(np.log(colors.low) * (1 - part) + np.log(colors.high) * part))
        shades.setColorAt(part, colors.color(value, theme))
    painter.fillRect(bar, shades)
    painter.setPen(QColor(theme.muted))
    middle = Qt.AlignmentFlag.AlignVCenter
    painter.drawText(
        QRectF(at.left(), at.top(), bar.left() - at.left() - 6, at.height()),
        middle | Qt.AlignmentFlag.AlignRight, low,
    )  # fmt: skip
    painter.drawText(
        QRectF(bar.right() + 6, at.top(), wide[1], at.height()),
        middle | Qt.AlignmentFlag.AlignLeft, high,
    )  # fmt: skip
    return True


def draw_triangle(
    painter: QPainter, at: QRectF, errors: Array, learned: int, colors: ErrorColors, theme: Theme
) -> None:
    """Draws one arm's errors as far as the stream has come, numbers in them where they fit.

    What is not seen yet has no colour, and before the stream it has its number alone.

    Args:
        errors: [after function 0 … n, function].
        learned: functions so far; later columns stay empty.
    """
    columns, rows = errors.shape
    wide, high = at.width() / columns, at.height() / rows
    usual = painter.font()
    figures = _fitting_font(usual, wide, high)
    for after in range(columns):
        for function in range(rows):
            cell = QRectF(at.left() + after * wide, at.top() + function * high, wide, high)
            inner = cell.adjusted(0.5, 0.5, -0.5, -0.5)
            if after > learned:
                painter.setPen(QPen(QColor(theme.border), 1))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(inner)
                continue
            value = float(errors[after, function])
            if function >= after:  # not seen yet: no colour, which would look like a small error
                painter.setPen(QPen(QColor(theme.border), 1))
                painter.drawRect(inner)
                if after == 0 and figures is not None:
                    _write(painter, cell, value, figures, theme.muted)
                continue
            color = colors.color(value, theme)
            painter.fillRect(inner, color)
            if figures is not None:
                bright = 0.3 * color.red() + 0.6 * color.green() + 0.1 * color.blue()
                ink = _DARK_INK if bright > _LIGHT else _LIGHT_INK
                _write(painter, cell, value, figures, ink)
    painter.setFont(usual)
    now = QRectF(at.left() + learned * wide, at.top(), wide, at.height())
    painter.setPen(QPen(QColor(theme.text), 1.6))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(now)
