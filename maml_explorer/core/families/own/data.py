"""The user's own images as arrays, and those that are open in this process. Torch-free.

Whoever reads a folder hands over arrays; settings name them by their key. What is open stays open:
a run asks for its images whenever its tasks are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from maml_explorer.late_dataclass import dataclass
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.own_data import DataKey, data_key, fitting_name

SIDE = 28
"""Pixels on a side of the images that are kept; smaller ones are made of these."""
SPLITS = ("training", "validation", "test")
FEWEST = 2
"""Classes that every split has at least, and images that every class has at least."""


@dataclass(frozen=True, eq=False)
class OwnImages:
    """The images of a folder, class by class."""

    name: str
    """Of the folder."""
    pixels: NDArray[np.uint8]
    """[image, SIDE, SIDE]: 255 is full ink; the images of a class follow each other."""
    counts: NDArray[np.int64]
    """[class]: images of each."""
    split: NDArray[np.int64]
    """[class]: a place in SPLITS."""
    group: NDArray[np.int64]
    """[class]: its group, a place in `groups`."""
    names: tuple[str, ...]
    """[class]"""
    groups: tuple[str, ...]
    """Names of the groups, such as alphabets; one alone where the folder has none."""
    key: DataKey = field(init=False)
    """Name, smallest sizes and fingerprint."""

    def __post_init__(self) -> None:
        """Refuses what is too little for tasks.

        Raises:
            SettingsError: naming the split or the class that falls short, its count, and the need.
        """
        for nth, name in enumerate(SPLITS):
            classes = int((self.split == nth).sum())
            if classes < FEWEST:
                raise SettingsError(
                    f"“{self.name}” has {_counted(len(self.split), 'class')}, "
                    f"{classes or 'none'} of them for {name}: at least {FEWEST} are needed in each "
                    f"of training, validation and test, so {len(SPLITS) * FEWEST} in all."
                )
        least = int(self.counts.argmin())
        if self.counts[least] < FEWEST:
            raise SettingsError(
                f"The class “{self.names[least]}” of “{self.name}” has "
                f"{_counted(int(self.counts[least]), 'image')} that can be read: at least "
                f"{FEWEST} are needed, one to learn from and one to ask for."
            )
        classes = min(int((self.split == nth).sum()) for nth in range(len(SPLITS)))
        pairs = np.stack([self.split, self.group], 1)
        of_group = int(np.unique(pairs, axis=0, return_counts=True)[1].min())
        key = DataKey(
            fitting_name(self.name), classes, of_group, int(self.counts[least]), self._fingerprint()
        )
        object.__setattr__(self, "key", key)

    def _fingerprint(self) -> str:
        """Of everything but the folder's name."""
        import hashlib  # the window starts without it

        found = hashlib.sha256(np.ascontiguousarray(self.pixels).tobytes())
        for numbers in (self.counts, self.split, self.group):
            found.update(np.ascontiguousarray(numbers, "<i8").tobytes())
        found.update("\0".join([*self.names, *self.groups]).encode("utf-8", "surrogatepass"))
        return found.hexdigest()[:16]

    @property
    def summary(self) -> str:
        """Classes of every split and images of a class, in words."""
        classes = [int((self.split == nth).sum()) for nth in range(len(SPLITS))]
        low, high = int(self.counts.min()), int(self.counts.max())
        each = str(low) if low == high else f"{low} to {high}"
        parts = ", ".join(f"{n} for {name}" for n, name in zip(classes, SPLITS, strict=True))
        return f"{sum(classes)} classes ({parts}) of {each} images"


class AbsentImagesError(SettingsError):
    """Refusal of settings whose images are not open here."""

    def __init__(self, key: DataKey) -> None:
        super().__init__(
            f"This needs the images {key.words}, which are not open here: drop their folder onto "
            "the window, or give --data DIR."
        )
        self.key = key


_OPEN: dict[str, OwnImages] = {}
"""Fingerprint → images."""


def open_images(images: OwnImages) -> DataKey:
    """Makes images known to this process; their key."""
    _OPEN[images.key.fingerprint] = images
    return images.key


def is_open(text: str) -> bool:
    """True where the data that settings name is open."""
    key = data_key(text)
    return key is not None and key.fingerprint in _OPEN


def opened_images(text: str) -> OwnImages:
    """The images that settings name.

    Raises:
        AbsentImagesError: where they are not open.
        SettingsError: where the settings say more of them than there is.
    """
    key = data_key(text)
    if key is None:
        raise SettingsError("No own images are named.")
    found = _OPEN.get(key.fingerprint)
    if found is None:
        raise AbsentImagesError(key)
    if (found.key.classes, found.key.of_group, found.key.images) != (
        key.classes, key.of_group, key.images,
    ):  # fmt: skip
        raise SettingsError(f"The sizes that are said of the images {key.words} are not theirs.")
    return found


def scaled(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Images [image, SIDE, SIDE] with another side, each new pixel the mean of its area."""
    if side == SIDE:
        return pixels
    weights = area_weights(SIDE, side)
    found = np.empty((len(pixels), side, side), np.uint8)
    for begin in range(0, len(pixels), 1000):  # as floats they take four times the memory
        part = slice(begin, begin + 1000)
        found[part] = np.rint(weights @ pixels[part].astype(np.float32) @ weights.T)
    return found


def area_weights(before: int, after: int) -> NDArray[np.float32]:
    """[after, before]: the part that each old pixel has in each new one; rows sum to 1."""
    edges = np.arange(after + 1) * (before / after)
    low, high = edges[:-1, None], edges[1:, None]
    pixel = np.arange(before)
    part = np.minimum(high, pixel + 1) - np.maximum(low, pixel)
    weights: NDArray[np.float32] = (part.clip(0) / (before / after)).astype(np.float32)
    return weights


def _counted(count: int, what: str) -> str:
    plural = {"class": "classes"}.get(what, f"{what}s")
    return f"{count or 'no'} {what if count == 1 else plural}"


def group_numbers(names: Sequence[str]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """(the group of every class, the names of the groups in order) of names of groups [class]."""
    groups = tuple(sorted(set(names)))
    place = {name: nth for nth, name in enumerate(groups)}
    return np.array([place[name] for name in names], np.int64), groups
