"""Images of a folder as small grey arrays: fitted into a square, ink bright. Torch-free.

Which library decodes a file is the caller's: this takes a function from bytes to grey values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maml_explorer.core.families.own.data import SIDE, OwnImages, area_weights, group_numbers
from maml_explorer.files.reader import StorageError, quoted, read_bytes
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.storage.own_images.layout import laid_out

MOST_BYTES = 20 * 2**20
"""Of one file."""
MOST_SIDE = 4096
"""Pixels on a side of an image that is read."""
NAMED = 3
"""Files that are named of those that could not be read."""
_AT_ONCE = 256

Decode = Callable[[bytes], "NDArray[np.uint8] | str"]
"""Function from the bytes of a file to grey values [row, column], or to a reason it has none."""
Progress = Callable[[int, int], bool]
"""(images read, images in all) → False to give up."""


class GivenUpError(Exception):
    """The user has asked for something else."""


@dataclass(frozen=True)
class Opened:
    """The images of a folder, and what there is to say of them."""

    images: OwnImages
    notes: tuple[str, ...]
    """Sentences: files that were left out, images of another size than most."""


def read_folder(path: Path, decode: Decode, progress: Progress | None = None) -> Opened:
    """The images in a folder with one sub-folder for each class.

    Raises:
        StorageError: where it is none, or holds too little for tasks; a sentence with class,
            count and need.
        GivenUpError: where `progress` said so.
    """
    path = path.resolve() if path.is_symlink() else path
    laid = laid_out(path)
    files = [file for one in laid.classes for file in one.files]
    pixels = np.zeros((len(files), SIDE, SIDE), np.uint8)
    bright = np.zeros(len(files), np.float32)
    sizes: list[tuple[int, int]] = [(0, 0)] * len(files)
    failed: dict[int, str] = {}
    for nth, found in enumerate(_decoded(files, decode)):
        if isinstance(found, str):
            failed[nth] = found
        else:
            bright[nth] = np.median(_border(found))
            sizes[nth] = (found.shape[1], found.shape[0])
            pixels[nth] = fitted(found, round(float(bright[nth])))
        if progress is not None and not (nth + 1) % 100 and not progress(nth + 1, len(files)):
            raise GivenUpError
    read = np.array([nth not in failed for nth in range(len(files))])
    if read.any() and np.median(bright[read]) > 127:
        pixels = 255 - pixels  # ink is dark on these
    of_class = np.repeat(np.arange(len(laid.classes)), [len(one.files) for one in laid.classes])
    group, groups = group_numbers([one.group for one in laid.classes])
    try:
        images = OwnImages(
            name=path.name or str(path),
            pixels=pixels[read],
            counts=np.bincount(of_class[read], minlength=len(laid.classes)),
            split=np.array([one.split or 0 for one in laid.classes], np.int64),
            group=group,
            names=tuple(one.name for one in laid.classes),
            groups=groups,
        )
    except SettingsError as error:
        more = _unread(path, files, failed)
        raise StorageError(f"{error}{' ' + more if more else ''}") from None
    said = [_unread(path, files, failed), _left_out(laid.left_out), _mixed(sizes)]
    return Opened(images, tuple(sentence for sentence in said if sentence))


def _decoded(files: Sequence[Path], decode: Decode) -> Iterator[NDArray[np.uint8] | str]:
    """The grey values of every file or why it has none, in order, read by a few threads."""

    def one(file: Path) -> NDArray[np.uint8] | str:
        try:
            return decode(read_bytes(file, MOST_BYTES))
        except StorageError as error:
            return _reason(file, str(error))

    waiting = iter(files)
    with ThreadPoolExecutor(2) as threads:
        while part := list(islice(waiting, _AT_ONCE)):
            yield from threads.map(one, part)


def fitted(grey: NDArray[np.uint8], background: int) -> NDArray[np.uint8]:
    """The image [SIDE, SIDE] of one of any size: in the middle of a square, each pixel a mean."""
    height, width = grey.shape
    side = max(height, width)
    if height != width:
        square = np.full((side, side), background, np.uint8)
        top, left = (side - height) // 2, (side - width) // 2
        square[top : top + height, left : left + width] = grey
        grey = square
    if side == SIDE:
        return grey
    weights = area_weights(side, SIDE)
    small: NDArray[np.uint8]
    small = np.rint(weights @ grey.astype(np.float32) @ weights.T).astype(np.uint8)
    return small


def _border(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def _unread(path: Path, files: Sequence[Path], failed: dict[int, str]) -> str:
    if not failed:
        return ""
    named = [
        f"{quoted(files[nth].relative_to(path))} ({why})"
        for nth, why in list(failed.items())[:NAMED]
    ]
    more = f" and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
    files_are = "1 file was" if len(failed) == 1 else f"{len(failed)} files were"
    return f"{files_are} left out: {', '.join(named)}{more}."


def _reason(file: Path, sentence: str) -> str:
    """The part of a refusal behind the name of the file."""
    for head in (f"{quoted(file)} cannot be read: ", f"{file} "):
        if sentence.startswith(head):
            return sentence.removeprefix(head).rstrip(".")
    return sentence.rstrip(".")


def _left_out(names: Sequence[str]) -> str:
    if not names:
        return ""
    named = ", ".join(quoted(name) for name in names[:NAMED])
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"Links and other things that are no files were not followed: {named}{more}."


def _mixed(sizes: Sequence[tuple[int, int]]) -> str:
    known = [size for size in sizes if size != (0, 0)]
    if not known:
        return ""
    usual = max(set(known), key=known.count)
    others = len(known) - known.count(usual)
    if not others:
        return ""
    are = "1 image is" if others == 1 else f"{others} images are"
    return (
        f"{are} not {usual[0]} × {usual[1]} pixels as most are: all are fitted into a square of "
        f"{SIDE} × {SIDE}."
    )
