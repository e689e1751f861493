"""Reading metrics.csv. Torch-free."""

from __future__ import annotations

import os
from array import array
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maml_explorer.files.csv_text import read_rows, text_of
from maml_explorer.files.opening import open_file
from maml_explorer.files.reader import StorageError
from maml_explorer.late_dataclass import dataclass
from maml_explorer.storage.run.folder import COLUMNS, METRICS

MAX_METRICS = 2 * 1024**3
"""Most bytes of a metrics file: ten million rows of twenty times the usual width."""
_LONGEST_ROW = 4096
"""Bytes that hold at least the last two rows."""


@dataclass(frozen=True)
class Losses:
    """The losses of one arm and seed, each [step]; NaN where the file has an empty field."""

    outer_step: NDArray[np.int64]
    inner: NDArray[np.float64]
    """Support set, at θ."""
    outer: NDArray[np.float64]
    """Query set, after adaptation."""


def last_outer_step(path: Path) -> int:
    """The outer step of the last whole row; 0 where there is none.

    Raises:
        StorageError: where that is not as this program writes it.
        OSError: where the file cannot be read.
    """
    with os.fdopen(open_file(path, os.O_RDONLY), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(0, size - _LONGEST_ROW))
        rows = file.read(_LONGEST_ROW).split(b"\n")[:-1]
    if len(rows) < 2:
        return 0
    first = rows[-1].split(b",")[0]
    if not first.isdigit() or len(first) > 16:
        raise StorageError(f"{path} has a row that is not as this program writes it.")
    return int(first)


def read_losses(path: Path, seed: int) -> dict[str, Losses]:
    """By arm name the losses of one seed.

    Raises:
        StorageError: where the file cannot be read or a row is not as this program writes it.
    """
    found: dict[str, tuple[array[int], array[float], array[float]]] = {}
    wanted = str(seed)
    try:
        for row in read_rows(path, COLUMNS[METRICS], MAX_METRICS):
            if row[2] == wanted:
                name = text_of(row[1])
                steps, inner, outer = found.setdefault(name, (array("q"), array("d"), array("d")))
                steps.append(int(row[0]))
                inner.append(float(row[3]) if row[3] else np.nan)
                outer.append(float(row[4]) if row[4] else np.nan)
    except (ValueError, OverflowError) as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{path} has a row that is not as this program writes it.") from None
    return {
        name: Losses(np.array(steps, dtype=np.int64), np.array(inner), np.array(outer))
        for name, (steps, inner, outer) in found.items()
    }
