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
        return _columns(x, y, dtype)
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


def _columns(x: ArrayLike, y: ArrayLike, dtype: Any) -> Sequence[Array]:
    columns = []
    for name, values in (("x", x), ("y", y)):
        array = np.array(values, dtype=dtype)
        if array.size == 0 or array.shape not in ((array.size,), (array.size, 1)):
            raise ValueError(f"{name} has shape {array.shape}: allowed are [point] and [point, 1]")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} has values that are not finite")
        columns.append(array.reshape(1, -1, 1))
    if columns[0].size != columns[1].size:
        raise ValueError(f"x has {columns[0].size} points and y {columns[1].size}")
    return columns
