"""A label's place is the best of those that a plain search over every candidate finds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from maml_explorer.gui.plots.label_placement import ENOUGH, Array, Box, clearance, spot

AREA = Box(2.0, 2.0, 496.0, 236.0)


def case(seed: int) -> tuple[Array, Array, Array, list[Box]]:
    """(x, curves, points, boxes of other labels): steep and flat curves, some with gaps."""
    random = np.random.default_rng(seed)
    x = np.sort(random.uniform(0, 500, 120)) if seed % 3 == 0 else np.linspace(0, 500, 120)
    waves = [
        120 + random.uniform(10, 110) * np.sin(x / random.uniform(20, 90) + random.uniform(0, 6))
        for _ in range(4)
    ]
    curves = np.array(waves)
    if seed % 2:
        curves[1, random.integers(120, size=20)] = np.nan
        curves[0, :40] = np.nan
    points = random.uniform((0, 0), (500, 240), (10 if seed % 4 else 0, 2))
    return x, curves, points, [Box(300.0, 100.0, 80.0, 17.0)] if seed % 5 == 1 else []


def plain_clearance(box: Box, x: Array, curves: Array, points: Array, taken: list[Box]) -> float:
    """The clearance by its definition, one sample at a time."""
    gaps = [1e3, *(box.gap(other) for other in taken)]
    gaps += [box.gap(Box(px, py, 0.0, 0.0)) - 6.0 for px, py in points.tolist()]
    for curve in curves.tolist():
        near = [
            y
            for at, y in zip(x.tolist(), curve, strict=True)
            if box.left - ENOUGH <= at < box.right + ENOUGH and not math.isnan(y)
        ]
        gaps += [max(box.top - y, y - box.bottom) for y in near]
        if near and min(near) < box.top and max(near) > box.bottom:
            gaps.append(-1.0)
    return min(gaps)


@pytest.mark.parametrize("seed", range(12))
def test_a_label_has_the_best_place_of_all_candidates(seed: int):
    x, curves, points, taken = case(seed)
    width, height, wanted = 40.0 + 12 * seed, 17.0, seed / 12
    found: list[tuple[float, float, Box]] = []
    for centre in np.linspace(AREA.left + width / 2 + 4, AREA.right - width / 2 - 4, 25).tolist():
        part = curves[0][(np.abs(x - centre) <= width / 2) & np.isfinite(curves[0])]
        if not len(part):
            continue
        for away in (ENOUGH + 1, 14.0, 28.0):
            for top in (float(part.min()) - height - away, float(part.max()) + away):
                box = Box(centre - width / 2, top, width, height)
                if top < AREA.top or box.bottom > AREA.bottom:
                    continue
                clear = plain_clearance(box, x, curves, points, taken)
                assert clearance(box, x, curves, points, taken) == pytest.approx(clear)
                apart = float(np.abs(part - (top + height / 2)).mean())
                aside = abs((centre - AREA.left) / AREA.width - wanted)
                found.append((min(clear, 12.0) - 0.1 * apart - 2.0 * aside, clear, box))
    best, clear = spot((width, height), curves[0], AREA, x, curves, points, taken, wanted)
    assert len(found) > 5
    score = max(score for score, _, _ in found)
    assert any(
        box.left == pytest.approx(best.left) and box.top == pytest.approx(best.top)
        and clear == pytest.approx(its) and one == pytest.approx(score)
        for one, its, box in found
    )  # fmt: skip


def test_a_curve_without_points_leaves_the_first_place():
    x = np.linspace(0, 500, 50)
    nothing = np.full((1, 50), np.nan)
    box, clear = spot((50.0, 17.0), nothing[0], AREA, x, nothing, np.zeros((0, 2)), [])
    assert box == Box(AREA.left, AREA.top, 50.0, 17.0) and clear == -np.inf


def test_points_without_a_value_are_in_nobody_s_way():
    x = np.linspace(0.0, 100.0, 11)
    curve, box = np.full((1, 11), 60.0), Box(20, 10, 30, 12)
    gone, near = [40.0, np.nan], [40.0, 40.0]
    for points, same in (([gone], []), ([gone, near], [near])):
        found = clearance(box, x, curve, np.array(points), [])
        assert found == clearance(box, x, curve, np.array(same).reshape(-1, 2), [])
