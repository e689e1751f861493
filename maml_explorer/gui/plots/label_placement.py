"""Placement of a curve's label where it covers nothing: pure, in pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ENOUGH = 4.0
"""Pixels between a label and the nearest curve with which a label stays where it is."""


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


def clearance(box: Box, x: Array, curves: Array, points: Array, taken: list[Box]) -> float:
    """The smallest distance, in pixels, from a box to anything drawn; negative where it is covered.

    Args:
        box: the label.
        x: [sample], rising.
        curves: [curve, sample]; NaN where a curve has no value.
        points: [point, 2].
        taken: other labels.
    """
    first, last = np.searchsorted(x, (box.left - ENOUGH, box.right + ENOUGH))
    near = curves[:, first:last]
    gaps = np.maximum(box.top - near, near - box.bottom)
    # A steep curve may cross between two samples: then it is on both sides of the box.
    crossing = (np.fmin.reduce(near, axis=1, initial=np.inf) < box.top) & (
        np.fmax.reduce(near, axis=1, initial=-np.inf) > box.bottom
    )
    best = float(np.fmin.reduce(gaps, axis=None, initial=1e3))
    if crossing.any():
        best = min(best, -1.0)
    if len(points):
        across = np.maximum(box.left - points[:, 0], points[:, 0] - box.right)
        down = np.maximum(box.top - points[:, 1], points[:, 1] - box.bottom)
        best = min(best, float(np.maximum(across, down).min()) - 6.0)
    return min([best, *(box.gap(other) for other in taken)])


def spot(
    size: tuple[float, float],
    curve: Array,
    area: Box,
    x: Array,
    curves: Array,
    points: Array,
    taken: list[Box],
    wanted: float = 0.5,
) -> tuple[Box, float]:
    """(the best box for a label beside `curve` [sample], its clearance).

    Clear of everything is best, then close to its own curve, then near the part `wanted` (0 to 1)
    of the width.
    """
    width, height = size
    best, best_score, best_clear = Box(area.left, area.top, width, height), -np.inf, -np.inf
    centres = np.linspace(area.left + width / 2 + 4, area.right - width / 2 - 4, 25)
    for centre in centres:
        inside = np.abs(x - centre) <= width / 2
        part = curve[inside & np.isfinite(curve)]
        if len(part) == 0:
            continue
        for away in (ENOUGH + 1, 14.0, 28.0):
            for top in (part.min() - height - away, part.max() + away):
                box = Box(centre - width / 2, top, width, height)
                if top < area.top or box.bottom > area.bottom:
                    continue
                clear = clearance(box, x, curves, points, taken)
                apart = float(np.abs(part - (top + height / 2)).mean())
                aside = abs((centre - area.left) / area.width - wanted)
                score = min(clear, 12.0) - 0.1 * apart - 2.0 * aside
                if score > best_score:
                    best, best_score, best_clear = box, score, clear
    return best, best_clear
