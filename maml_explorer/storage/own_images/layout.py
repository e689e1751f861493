"""Layouts of folders of images: which folder is a class, of which group and split. Torch-free.

Three layouts are told apart by looking:

- class/image: every sub-folder is a class; classes are split here.
- train, val, test / class / image: splits as laid out; one that is missing is cut off the training
  classes.
- images_background, images_evaluation / alphabet / character / image: Omniglot as published;
  alphabets are groups, and validation alphabets are cut off the background ones.

Groups (a further level of folders) may be in any of them. Nothing is followed: no link, no hidden
name; what is neither a folder nor a file with the name of an image is left out.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from maml_explorer.files.reader import StorageError, quoted

SUFFIXES = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff",
                      ".webp"))  # fmt: skip
MOST_IMAGES = 100_000
MOST_ENTRIES = 400_000
"""Names that are looked at before a folder is refused."""
_DEPTH = 5
"""Levels of folders below the one that was named."""
_SPLITS = {
    **dict.fromkeys(("train", "training", "images_background"), 0),
    **dict.fromkeys(("val", "valid", "validation", "dev"), 1),
    **dict.fromkeys(("test", "testing", "images_evaluation"), 2),
}
_PART = 0.2
"""Part of the classes that validation and test have each, where that is decided here."""


@dataclass(frozen=True)
class ClassFolder:
    """A folder whose images are one class."""

    name: str
    """Such as "Greek/character01"."""
    group: str
    """Such as "Greek"; empty where there is none."""
    split: int | None
    """0 for training, 1 for validation, 2 for test; None where the layout does not say."""
    files: tuple[Path, ...]
    """By name."""


@dataclass(frozen=True)
class Laid:
    """The classes in a folder."""

    classes: tuple[ClassFolder, ...]
    left_out: tuple[str, ...]
    """Names of links, pipes and other things that are no image and no folder."""


def holds_images(path: Path) -> bool:
    """True where a sub-folder of `path` holds images: then it may be a folder of classes."""
    looked = 0
    for depth, _, files, _ in _walked(path):
        looked += 1 + len(files)
        if depth and files:
            return True
        if looked > 5000:
            break
    return False


def laid_out(path: Path) -> Laid:
    """The classes in a folder, split.

    Raises:
        StorageError: where it is no folder of classes of images.
    """
    classes, left_out, count = [], [], 0
    for depth, where, files, odd in _walked(path):
        left_out += odd
        count += len(files)
        if count > MOST_IMAGES:
            raise StorageError(
                f"{quoted(path.name)} has more than {MOST_IMAGES} images: allowed are at most so "
                "many."
            )
        if files and depth:
            classes.append(_class(path, where, files))
    if not classes:
        raise StorageError(
            f"{quoted(path.name)} has no sub-folder with images: needed is one sub-folder for "
            f"each class, with files such as {', '.join(sorted(SUFFIXES)[:5])}."
        )
    classes.sort(key=lambda one: one.name)
    return Laid(_split(path, classes), tuple(left_out))


def _walked(path: Path) -> Iterator[tuple[int, Path, list[str], list[str]]]:
    """(depth, folder, names of images, names that are left out) of it and what is below.

    Raises:
        StorageError: where it cannot be read, or has too many names.
    """
    waiting, seen = [(0, path)], 0
    while waiting:
        depth, where = waiting.pop()
        files, odd = [], []
        try:
            with os.scandir(where) as found:
                for entry in found:
                    seen += 1
                    if seen > MOST_ENTRIES:
                        raise StorageError(f"{quoted(path.name)} holds too many files.")
                    if entry.name.startswith("."):
                        continue
                    mode = entry.stat(follow_symlinks=False).st_mode
                    if stat.S_ISDIR(mode) and depth < _DEPTH:
                        waiting.append((depth + 1, where / entry.name))
                    elif not stat.S_ISREG(mode):
                        odd.append(str((where / entry.name).relative_to(path)))
                    elif Path(entry.name).suffix.lower() in SUFFIXES:
                        files.append(entry.name)
        except OSError as error:
            raise StorageError(f"{quoted(where.name)} cannot be read: {error.strerror}.") from None
        yield depth, where, sorted(files), sorted(odd)


def _class(path: Path, where: Path, files: Sequence[str]) -> ClassFolder:
    parts = list(where.relative_to(path).parts)
    said = [_SPLITS.get(part.casefold()) for part in parts]
    # the folders above a split are only the way to it; a class may be called “test” itself
    at = next((nth for nth, one in enumerate(said[:-1]) if one is not None), None)
    split = None if at is None else said[at]
    names = parts if at is None else parts[at + 1 :]
    group = "/".join(names[:-1])
    return ClassFolder("/".join(names), group, split, tuple(where / name for name in files))


def _split(path: Path, classes: Sequence[ClassFolder]) -> tuple[ClassFolder, ...]:
    """The classes with the split of each.

    Raises:
        StorageError: where there are splits and no training classes, or a class is in two of them.
    """
    laid = {one.split for one in classes} - {None}
    if laid and 0 not in laid:
        raise StorageError(
            f"{quoted(path.name)} has a folder for validation or test and none for training: "
            "needed is “train”."
        )
    if laid:
        classes = [one for one in classes if one.split is not None]
    names = [one.name for one in classes]
    twice = next((name for name in names if names.count(name) > 1), None) if laid else None
    if twice is not None:
        raise StorageError(
            f"The class {quoted(twice)} is in two splits: a class that is tested must not be "
            "trained on, so name it once."
        )
    free = [one for one in classes if one.split in (None, 0)]
    missing = [number for number in (2, 1) if number not in laid]
    cut = _cut_off(free, missing)
    return tuple(
        ClassFolder(one.name, one.group, cut.get(one.name, one.split or 0), one.files)
        for one in classes
    )


def _cut_off(classes: Sequence[ClassFolder], splits: Sequence[int]) -> dict[str, int]:
    """Class → split, of those that are cut off for these splits: whole groups where there are some.

    Which ones is decided by a hash of their names, so that neither the order of files nor a further
    class changes much.
    """
    groups = {one.group for one in classes}
    by_group = len(groups) >= 3
    units = sorted(groups if by_group else {one.name for one in classes}, key=_hash)
    each = max(1 if by_group else 2, round(_PART * len(units)))
    begins = {split: nth * each for nth, split in enumerate(splits)}
    of_unit = {
        unit: split for split, begin in begins.items() for unit in units[begin : begin + each]
    }
    found = {}
    for one in classes:
        split = of_unit.get(one.group if by_group else one.name)
        if split is not None:
            found[one.name] = split
    return found


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
