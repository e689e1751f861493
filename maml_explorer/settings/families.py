"""The task families as plain data: what settings, tables and the window know of one. Torch-free.

How tasks of a family are drawn is in :mod:`maml_explorer.core.families`, under the same keys.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class ImageSizes(Protocol):
    """The settings of images that decide the ends of a network."""

    @property
    def ways(self) -> int:
        """Classes of a task."""

    @property
    def side(self) -> int:
        """Pixels on a side of an image."""


@dataclass(frozen=True, eq=False)
class Family:
    """One kind of tasks. Declarations of settings say by a predicate on it who reads them."""

    key: str
    label: str
    summary: str
    """One sentence for tooltips and documents."""
    source: str
    loss: str
    """A key of the table of losses: "squared-error" or "cross-entropy"."""
    figure: str
    """The figure of a meta-test, after "query": "MSE" or "accuracy"."""
    higher_is_better: bool
    ends: Callable[[ImageSizes], tuple[int, int]]
    """(inputs, outputs) of the network."""
    classes: Callable[[ImageSizes], int]
    """Classes of a task, each with as many points as the settings say; 1 for regression."""
    images: bool = False
    """True where inputs are images and targets are classes."""
    own_data: bool = False
    """True where the tasks are of the user's own data, which must have been opened."""
    in_window: bool = True
    """False where the window cannot show its tasks yet: then it refuses them."""
    record_shots: tuple[int, ...] = ()
    """Shots of a saved meta-test beside those trained with, as published tables have it."""


SINE_FAMILY = Family(
    key="sine",
    label="Sine curves",
    summary="Regression of y = A sin(ωx − φ) + noise.",
    source="Finn, Abbeel, Levine 2017, section 5.1",
    loss="squared-error",
    figure="MSE",
    higher_is_better=False,
    ends=lambda images: (1, 1),
    classes=lambda images: 1,
    record_shots=(5,),
)
GLYPHS_FAMILY = Family(
    key="glyphs",
    label="Glyphs",
    summary="N-way K-shot classification of letters, drawn from thinned strokes by synthetic "
    "hands; test scripts are never trained on.",
    source="letters of the Noto fonts; the setting of Lake et al. 2015 and Vinyals et al. 2016",
    loss="cross-entropy",
    figure="accuracy",
    higher_is_better=True,
    ends=lambda images: (images.side**2, images.ways),
    classes=lambda images: images.ways,
    images=True,
)
FOLDER_FAMILY = Family(
    key="folder",
    label="Own images",
    summary="N-way K-shot classification of the user's own images, of a folder with one sub-folder "
    "for each class; test classes are never trained on.",
    source="the user; Omniglot as published by Lake et al. 2015 is read as it is",
    loss="cross-entropy",
    figure="accuracy",
    higher_is_better=True,
    ends=lambda images: (images.side**2, images.ways),
    classes=lambda images: images.ways,
    images=True,
    own_data=True,
)
USUAL_FIGURE = SINE_FAMILY.figure
"""The figure of a record that does not say: there was no other once."""
FAMILIES: dict[str, Family] = {
    family.key: family for family in (SINE_FAMILY, GLYPHS_FAMILY, FOLDER_FAMILY)
}
"""Key → record, in the order of menus."""
