"""Placement of a curve's label where it covers nothing: pure, in pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from maml_explorer.late_dataclass import dataclass

Array = NDArray[np.float64]
NO_POINTS: Array = np.zeros((0, 2))
"""Points [point, 2] of a plot that draws none."""

ENOUGH = 4.0
"""Pixels between a label and the nearest curve with which a label stays where it is."""
_AWAY = np.array([ENOUGH + 1, 14.0, 28.0])
"""Pixels from its curve that a label may have."""


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels, y downwards."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The x of its right side."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """The y of its lower side."""
        return self.top + self.height

    def gap(self, other: Box) -> float:
        """The distance to another box; negative where they overlap."""
        across = max(self.left - other.right, other.left - self.right)
        down = max(self.top - other.bottom, other.top - self.bottom)
        return max(across, down)


def resampled(
    curves: Sequence[tuple[Array, Array]], left: float, right: float
) -> tuple[Array, Array]:
    """(x [sample], y [curve, sample]) of curves at common x, NaN beyond their ends."""
    x = np.arange(left, max(right, left + 2.0), 0.5)
    rows = [np.interp(x, *curve, left=np.nan, right=np.nan) for curve in curves if len(curve[0])]
    return x, np.array(rows).reshape(len(rows), len(x))


def clearance(box: Box, x: Array, curves: Array, points: Array, taken: list[Box]) -> float:
    """The smallest distance, in pixels, from a box to anything drawn; negative where it is covered.

    Args:
        box: the label.
        x: [sample], rising.
        curves: [curve, sample]; NaN where a curve has no value.
        points: [point, 2]; NaN where a point has no value.
        taken: other labels.
    """
    size = box.width, box.height
    return float(_clearances(box.left, np.array([box.top]), size, x, curves, points, taken)[0])


def _clearances(
    left: float,
    tops: Array,
    size: tuple[float, float],
    x: Array,
    curves: Array,
    points: Array,
    taken: list[Box],
) -> Array:
    """The clearance of each of some boxes above each other, `tops` [box]; else as `clearance`."""
    width, height = size
    right, bottoms = left + width, tops + height
    first, last = np.searchsorted(x, (left - ENOUGH, right + ENOUGH))
    near = curves[:, first:last]
    flat = near.ravel()
    gaps = np.maximum(tops[:, None] - flat, flat - bottoms[:, None])
    best: Array = np.fmin.reduce(gaps, axis=1, initial=1e3)
    # A steep curve may cross between two samples: then it is on both sides of the box.
    crossing = (np.fmin.reduce(near, axis=1, initial=np.inf) < tops[:, None]) & (
        np.fmax.reduce(near, axis=1, initial=-np.inf) > bottoms[:, None]
    )
    best = np.where(crossing.any(axis=1), np.minimum(best, -1.0), best)
    if len(points):
        across = np.maximum(left - points[:, 0], points[:, 0] - right)
        down = np.maximum(tops[:, None] - points[:, 1], points[:, 1] - bottoms[:, None])
        # fmin: a point without a value, as where the truth has none, is not drawn either
        best = np.fmin(best, np.fmin.reduce(np.maximum(across, down), axis=1) - 6.0)
    for other in taken:
        beside = max(left - other.right, other.left - right)
        below = np.maximum(tops - other.bottom, other.top - bottoms)
        best = np.minimum(best, np.maximum(beside, below))
    return best


def spot(
    size: tuple[float, float],
    curve: Array,
    area: Box,
    x: Array,
    curves: Array,
    points: Array,
    taken: list[Box],
    wanted: float = 0.5,
    near: float = 28.0,
) -> tuple[Box, float]:
    """(the best box for a label beside `curve` [sample], its clearance).

    Clear of everything is best, then close to its own curve, then near the part `wanted` (0 to 1)
    of the width. It is at most `near` pixels from its curve.
    """
    width, height = size
    best, best_score, best_clear = Box(area.left, area.top, width, height), -np.inf, -np.inf
    finite, away = np.isfinite(curve), _AWAY[near >= _AWAY]
    for centre in np.linspace(area.left + width / 2 + 4, area.right - width / 2 - 4, 25):
        part = curve[(np.abs(x - centre) <= width / 2) & finite]
        if len(part) == 0:
            continue
        # above its curve and below it in turn, ever further away
        tops = np.stack((part.min() - height - away, part.max() + away), axis=1).ravel()
        tops = tops[(tops >= area.top) & (tops + height <= area.bottom)]
        if len(tops) == 0:
            continue
        left = float(centre - width / 2)
        clear = _clearances(left, tops, size, x, curves, points, taken)
        apart = np.abs(part - (tops + height / 2)[:, None]).mean(axis=1)
        aside = abs((centre - area.left) / area.width - wanted)
        scores = np.minimum(clear, 12.0) - 0.1 * apart - 2.0 * aside
        nth = int(scores.argmax())
        if scores[nth] > best_score:
            best, best_score = Box(left, float(tops[nth]), width, height), scores[nth]
            best_clear = float(clear[nth])
    return best, best_clear
