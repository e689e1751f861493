"""Reading metrics.csv. Torch-free."""

from __future__ import annotations

import io
from array import array
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maml_explorer.storage.reader import StorageError, read_bytes

MAX_METRICS = 2 * 1024**3
"""Most bytes of a metrics file: ten million rows of twenty times the usual width."""

Losses = tuple[NDArray[np.int64], NDArray[np.float64]]


def read_losses(path: Path, seed: int) -> dict[str, Losses]:
    """By arm name the outer steps and outer losses [step] of one seed; NaN where empty.

    Raises:
        StorageError: where the file cannot be read or a row is not as this program writes it.
    """
    import csv

    found: dict[str, tuple[array[int], array[float]]] = {}
    wanted = str(seed)
    text = io.TextIOWrapper(io.BytesIO(read_bytes(path, MAX_METRICS)), "utf-8", newline="")
    try:
        rows = csv.reader(text)
        next(rows, None)
        for row in rows:
            if row[2] == wanted:
                steps, losses = found.setdefault(row[1], (array("q"), array("d")))
                steps.append(int(row[0]))
                losses.append(float(row[4]) if row[4] else np.nan)
    except (ValueError, IndexError, OverflowError, csv.Error):
        raise StorageError(f"{path} has a row that is not as this program writes it.") from None
    return {name: _arrays(*columns) for name, columns in found.items()}


def _arrays(steps: Any, losses: Any) -> Losses:
    return np.array(steps, dtype=np.int64), np.array(losses, dtype=np.float64)
