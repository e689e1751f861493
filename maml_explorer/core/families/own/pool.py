"""The images of a split of the user's own data, as tasks are drawn from them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from maml_explorer.core.families.own.data import SPLITS, OwnImages, opened_images, scaled


class OwnPool:
    """All images of the classes of a split, with one side."""

    def __init__(self, images: OwnImages, split: str, side: int) -> None:
        mine = np.flatnonzero(images.split == SPLITS.index(split))
        ends = np.cumsum(images.counts)
        self.names = [images.names[nth] for nth in mine.tolist()]
        self.group = images.group[mine]
        self.counts = torch.from_numpy(images.counts[mine])
        self.side = side
        chosen = [np.arange(ends[nth] - images.counts[nth], ends[nth]) for nth in mine.tolist()]
        pixels = scaled(images.pixels[np.concatenate(chosen)], side)
        self._pixels = torch.from_numpy(pixels.reshape(len(pixels), -1))
        self._first = self.counts.cumsum(0) - self.counts

    def images(self, letter: Tensor, hand: Tensor) -> Tensor:
        """Images [..., pixel], uint8: of classes [...] these ones [...], both on the CPU."""
        return self._pixels[self._first[letter] + hand]


def own_pool(data: str, split: str, side: int) -> OwnPool:
    """The images of a split of the data that settings name; those used last are kept.

    Raises:
        SettingsError: where the data is not open.
    """
    opened_images(data)  # a pool that is kept does not make up for it
    return _pool(data, split, side)


@lru_cache(maxsize=6)
def _pool(data: str, split: str, side: int) -> OwnPool:
    return OwnPool(opened_images(data), split, side)
