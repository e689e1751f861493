"""Own images for tests: a few classes of drawn letters, as arrays and as folders of files."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from maml_explorer.core.families.glyphs.pool import pool
from maml_explorer.core.families.own.data import SIDE, OwnImages, open_images


def letters(classes: int, images: int) -> NDArray[np.uint8]:
    """Drawn letters [class, image, 28, 28], ink bright, of many scripts."""
    drawings = pool("training", SIDE, 1.0)
    which = (torch.arange(classes) * 37)[:, None].expand(-1, images)
    hands = torch.arange(images).expand(classes, -1)
    found: NDArray[np.uint8] = drawings.images(which, hands).numpy()
    return found.reshape(classes, images, SIDE, SIDE)


def own_images(
    classes: int = 12, images: int = 6, groups: int = 1, more: int = 0, name: str = "letters"
) -> OwnImages:
    """Data with a third of its classes in each split.

    Args:
        groups: that the classes of a split are spread over.
        more: further images that every second class has.
    """
    pixels = letters(classes, images + more)
    counts = np.array([images + more * (nth % 2) for nth in range(classes)])
    kept = np.concatenate([pixels[nth, :count] for nth, count in enumerate(counts)])
    split = np.arange(classes) % 3
    group = split * groups + np.arange(classes) // 3 % groups
    names = tuple(f"class{nth:02d}" for nth in range(classes))
    return OwnImages(
        name, kept, counts, split, group, names, tuple(f"group{n}" for n in range(3 * groups))
    )


@cache
def opened(classes: int = 12, images: int = 6, groups: int = 1, more: int = 0) -> str:
    """The text of the key of such data, which is open."""
    return open_images(own_images(classes, images, groups, more)).text


def write_classes(
    path: Path, classes: int, images: int, side: int = 28, ending: str = "png", first: int = 0
) -> None:
    """Writes a folder of classes as image files, dark ink on white, by Qt."""
    from PySide6.QtGui import QImage

    pixels = 255 - letters(first + classes, images)
    for nth in range(first, first + classes):
        folder = path / f"class{nth:02d}"
        folder.mkdir(parents=True)
        for number, one in enumerate(pixels[nth]):
            line = one.tobytes()
            image = QImage(line, SIDE, SIDE, SIDE, QImage.Format.Format_Grayscale8)
            assert image.scaled(side, side).save(str(folder / f"{number:02d}.{ending}"))
