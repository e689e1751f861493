"""The letters that come with the program: thinned strokes, in scripts that never share a split.

Made by tools/glyphs.py from the Noto fonts; the notice beside the file says under which licence.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from maml_explorer.core.families.glyphs.brush import Spaced, spaced
from maml_explorer.files.resources import resources

SPLITS = ("training", "validation", "test")


@dataclass(frozen=True)
class Letters:
    """The letters of one split; each is a class."""

    codes: NDArray[np.uint32]
    """[letter]: Unicode code points."""
    script: NDArray[np.int64]
    """[letter]: its script, a place in `scripts`."""
    scripts: tuple[str, ...]
    """Unicode's names of the scripts of this split."""
    lines: Spaced
    """[letter]"""

    @property
    def names(self) -> list[str]:
        """[letter]: the character itself."""
        return [chr(code) for code in self.codes.tolist()]


@cache
def letters(split: str) -> Letters:
    """The letters of "training", "validation" or "test"."""
    with resources().joinpath("glyphs", "letters.npz").open("rb") as file:
        found = np.load(file, allow_pickle=False)
        names = bytes(found["scripts"]).decode().split("\n")
        of_script, of_letter = found["split"], found["letters"]
        codes, strokes, vertices = found["codes"], found["strokes"], found["vertices"]
        points = found["points"].astype(np.float32) / 255
    script = np.repeat(np.arange(len(names)), of_letter)
    mine = of_script[script] == SPLITS.index(split)
    lines = np.split(points, np.cumsum(vertices.astype(np.int64))[:-1])
    first = np.concatenate([[0], np.cumsum(strokes.astype(np.int64))])
    drawn_from = [lines[first[n] : first[n + 1]] for n in np.flatnonzero(mine)]
    kept = np.flatnonzero(of_script == SPLITS.index(split))
    return Letters(
        codes[mine],
        np.searchsorted(kept, script[mine]),
        tuple(names[n] for n in kept),
        spaced(drawn_from),
    )
