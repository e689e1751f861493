"""The settings of few-shot image classification."""

from __future__ import annotations

from dataclasses import dataclass

from maml_explorer.settings.declaration import Applies, SettingsError, declare, quoted
from maml_explorer.settings.family import Family
from maml_explorer.settings.own_data import DataKey, data_key
from maml_explorer.settings.words import counted

HANDS = 20
"""Drawings of every letter, as many as Omniglot has."""
TEST_QUERIES = 15
"""Query images of a class at meta-test; fewer where the support set leaves fewer hands."""
LETTERS_OF_SCRIPT = 12
"""Letters that every script has at least."""
DECLARED_DATA = "a folder of images that was opened: drop it onto the window or give --data DIR"
_RESTART = Applies.RESTART


def _images(family: Family) -> bool:
    return family.images


def _drawn(family: Family) -> bool:
    return family.images and not family.own_data


def _own(family: Family) -> bool:
    return family.own_data


@dataclass(frozen=True)
class ImageSettings:
    """Tasks of N-way K-shot classification; shots and query points count images of each class."""

    ways: int = declare(
        2, "Ways", "Classes N of a task.",
        symbol="N", minimum=2, maximum=20, slider=(2, 20), applies=_RESTART,
        families=_images,
    )  # fmt: skip
    classes_from: str = declare(
        "all", "Classes from",
        "all: the classes of a task are letters of all scripts of a split. one-script: of a single "
        "script (of own images: a group of classes), whose letters are more alike, so this is "
        "harder.",
        choices=("all", "one-script"), families=_images,
    )  # fmt: skip
    labels: str = declare(
        "shuffled", "Labels",
        "shuffled: a class gets a new label in every task, so only the support set tells which. "
        "fixed: a class keeps its label, which a network can memorize: it then answers on "
        "classes it was trained on without adapting, and fails on others.",
        choices=("shuffled", "fixed"), basic=False, families=_images,
    )  # fmt: skip
    rotations: bool = declare(
        False, "Rotations as classes",
        "Each letter turned by 90, 180 and 270 degrees is a class of its own, four times as many, "
        "as Finn et al. 2017 trained on Omniglot.",
        basic=False, families=_images,
    )  # fmt: skip
    jitter: float = declare(
        1.4, "Jitter",
        "How much the hands that draw a letter differ: in slant, size, place, waves and brush. "
        "At 1.4 raw pixels tell letters about as well as those of Omniglot.",
        minimum=0.0, maximum=3.0, slider=(0.0, 2.0), applies=_RESTART, families=_drawn,
    )  # fmt: skip
    side: int = declare(
        20, "Image side", "Pixels on a side of an image; the network has side² inputs.",
        unit="px", minimum=8, maximum=28, slider=(14, 28), applies=_RESTART, basic=False,
        families=_images,
    )  # fmt: skip
    data: str = declare(
        "", "Data",
        "The user's own images: a folder with one sub-folder for each class. Settings hold its "
        "name, the classes of its smallest split and of its smallest group, the images of its "
        "smallest class, and a fingerprint.",
        text=DECLARED_DATA, typed=False,
        applies=_RESTART, basic=False, families=_own,
    )  # fmt: skip

    @property
    def key(self) -> DataKey | None:
        """The name of the user's own images; None if there are none."""
        return data_key(self.data)


def check_images(images: ImageSettings, family: Family, shots: int, queries: int) -> None:
    """Refuses image tasks that the data cannot make up.

    Args:
        images: of the run.
        family: of its tasks.
        shots: support images of each class.
        queries: query images of each class while training.

    Raises:
        SettingsError: naming what is too large, and what is allowed.
    """
    if images.data and images.key is None:
        raise SettingsError(
            f"Data (data) cannot be {quoted(images.data)}: allowed is {DECLARED_DATA}."
        )
    if not family.images:
        return
    if family.own_data:
        _check_own(images, shots, queries)
        return
    wanted = shots + queries
    if wanted > HANDS:
        raise SettingsError(
            f"{counted(shots, 'shot')} and {queries} query images are {wanted} drawings of a "
            f"class, and each letter is drawn by {HANDS} hands: together they can be at most "
            f"{HANDS}."
        )
    most = LETTERS_OF_SCRIPT * _turns(images)
    if images.classes_from == "one-script" and images.ways > most:
        raise SettingsError(
            f"{images.ways} classes of one script are more than every script has: allowed are at "
            f"most {most}, or classes from all scripts."
        )


def _check_own(images: ImageSettings, shots: int, queries: int) -> None:
    key = images.key
    if key is None:
        raise SettingsError(
            "Own images need a folder with one sub-folder for each class: drop it onto the "
            "window, choose File → Open images, or give --data DIR."
        )
    one_group = images.classes_from == "one-script"
    most = (key.of_group if one_group else key.classes) * _turns(images)
    if images.ways > most:
        part = "group" if one_group else "split"
        raise SettingsError(
            f"Tasks of {images.ways} classes are more than “{key.name}” has: its smallest {part} "
            f"has {counted(most, 'class')}, so allowed are at most {most}."
        )
    wanted = shots + queries
    if wanted > key.images:
        raise SettingsError(
            f"{counted(shots, 'shot')} and {queries} query images are {wanted} images of a class, "
            f"and the smallest class of “{key.name}” has {key.images}: together they can be at "
            f"most {key.images}."
        )


def images_of_class(images: ImageSettings, family: Family) -> int:
    """Images that every class has at least: hands of a letter, or those of the user's data."""
    key = images.key
    return key.images if family.own_data and key is not None else HANDS


def _turns(images: ImageSettings) -> int:
    return 4 if images.rotations else 1
