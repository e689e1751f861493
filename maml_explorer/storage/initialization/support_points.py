"""Support points as scripts give them, checked, and laid out for the network. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maml_explorer.settings.settings import Settings

Array = NDArray[Any]


def support(settings: Settings, x: ArrayLike, y: ArrayLike, dtype: Any) -> Sequence[Array]:
    """A support set as the network takes it: [1, point, in] and [1, point, out]."""
    if not settings.family.images:
        return _columns(settings.ends, x, y, dtype)
    pixels, ways = settings.ends
    images, labels = np.asarray(x).astype(dtype), np.asarray(y)
    if not images.size or images.reshape(len(images), -1).shape[1] != pixels:
        raise ValueError(f"x has shape {images.shape}: allowed are images of {pixels} pixels")
    if not np.isfinite(images).all():
        raise ValueError("x has values that are not finite")
    if labels.shape != (len(images),) or not np.isin(labels, np.arange(ways)).all():
        raise ValueError(f"y must be {len(images)} classes from 0 to {ways - 1}")
    rows = images.reshape(1, len(images), pixels)
    return rows, np.eye(ways, dtype=dtype)[labels.astype(int)][None]


def _columns(ends: tuple[int, int], x: ArrayLike, y: ArrayLike, dtype: Any) -> Sequence[Array]:
    columns = []
    for name, values, width in (("x", x, ends[0]), ("y", y, ends[1])):
        array = np.array(values, dtype=dtype)
        points = array.size // width
        flat = ((points,),) if width == 1 else ()
        if array.size == 0 or array.shape not in (*flat, (points, width)):
            allowed = "are [point] and [point, 1]" if width == 1 else f"is [point, {width}]"
            raise ValueError(f"{name} has shape {array.shape}: allowed {allowed}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} has values that are not finite")
        columns.append(array.reshape(1, -1, width))
    counts = [column.shape[1] for column in columns]
    if counts[0] != counts[1]:
        raise ValueError(f"x has {counts[0]} points and y {counts[1]}")
    return columns
