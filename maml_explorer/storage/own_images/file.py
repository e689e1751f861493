"""The user's own images as one file, for generated code and for sweeps. Torch-free."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from maml_explorer.core.families.own.data import SIDE, OwnImages
from maml_explorer.files.reader import StorageError, read_bytes
from maml_explorer.files.writer import write_bytes
from maml_explorer.settings.declaration import SettingsError

IMAGES = "images.npz"
"""Name of the file in a sweep folder, and beside generated code."""
MOST_BYTES = 200 * 2**20
_NAMES = ("pixels", "counts", "split", "group", "texts")


def write_images(path: Path, images: OwnImages) -> None:
    """Writes images as one file: pixels [image, 28, 28], and counts, split and group [class].

    Raises:
        OSError: where it cannot be written; nothing was changed.
    """
    # texts as bytes: a NumPy array of texts is read by nothing but NumPy
    texts = "\0".join(["\n".join(images.names), "\n".join(images.groups), images.name])
    data = io.BytesIO()
    np.savez_compressed(
        data, pixels=images.pixels, counts=images.counts, split=images.split, group=images.group,
        texts=np.frombuffer(texts.encode("utf-8", "surrogatepass"), np.uint8),
    )  # fmt: skip
    write_bytes(path, data.getvalue())


def read_images(path: Path) -> OwnImages:
    """The images that :func:`write_images` wrote.

    Raises:
        StorageError: for anything else.
    """
    data = read_bytes(path, MOST_BYTES)
    wrong = StorageError(f"{path} is no file of images as this program writes it.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(one.file_size for one in packed.infolist()) > MOST_BYTES:
                raise wrong
        with np.load(io.BytesIO(data), allow_pickle=False) as found:
            pixels, counts, split, group, texts = (found[name] for name in _NAMES)
        names, groups, name = bytes(texts).decode("utf-8", "surrogatepass").split("\0")
        classes = tuple(names.split("\n"))
        fits = (
            pixels.dtype == np.uint8
            and pixels.shape[1:] == (SIDE, SIDE)
            and all(one.shape == (len(classes),) for one in (counts, split, group))
            and counts.sum() == len(pixels)
            and (counts > 0).all()
        )
        if not fits:
            raise wrong
        return OwnImages(name, pixels, counts, split, group, classes, tuple(groups.split("\n")))
    except (ValueError, KeyError, zipfile.BadZipFile, SettingsError, EOFError):
        raise wrong from None
