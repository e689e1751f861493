"""Qt's image readers, as the reading of folders takes them. Needs no application, no widgets."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject
from PySide6.QtGui import QImage, QImageReader

from maml_explorer.storage.own_images.file import read_images
from maml_explorer.storage.own_images.reading import (
    MOST_SIDE,
    Opened,
    Progress,
    read_folder,
)

_FORMATS = (b"bmp", b"gif", b"jpeg", b"jpg", b"pbm", b"pgm", b"png", b"ppm", b"tiff", b"webp")
"""Formats that are read: none that is a program of lines, as svg is, or leads elsewhere."""


_READING = Lock()
"""Held while Qt reads: it looks for a format under a lock of its own, and meanwhile asks the Python
buffer for bytes. A second thread would wait for that lock and never let Python go on."""


def grey_values(data: bytes) -> NDArray[np.uint8] | str:
    """The grey values [row, column] of an image file, on white where it is clear; or why none."""
    with _READING:
        image = _read(data)
    return image if isinstance(image, str) else _grey(image)


def _read(data: bytes) -> QImage | str:
    buffer = QBuffer()
    buffer.setData(QByteArray(data))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer)
    reader.setDecideFormatFromContent(True)
    if bytes(reader.format().data()).lower() not in _FORMATS:
        return "it cannot be read as an image"
    size = reader.size()
    if size.isValid() and max(size.width(), size.height()) > MOST_SIDE:
        return (
            f"it is {size.width()} × {size.height()} pixels, and allowed are at most {MOST_SIDE} "
            "on a side"
        )
    image = reader.read()
    if image.isNull() or max(image.width(), image.height()) > MOST_SIDE:
        return "it is damaged or not an image"
    return image


def _grey(image: QImage) -> NDArray[np.uint8]:
    if image.hasAlphaChannel():
        seen = image.convertToFormat(QImage.Format.Format_ARGB32)
        pixels = _rows(seen, 4).astype(np.float32)
        part = pixels[..., 3:] / 255
        blue, green, red = np.moveaxis(pixels[..., :3] * part + 255 * (1 - part), 2, 0)
        # the weights of qGray
        grey: NDArray[np.uint8] = np.rint((11 * red + 16 * green + 5 * blue) / 32).astype(np.uint8)
        return grey
    return _rows(image.convertToFormat(QImage.Format.Format_Grayscale8), 1)[..., 0]


def _rows(image: QImage, channels: int) -> NDArray[np.uint8]:
    """[row, column, channel], without what pads the rows; a copy, for the image's memory goes."""
    line, width = image.bytesPerLine(), image.width()
    values = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), line)
    return values[:, : width * channels].reshape(image.height(), width, channels).copy()


def read_own_images(path: Path, progress: Progress | None = None) -> Opened:
    """The images at a path: a folder of classes, or a file that this program wrote of one.

    Raises:
        StorageError: where it is neither; a sentence with class, count and need.
        GivenUpError: where `progress` said so.
    """
    if path.suffix == ".npz":
        return Opened(read_images(path), ())
    QObject()  # Qt takes the thread of the first one for the main thread
    return read_folder(path, grey_values, progress)
