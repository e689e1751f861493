"""Ticks of an axis and their words: pure, so that "never overlap" can be tested."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

from maml_explorer.gui.style.numbers import THIN_SPACE, number

Room = Callable[[list[str]], float]
"""The distance in pixels that neighbouring labels need, given all labels."""


def linear_ticks(
    low: float, high: float, pixels: float, room: Room, whole: bool = False
) -> tuple[list[float], list[str]]:
    """(positions, labels) at multiples of 1, 2 or 5 · 10ⁿ that leave every label its room.

    Args:
        low: left or lower end of the axis.
        high: the other end.
        pixels: length of the axis.
        room: distance neighbouring labels need.
        whole: only whole numbers, as for counts.
    """
    span = high - low
    if not (span > 0 and math.isfinite(span) and pixels > 0):
        return [], []
    power = math.floor(math.log10(span / max(pixels / 20, 1)))
    for exponent in range(power, power + 8):
        for factor in (1, 2, 5):
            step = factor * 10.0**exponent
            if whole and step < 1:
                continue
            first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
            if last - first > 200:
                continue
            values = [n * step for n in range(first, last + 1)]
            ends = [tick_label(value, step) for value in values[:: max(len(values) - 1, 1)]]
            if len(values) > 2 and step / span * pixels < room(ends):
                continue  # no need to write the others
            labels = [tick_label(value, step) for value in values]
            if len(values) < 2 or step / span * pixels >= room(labels):
                return values, labels
    return [], []


def log_ticks(low: float, high: float, pixels: float, room: Room) -> tuple[list[float], list[str]]:
    """(log10 positions, labels) for an axis from 10^low to 10^high."""
    span = high - low
    if not (span > 0 and math.isfinite(span) and pixels > 0):
        return [], []
    exponents = range(math.floor(low) - 1, math.ceil(high) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        marks = [
            (e + math.log10(f), number(f * 10.0**e, 1))
            for e in exponents
            for f in factors
            if low - 1e-9 <= e + math.log10(f) <= high + 1e-9
        ]
        if len(marks) < 2:
            break
        gap = min(b[0] - a[0] for a, b in itertools.pairwise(marks))
        if gap / span * pixels >= room([label for _, label in marks]):
            return [m[0] for m in marks], [m[1] for m in marks]
    if span < 2:
        # Inside one decade round numbers of the value itself say more than 1, 2, 5 would.
        near = linear_ticks(10**low, 10**high, pixels, lambda labels: 1.4 * room(labels))
        values = [(math.log10(v), s) for v, s in zip(*near, strict=True) if v > 0]
        return _thinned(values, span, pixels, room)
    for stride in (1, 2, 5, 10, 20, 50, 100):
        decades = [(float(e), number(10.0**e, 1)) for e in exponents if e % stride == 0]
        decades = [d for d in decades if low - 1e-9 <= d[0] <= high + 1e-9]
        if stride / span * pixels >= room([label for _, label in decades]):
            return [d[0] for d in decades], [d[1] for d in decades]
    return [], []


def two_ticks(
    low: float,
    high: float,
    pixels: float,
    room: Room,
    logarithmic: bool = False,
    whole: bool = False,
) -> tuple[list[float], list[str]]:
    """(positions, labels) of two round numbers near the ends: one alone gives no scale.

    Args:
        low: left or lower end of the axis, as a position.
        high: the other end.
        pixels: length of the axis.
        room: distance that labels must have at least.
        logarithmic: positions are log10 of the value.
        whole: only whole numbers.
    """
    span = high - low
    far = max(abs(low), abs(high)) > 300 if logarithmic else not 1e-300 < span < 1e300
    if not span > 0 or far or pixels <= 0:
        return [], []

    def value(position: float) -> float:
        return float(10.0**position) if logarithmic else position

    for share in (0.5, 0.35, 0.2, 0.1, 0.04):
        first = _roundest(value(low), value(low + share * span), whole)
        last = _roundest(value(high - share * span), value(high), whole)
        if first is None or last is None or first >= last:
            continue
        ends = [math.log10(v) if logarithmic else v for v in (first, last)]
        labels = [number(v, 12) for v in (first, last)]
        if labels[0] != labels[1] and (ends[1] - ends[0]) / span * pixels >= room(labels):
            return ends, labels
    return [], []


def _roundest(low: float, high: float, whole: bool) -> float | None:
    """The number with the fewest digits from `low` to `high`; None where there is no whole one."""
    if low <= 0 <= high:
        return 0.0
    if high < 0:
        mirrored = _roundest(-high, -low, whole)
        return None if mirrored is None else -mirrored
    top = math.ceil(math.log10(high))
    finest = math.floor(math.log10(high - low)) - 1
    for exponent in range(top, (max(finest, 0) if whole else finest) - 1, -1):
        for factor in (5, 2, 1):
            step = factor * 10.0**exponent
            found = math.ceil(low / step - 1e-9) * step
            if 0 < found <= high + 1e-9 * step:
                return found
    return None


def _thinned(
    marks: list[tuple[float, str]], span: float, pixels: float, room: Room
) -> tuple[list[float], list[str]]:
    need = room([label for _, label in marks])
    kept: list[tuple[float, str]] = []
    for mark in marks:
        if not kept or (mark[0] - kept[-1][0]) / span * pixels >= need:
            kept.append(mark)
    return [m[0] for m in kept], [m[1] for m in kept]


def tick_label(value: float, step: float) -> str:
    """`value` with as many decimals as a step of this size needs."""
    if abs(value) < step / 1000:
        return "0"
    size = math.floor(math.log10(max(abs(value), step)) + 1e-12)
    fine = math.floor(math.log10(step) + 1e-12)
    if size > 6 or fine < -4:
        return number(value, min(max(size - fine, 0) + 1, 12))
    text = f"{value:,.{max(0, -fine)}f}"
    return text.replace(",", THIN_SPACE).replace("-", "−")
