"""A task of images as the window shows it: examples of each class, query images, and answers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from maml_explorer.late_dataclass import dataclass

Array = NDArray[np.float64]
Strokes = tuple[tuple[tuple[float, float], ...], ...]
"""Lines drawn by hand, each of some vertices (x, y) in the unit square, y downwards."""


@dataclass(frozen=True)
class Example:
    """One image: a sampled drawing of a class of the task, or one drawn by hand."""

    label: int | None
    """The class it is said to show; None for a query image whose class nobody has said."""
    way: int = 0
    """The sampled class that it is a drawing of, …"""
    nth: int = 0
    """… and which of that class's drawings."""
    strokes: Strokes = ()
    """Strokes drawn by hand; empty for a sampled drawing."""


@dataclass(frozen=True)
class ImageTask:
    """An image task whose adaptation the window shows. Successive ones coalesce to the newest.

    Answered by `ImagesProbed` at once, and again after outer steps while training. Classes and
    drawings follow from the two seeds and the settings in force.
    """

    seed: int
    """Chooses the classes."""
    drawings: int
    """Chooses the drawings of each class."""
    support: tuple[Example, ...]
    query: tuple[Example, ...]
    unseen: bool = True
    """False for classes that training draws from."""
    together: bool = True
    """True where batch norm takes its statistics of all query images at once; False where each
    query image is seen beside the support set alone."""

    def fits(self, ways: int) -> bool:
        """True where it has no more classes than so many."""
        examples = (*self.support, *self.query)
        return all(one.way < ways and (one.label or 0) < ways for one in examples)


@dataclass(frozen=True)
class ImageArmProbe:
    """One arm's adaptation to an image task, k = 0 … K_test. Diverged values are NaN."""

    probability: Array
    """[inner step, query image, class]"""
    accuracy: Array
    """[inner step]: on the query images whose class is known; NaN where there are none."""
    loss: Array
    """[inner step]: cross-entropy on the same images, in nats."""
    support_accuracy: Array
    """[inner step]"""
    support_loss: Array
    """[inner step]"""


@dataclass(frozen=True)
class ImagesProbed:
    """The answer to `ImageTask`: the images, and what every arm makes of them now."""

    run: int
    outer_step: int
    probe: ImageTask
    images: NDArray[np.uint8]
    """[support image, then query image, side, side]; 255 is full ink."""
    names: tuple[str, ...]
    """[class]: the character that was drawn."""
    arms: Mapping[str, ImageArmProbe]
    neighbour: tuple[int, ...] = ()
    """[query image]: the class of the nearest support image by pixels; empty without support."""
    by_points: bool = False
    """True where an answer depends on the other query images (batch norm)."""


@dataclass(frozen=True)
class WatchImages:
    """Further image tasks, answered beside the one that is shown; none ends it.

    Answered by `ImagesWatched`, now and after outer steps while training.
    """

    tasks: tuple[ImageTask, ...]


@dataclass(frozen=True)
class ImagesWatched:
    """The answer to `WatchImages`."""

    run: int
    outer_step: int
    watch: WatchImages
    tasks: tuple[ImagesProbed, ...]
    """[task]"""


@dataclass(frozen=True)
class ClassReferences:
    """Exact expectations of guessing among the classes of a task, under the settings in force."""

    run: int
    ways: int
    loss: float
    """ln N, in nats."""
    accuracy: float
    """1/N."""
