"""The brush: strokes become small grey images, each drawn by a hand of its own.

A letter is a set of strokes, polylines in the unit square with y downwards. A hand moves every
point p of a letter to

    A (p − c) + c + t + Σ_m a_m sin(2π k_m · p + φ_m)

with a random affine map A, a shift t and a few slow waves, and draws with a round brush of a random
width. The setting `jitter` scales all of that; with 0 every hand draws alike. Ink adds up and
saturates: a pixel is 1 − e^(−g d), d the density of strokes seen through a Gaussian of the brush's
width. Everything is in the units of the square, so a side of 14 and one of 28 show one drawing.
NumPy alone: the same function draws what the user draws with the mouse.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

POINTS = 96
"""Points that a letter is drawn with, equally spaced along its strokes."""
ROTATION, STRETCH, SHEAR, SHIFT, WAVE, BREADTH = 0.147, 0.11, 0.147, 0.041, 0.022, 0.11
"""Standard deviations at jitter 1: radians, logarithm, tangent, squares' sides, sides, logarithm.
"""
WAVES = 3
BRUSH = 0.03
"""Standard deviation of the Gaussian brush, in sides of the square."""
MARGIN = 0.16
"""Part of the side that a letter leaves free on either side before it is moved."""
GAIN = 2.2
"""Ink at the middle of a straight stroke: 1 − e^−GAIN."""


@dataclass(frozen=True)
class Spaced:
    """Letters as equally spaced points."""

    points: Array
    """[letter, point, 2]: x to the right and y downwards, in the unit square."""
    length: Array
    """[letter]: of all strokes together, in sides of the square."""


def spaced(letters: Sequence[Sequence[Array]]) -> Spaced:
    """Letters, each of some strokes [vertex, 2], as points equally spaced along them.

    A stroke of one vertex, or of no length, is a dot.
    """
    points = np.empty((len(letters), POINTS, 2), np.float32)
    lengths = np.empty(len(letters), np.float32)
    for nth, strokes in enumerate(letters):
        points[nth], lengths[nth] = _along(strokes)
    return Spaced(points, lengths)


def _along(strokes: Sequence[Array]) -> tuple[Array, float]:
    """POINTS points along the strokes, each of which has at least one, and the length of all."""
    starts, steps = [], []
    for stroke in strokes:
        pairs = itertools.pairwise(stroke) if len(stroke) > 1 else [(stroke[0], stroke[0])]
        for one, two in pairs:
            starts.append(one)
            steps.append(two - one)
    start, step = np.array(starts, np.float64), np.array(steps, np.float64)
    size = np.hypot(step[:, 0], step[:, 1])
    size = np.where(size > 0, size, BRUSH)  # a dot is as long as the brush is broad
    ends = np.cumsum(size)
    at = (np.arange(POINTS) + 0.5) / POINTS * ends[-1]
    piece = np.searchsorted(ends, at).clip(0, len(size) - 1)
    part = (at - (ends[piece] - size[piece])) / size[piece]
    return (start[piece] + part[:, None] * step[piece]).astype(np.float32), float(ends[-1])


def fitted(strokes: Sequence[Array]) -> list[Array]:
    """Strokes moved and scaled, all alike, so that they fill the square but for its margin."""
    every = np.concatenate(strokes).astype(np.float32)
    low, high = every.min(0), every.max(0)
    scale = (1 - 2 * MARGIN) / max(float((high - low).max()), 1e-6)
    middle = (low + high) / 2
    return [((stroke - middle) * scale + 0.5).astype(np.float32) for stroke in strokes]


def hands(generator: np.random.Generator, count: int) -> tuple[Array, Array]:
    """So many hands: standard normal numbers [hand, 8 + 4 WAVES] and phases [hand, wave]."""
    moves = generator.standard_normal((count, 8 + 4 * WAVES), np.float32)
    return moves, generator.random((count, WAVES), np.float32) * np.float32(2 * math.pi)


def drawn(
    letters: Spaced,
    which: NDArray[np.int64],
    moves: Array,
    turns: Array,
    side: int,
    jitter: float,
) -> NDArray[np.uint8]:
    """Images [image, side, side], 255 is full ink, each by a hand of its own.

    Args:
        letters: to draw.
        which: the letter of every image [image].
        moves: one of :func:`hands` for every image.
        turns: theirs, for every image as well.
        side: of an image, in pixels.
        jitter: how much hands differ; 0 is not at all.
    """
    hand = moves * np.float32(jitter)
    points = _moved(letters.points[which], hand, turns)
    breadth = BRUSH * np.exp(BREADTH * hand[:, 7])
    return _inked(points, letters.length[which], breadth, side)


def picture(strokes: Sequence[Array], side: int) -> NDArray[np.uint8]:
    """The image [side, side] of strokes as they are, such as those of a mouse: no hand moves them.

    Args:
        strokes: at least one, each [vertex, 2] in the unit square.
        side: in pixels.
    """
    points, length = _along(strokes)
    breadth = np.array([BRUSH], np.float32)
    one: NDArray[np.uint8] = _inked(points[None], np.array([length], np.float32), breadth, side)[0]
    return one


def _moved(points: Array, hand: Array, turns: Array) -> Array:
    """Points [image, point, 2] as a hand moves them: standard normal numbers, and phases."""
    angle, shear = ROTATION * hand[:, 0], SHEAR * hand[:, 1]
    wide, tall = np.exp(STRETCH * hand[:, 2]), np.exp(STRETCH * hand[:, 3])
    cos, sin = np.cos(angle), np.sin(angle)
    affine = np.stack(
        [
            np.stack([cos * wide, (cos * shear - sin) * tall], 1),
            np.stack([sin * wide, (sin * shear + cos) * tall], 1),
        ],
        1,
    )
    centred = points - np.float32(0.5)
    moved = centred @ affine.transpose(0, 2, 1) + np.float32(0.5) + SHIFT * hand[:, None, 4:6]
    waves = hand[:, 8:].reshape(-1, WAVES, 2, 2)
    for m in range(WAVES):
        # one to two waves over the square, in directions a third of a turn apart
        angle_m = 2 * math.pi * m / WAVES
        slow = np.array([math.cos(angle_m), math.sin(angle_m)], np.float32) * (1 + m / WAVES)
        phase = 2 * math.pi * (centred @ slow) + turns[:, m, None]
        moved = moved + WAVE * (
            np.sin(phase)[..., None] * waves[:, None, m, 0]
            + np.cos(phase)[..., None] * waves[:, None, m, 1]
        )
    found: Array = moved.astype(np.float32)
    return found


def _inked(points: Array, length: Array, breadth: Array, side: int) -> NDArray[np.uint8]:
    """Images [image, side, side] of points [image, point, 2] with a brush [image]."""
    middles = (np.arange(side, dtype=np.float32) + np.float32(0.5)) / np.float32(side)
    found = np.empty((len(points), side, side), np.uint8)
    for begin in range(0, len(points), 500):  # what is worked on stays in the cache
        part = slice(begin, begin + 500)
        sigma = breadth[part, None, None].astype(np.float32)
        across = np.exp(-0.5 * ((points[part, :, :1] - middles) / sigma) ** 2)
        down = np.exp(-0.5 * ((points[part, :, 1:] - middles) / sigma) ** 2)
        density = down.transpose(0, 2, 1) @ across
        # a straight stroke has √(2π) σ of brush behind every point of it
        spacing = length[part, None, None] / np.float32(POINTS)
        gain = np.float32(GAIN) * spacing / (math.sqrt(2 * math.pi) * sigma)
        ink = 1 - np.exp(-gain * density)
        found[part] = np.rint(255 * ink).astype(np.uint8)
    return found
