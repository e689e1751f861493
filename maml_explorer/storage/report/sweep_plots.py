"""Pictures of a sweep as inline SVG: a heat map of two axes, parallel coordinates. Torch-free."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from maml_explorer.settings.declaration import Value, shown
from maml_explorer.storage.report.sweep_table import SweepAxis, SweepCell

CELL_WIDTH, CELL_HEIGHT = 92, 44
_LEFT, _TOP, _BOTTOM = 92, 10, 52
_MUTED, _INK, _EMPTY = "#5b6670", "#1b1f24", "#f4f5f7"
_LIGHT, _DEEP = (0xEA, 0xF3, 0xFA), (0x00, 0x5A, 0x96)
"""Ends of the scale: deep is good, and its text is white."""
_WIDTH, _HEIGHT = 720, 300
_ROBUST = 0.9
"""Share of the lines that sets the range of the objective: three runaways must not flatten it."""


def heat_map(
    cells: Sequence[SweepCell], across: SweepAxis, up: SweepAxis, *, higher: bool = False
) -> str:
    """An SVG of mean ± 95 % in each cell of two axes; diverged cells are hatched.

    Args:
        cells: over these two axes (:func:`~maml_explorer.storage.report.sweep_table.folded`).
        across: the axis from left to right.
        up: the axis from bottom to top.
        higher: whether a higher mean is better, and so deeper in colour.
    """
    sign = -1 if higher else 1
    columns, rows = axis_values(cells, across.key), axis_values(cells, up.key)[::-1]
    at = {(dict(c.point)[across.key], dict(c.point)[up.key]): c for c in cells}
    low, high = robust_range(
        [sign * c.mean for c in cells if c.mean is not None and not c.diverged]
    )
    width = _LEFT + len(columns) * CELL_WIDTH + 10
    height = _TOP + len(rows) * CELL_HEIGHT + _BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'style="max-width: {width}px" role="img" '
        f'aria-label="{escape(up.label)} against {escape(across.label)}">',
        '<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><line x1="0" y1="0" x2="0" y2="7" stroke="#b3261e" '
        'stroke-width="1.6" opacity="0.55"/></pattern></defs>',
    ]
    for nth, row in enumerate(rows):
        y = _TOP + nth * CELL_HEIGHT
        parts.append(_text(_LEFT - 8, y + CELL_HEIGHT / 2 + 4, shown(row), "end"))
        for column_nth, column in enumerate(columns):
            x = _LEFT + column_nth * CELL_WIDTH
            parts += _cell(at.get((column, row)), x, y, low, high, sign)
    foot = _TOP + len(rows) * CELL_HEIGHT
    for nth, column in enumerate(columns):
        parts.append(_text(_LEFT + (nth + 0.5) * CELL_WIDTH, foot + 18, shown(column), "middle"))
    middle = _LEFT + len(columns) * CELL_WIDTH / 2
    parts.append(_text(middle, foot + 40, across.label, "middle", _INK))
    side = _TOP + len(rows) * CELL_HEIGHT / 2
    parts.append(
        f'<text x="14" y="{side:.1f}" transform="rotate(-90 14 {side:.1f})" text-anchor="middle" '
        f'font-size="12" fill="{_INK}">{escape(up.label)}</text>'
    )
    return "".join([*parts, "</svg>"])


def parallel_coordinates(
    cells: Sequence[SweepCell], axes: Sequence[SweepAxis], objective: str, *, higher: bool = False
) -> str:
    """An SVG with a line for each cell through its values and its objective, best lines on top."""
    known = [cell for cell in cells if cell.mean is not None]
    if not known:
        return "<p>No run is done yet.</p>"
    sign = -1 if higher else 1
    low, high = robust_range([sign * _mean(cell) for cell in known if not cell.diverged] or [0.0])
    gap = (_WIDTH - 160) / max(1, len(axes))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="Parallel coordinates of the sweep">'
    ]
    scales = [axis_places(cells, axis) for axis in axes]
    for cell in sorted(known, key=lambda c: -sign * _mean(c)):
        values = dict(cell.point)
        points = [
            (80 + nth * gap, _pixel(scale[values[axis.key]]))
            for nth, (axis, scale) in enumerate(zip(axes, scales, strict=True))
        ]
        points.append((80 + len(axes) * gap, _pixel(share(sign * _mean(cell), low, high))))
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        color = _color(sign * _mean(cell), low, high)
        dashes = ' stroke-dasharray="4 4"' if cell.diverged else ""
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{color}" '
            f'stroke-width="1.6"{dashes}><title>{escape(cell.words())}</title></polyline>'
        )
    for nth, (axis, scale) in enumerate(zip(axes, scales, strict=True)):
        x = 80 + nth * gap
        parts.append(_line(x))
        ends = {min(scale.values()), max(scale.values())}
        parts += [
            _text(x - 6, _pixel(part) + 4, shown(value), "end")
            for value, part in scale.items()
            if part in ends or len(scale) <= 7
        ]
        parts.append(_text(x, _HEIGHT - 10, axis.label, "middle", _INK))
    x = 80 + len(axes) * gap
    parts.append(_line(x))
    for value in (low, high):
        parts.append(
            _text(x + 6, _pixel(share(value, low, high)) + 4, f"{sign * value:.3g}", "start")
        )
    parts.append(_text(x, _HEIGHT - 10, objective, "middle", _INK))
    return "".join([*parts, "</svg>"])


def _cell(
    cell: SweepCell | None, x: float, y: float, low: float, high: float, sign: int
) -> list[str]:
    box = f'x="{x + 1}" y="{y + 1}" width="{CELL_WIDTH - 2}" height="{CELL_HEIGHT - 2}" rx="4"'
    if cell is None or not cell.done:
        return [f'<rect {box} fill="{_EMPTY}"/>']
    fill = _EMPTY if cell.mean is None else _color(sign * cell.mean, low, high)
    parts = [f'<rect {box} fill="{fill}"><title>{escape(cell.words())}</title></rect>']
    if cell.diverged:
        parts.append(f'<rect {box} fill="url(#hatch)"/>')
    middle = x + CELL_WIDTH / 2
    ink = "#ffffff" if cell.mean is not None and share(sign * cell.mean, low, high) < 0.45 else _INK
    if cell.mean is None:
        words = "diverged" if cell.diverged else "failed"
        return [*parts, _text(middle, y + CELL_HEIGHT / 2 + 4, words, "middle", _INK)]
    parts.append(_text(middle, y + 19, f"{cell.mean:.3g}", "middle", ink))
    if cell.half is not None:
        parts.append(_text(middle, y + 35, f"± {cell.half:.2g}", "middle", ink))
    return parts


def axis_values(cells: Sequence[SweepCell], key: str) -> list[Value]:
    """The values of an axis: numbers in order, words as they come."""
    found = list(dict.fromkeys(dict(cell.point)[key] for cell in cells))
    if all(isinstance(value, int | float) for value in found):
        return sorted(found, key=lambda value: float(value))  # type: ignore[arg-type]
    return found


def axis_places(cells: Sequence[SweepCell], axis: SweepAxis) -> dict[Value, float]:
    """Value → place from 0 (bottom) to 1 (top)."""
    values = axis_values(cells, axis.key)
    numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) < len(values) or len(values) == 1:
        return {value: (n + 0.5) / len(values) for n, value in enumerate(values)}
    if axis.log and numbers[0] > 0:
        numbers = [math.log(number) for number in numbers]
    low, high = numbers[0], numbers[-1]
    return {v: (n - low) / (high - low) for v, n in zip(values, numbers, strict=True)}


def robust_range(means: Sequence[float | None]) -> tuple[float, float]:
    """The best mean, and the one below which a robust share of them lies."""
    known = sorted(mean for mean in means if mean is not None)
    if not known:
        return 0.0, 1.0
    high = known[min(len(known) - 1, math.ceil(_ROBUST * len(known)))]
    return known[0], high if high > known[0] else known[0] + 1.0


def share(value: float, low: float, high: float) -> float:
    """Place of a value between best (0) and worst (1), by ratios where all are positive."""
    if low > 0:
        value, low, high = math.log(max(value, low)), math.log(low), math.log(high)
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _color(value: float, low: float, high: float) -> str:
    part = share(value, low, high)
    mixed = (round(deep + (light - deep) * part) for deep, light in zip(_DEEP, _LIGHT, strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def _mean(cell: SweepCell) -> float:
    return math.inf if cell.mean is None else cell.mean


def _pixel(part: float) -> float:
    return (_HEIGHT - 40) - part * (_HEIGHT - 60)


def _line(x: float) -> str:
    top, bottom = _pixel(1.0), _pixel(0.0)
    return f'<line x1="{x:.1f}" y1="{top:.1f}" x2="{x:.1f}" y2="{bottom:.1f}" stroke="{_MUTED}"/>'


def _text(x: float, y: float, words: str, anchor: str, color: str = _MUTED) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="12" '
        f'fill="{color}">{escape(words)}</text>'
    )
