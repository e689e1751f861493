"""Drawings of letters, made as they are asked for: the same ones, whatever was asked for before.

Every letter is drawn by the same number of hands, each with a stream of random numbers of its own,
so a drawing depends on the letter, the hand, the jitter and the side alone.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maml_explorer.core.families.glyphs.brush import drawn, hands
from maml_explorer.core.families.glyphs.letters import letters
from maml_explorer.settings.images import HANDS

_SEED = 20_170_309
"""Of all hands, not of a run: seeds of runs differ in their tasks, not in the letters."""


class Pool:
    """All drawings of the letters of a split, filled letter by letter."""

    def __init__(self, split: str, side: int, jitter: float) -> None:
        self.letters, self.side, self.jitter = letters(split), side, jitter
        self.names, self.group = self.letters.names, self.letters.script
        count = len(self.letters.codes)
        self.counts = torch.full((count,), HANDS)
        self._images = torch.zeros(count, HANDS, side * side, dtype=torch.uint8)
        self._ready = np.zeros(count, bool)

    def images(self, letter: Tensor, hand: Tensor) -> Tensor:
        """Images [..., pixel], uint8, of letters [...] drawn by hands [...], both on the CPU."""
        wanted = np.unique(letter.numpy())
        missing = wanted[~self._ready[wanted]]
        if len(missing):
            self._draw(missing)
        return self._images[letter, hand]

    def _draw(self, which: NDArray[np.int64]) -> None:
        codes = self.letters.codes[which].tolist()
        parts = [hands(np.random.default_rng([_SEED, code]), HANDS) for code in codes]
        moves, turns = (np.concatenate(part) for part in zip(*parts, strict=True))
        found = drawn(
            self.letters.lines, np.repeat(which, HANDS), moves, turns, self.side, self.jitter
        )
        self._images[torch.from_numpy(which)] = torch.from_numpy(found).view(len(which), HANDS, -1)
        self._ready[which] = True


@lru_cache(maxsize=6)
def pool(split: str, side: int, jitter: float) -> Pool:
    """The drawings of a split; those used last are kept, some tens of MB each."""
    return Pool(split, side, jitter)


@lru_cache(maxsize=4)
def quarter_turns(side: int) -> Tensor:
    """[4, side²]: where each pixel of an image comes from that is turned by 0, 90, 180, 270°."""
    pixels = torch.arange(side * side).view(side, side)
    return torch.stack([torch.rot90(pixels, n).reshape(-1) for n in range(4)])
