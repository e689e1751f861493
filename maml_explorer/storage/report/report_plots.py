"""The pictures of a report as inline SVG, so that a report is one file and needs no library.

Torch-free. Every figure is a number or escaped text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 14, 44
_MUTED, _GRID = "#5b6670", "#e6e8eb"
_DASHES = {
    "solid": "",
    "dash": "8 4",
    "dot": "2 3",
    "dashdot": "8 3 2 3",
    "dashdotdot": "8 3 2 3 2 3",
}
_TICKS = 6
_FEWEST = 3
"""Least ticks of a logarithmic axis, which tell that it is one."""


@dataclass(frozen=True)
class ReportLine:
    """One curve; y that are None are left out."""

    name: str
    color: str
    line: str
    """Style, as in an algorithm's record."""
    x: Sequence[float]
    y: Sequence[float | None]
    half: Sequence[float | None] = ()
    """Half-widths of a band around it; empty for none."""


@dataclass(frozen=True)
class Cross:
    """A published figure, with its interval where there is one."""

    x: float
    y: float
    color: str
    half: float | None = None


def plot(
    lines: Sequence[ReportLine],
    crosses: Sequence[Cross],
    x_label: str,
    y_label: str,
    log_y: bool = False,
) -> str:
    """An SVG of curves with bands and crosses; a sentence where there is nothing to draw."""
    ys = [y for line in lines for y in line.y if y is not None and _drawable(y, log_y)]
    ys += [cross.y for cross in crosses if _drawable(cross.y, log_y)]
    xs = [x for line in lines for x in line.x] + [cross.x for cross in crosses]
    if not ys or not xs:
        return "<p>There is nothing finite to draw.</p>"
    low, high = (min(ys), max(ys)) if log_y else (0.0, 1.08 * max(ys))
    if log_y:
        low, high = math.log10(low), math.log10(high)
    x_axis = _Axis(min(xs), max(xs), _LEFT, WIDTH - _RIGHT)
    y_axis = _Axis(low, high, HEIGHT - _BOTTOM, _TOP, log_y)
    parts = [_ground(x_axis, y_axis, x_label, y_label)]
    for line in lines:
        parts += _curve(line, x_axis, y_axis)
    parts += [_cross(cross, x_axis, y_axis) for cross in crosses]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(y_label)} against {escape(x_label)}">' + "".join(parts) + "</svg>"
    )


class _Axis:
    """From values to pixels."""

    def __init__(
        self, low: float, high: float, start: float, end: float, log: bool = False
    ) -> None:
        self.log = log
        self.low, self.high = low, high if high > low else low + 1.0
        self.start, self.end = start, end

    def at(self, value: float) -> float:
        """The pixel of a value; what lies outside the plot is put on its border."""
        if self.log:
            value = math.log10(value)
        part = (value - self.low) / (self.high - self.low)
        return self.start + min(max(part, 0.0), 1.0) * (self.end - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        """(pixel, words), at round values."""
        values = _log_ticks(self.low, self.high) if self.log else _even_ticks(self.low, self.high)
        return [
            (self.at(value), f"{value:.3g}" if self.log else f"{value:.6g}") for value in values
        ]


def _even_ticks(low: float, high: float) -> list[float]:
    rough = (high - low) / _TICKS
    unit = 10 ** math.floor(math.log10(rough))
    step = next(f * unit for f in (1, 2, 5, 10) if f * unit >= rough)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [n * step for n in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """Round values between two powers of ten, at least three where a scale is to be read off."""
    decades = range(math.floor(low), math.ceil(high) + 1)
    for factors in ((1,), (1, 2, 5), range(1, 10)):
        values = [f * 10.0**k for k in decades for f in factors]
        values = [v for v in values if low <= math.log10(v) <= high]
        if len(values) >= _FEWEST:
            return values[:: math.ceil(len(values) / (2 * _TICKS))]
    return [value for value in _even_ticks(10**low, 10**high) if value > 0]


def line_key(line: ReportLine) -> str:
    """A piece of the curve as it is drawn, and its name, as HTML."""
    dashes = f' stroke-dasharray="{_DASHES[line.line]}"' if _DASHES.get(line.line) else ""
    return (
        f'<span class="key" style="color: {escape(line.color)}"><svg width="34" height="8" '
        f'viewBox="0 0 34 8" aria-hidden="true"><line x1="0" y1="4" x2="34" y2="4" '
        f'stroke="{escape(line.color)}" stroke-width="2"{dashes}/></svg> {escape(line.name)}</span>'
    )


def _drawable(value: float | None, log: bool) -> bool:
    return value is not None and math.isfinite(value) and (value > 0 or not log)


def _ground(x_axis: _Axis, y_axis: _Axis, x_label: str, y_label: str) -> str:
    left, right, bottom = _LEFT, WIDTH - _RIGHT, HEIGHT - _BOTTOM
    parts = []
    for pixel, words in y_axis.ticks():
        parts.append(_segment(left, pixel, right, pixel, _GRID))
        parts.append(_words(left - 6, pixel + 4, words, "end"))
    for pixel, words in x_axis.ticks():
        parts.append(_segment(pixel, bottom, pixel, bottom + 4, _MUTED))
        parts.append(_words(pixel, bottom + 17, words, "middle"))
    parts.append(_segment(left, bottom, right, bottom, _MUTED))
    parts.append(_words((left + right) / 2, HEIGHT - 8, x_label, "middle"))
    middle = (_TOP + bottom) / 2
    parts.append(
        f'<text x="14" y="{middle:.1f}" transform="rotate(-90 14 {middle:.1f})" '
        f'text-anchor="middle" font-size="12" fill="{_MUTED}">{escape(y_label)}</text>'
    )
    return "".join(parts)


def _curve(line: ReportLine, x_axis: _Axis, y_axis: _Axis) -> list[str]:
    shown = [
        (x, y, line.half[n] if line.half else None)
        for n, (x, y) in enumerate(zip(line.x, line.y, strict=True))
        if y is not None and _drawable(y, y_axis.log)
    ]
    parts = []
    band = [(x, y, half) for x, y, half in shown if half is not None and not y_axis.log]
    if len(band) > 1:
        upper = [_point(x_axis.at(x), y_axis.at(y + half)) for x, y, half in band]
        lower = [_point(x_axis.at(x), y_axis.at(y - half)) for x, y, half in reversed(band)]
        corners = " ".join([*upper, *lower])
        parts.append(f'<polygon points="{corners}" fill="{escape(line.color)}" opacity="0.15"/>')
    points = " ".join(_point(x_axis.at(x), y_axis.at(y)) for x, y, _ in shown)
    parts.append(
        f'<polyline points="{points}" fill="none" stroke="{escape(line.color)}" '
        f'stroke-width="2" stroke-dasharray="{_DASHES.get(line.line, "")}"/>'
    )
    return parts


def _cross(cross: Cross, x_axis: _Axis, y_axis: _Axis) -> str:
    if not _drawable(cross.y, y_axis.log):
        return ""
    x, y, color = x_axis.at(cross.x), y_axis.at(cross.y), escape(cross.color)
    parts = [_segment(x - 6, y, x + 6, y, color, 2.5), _segment(x, y - 6, x, y + 6, color, 2.5)]
    if cross.half is not None and not y_axis.log:
        above, below = y_axis.at(cross.y + cross.half), y_axis.at(cross.y - cross.half)
        parts.append(_segment(x, above, x, below, color, 1))
        parts += [_segment(x - 4, end, x + 4, end, color, 1) for end in (above, below)]
    return "".join(parts)


def _segment(x: float, y: float, x_end: float, y_end: float, color: str, width: float = 1) -> str:
    return (
        f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{x_end:.1f}" y2="{y_end:.1f}" '
        f'stroke="{color}" stroke-width="{width}"/>'
    )


def _words(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="12" '
        f'fill="{_MUTED}">{escape(text)}</text>'
    )


def _point(x: float, y: float) -> str:
    return f"{x:.1f},{y:.1f}"
