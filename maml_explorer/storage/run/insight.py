"""Results of the insight views in a run folder: insight.json and insight.csv. Torch-free.

insight.json has the newest value of every view; insight.csv the figures that were followed over
outer steps. A value that is not finite is null, or an empty field.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from maml_explorer.files.csv_text import csv_text, read_rows, text_of
from maml_explorer.files.reader import StorageError, json_object, read_text
from maml_explorer.files.writer import write_text
from maml_explorer.storage.run.folder import FIGURES, INSIGHT

SCHEMA = 1
COLUMNS = ("outer_step", "view", "arm", "figure", "value")
MAX_BYTES = 32 * 1024 * 1024
"""Most bytes of either file."""
MAX_NUMBERS = 50_000
"""Larger arrays are left out: their shape stands in their place."""
MAX_VIEWS = 1_000
MAX_NAME = 200
"""Most characters of a name."""
MAX_SERIES = 5_000
"""Most figures that are followed."""

Row = tuple[int, str, str, str, float]
"""(outer step, view, arm, figure, value)"""
_ENTRY = {"view": str, "options": dict, "seed": int, "outer_step": int}


def insight_entry(
    view: str, options: Mapping[str, object], seed: int, outer_step: int, value: object
) -> dict[str, Any]:
    """Result of a view as JSON values."""
    return {
        "view": view,
        "options": plain(options),
        "seed": seed,
        "outer_step": outer_step,
        "value": plain(value),
    }


def same_view(entry: Mapping[str, Any]) -> tuple[object, ...]:
    """Key by which a newer entry replaces an older one: seed, view and arm."""
    return entry["seed"], entry["view"], str(entry["options"].get("arm", ""))


def plain(value: object) -> Any:
    """A frozen record, array or mapping as JSON values; what is not finite is None.

    Raises:
        TypeError: for anything else.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, np.ndarray):
        if value.size > MAX_NUMBERS:
            return {"left_out": True, "shape": list(value.shape)}
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    raise TypeError(f"{type(value).__name__} cannot be written as JSON.")


def write_insight(folder: Path, entries: Sequence[Mapping[str, Any]], rows: Iterable[Row]) -> None:
    """Write both files into a run folder; nothing where there is nothing to write.

    Raises:
        OSError: where one cannot be written.
    """
    if entries:
        text = json.dumps({"schema": SCHEMA, "views": entries}, allow_nan=False)
        write_text(folder / INSIGHT, text + "\n")
    figures = list(rows)
    if figures:
        write_text(folder / FIGURES, csv_text([COLUMNS, *figures]))


def read_entries(folder: Path) -> list[dict[str, Any]]:
    """The values in a run folder; none where it has no such file.

    Raises:
        StorageError: where the file is not as this program writes it.
    """
    path = folder / INSIGHT
    if not path.is_symlink() and not path.exists():
        return []
    content = json_object(read_text(path, MAX_BYTES), path)
    views = content.get("views")
    known = content.get("schema") == SCHEMA and isinstance(views, list)
    if not known or not isinstance(views, list) or len(views) > MAX_VIEWS:
        raise StorageError(f"{path} is not as this program writes it.")
    for entry in views:
        fits = isinstance(entry, dict) and entry.keys() == {*_ENTRY, "value"}
        if not fits or not all(type(entry[key]) is kind for key, kind in _ENTRY.items()):
            raise StorageError(f"{path} has a view that is not as this program writes it.")
        if len(entry["view"]) > MAX_NAME or entry["outer_step"] < 0:
            raise StorageError(f"{path} has a view that is not as this program writes it.")
    return views


def read_figures(folder: Path) -> list[Row]:
    """The figures in a run folder, in the order of the file; none where it has no such file.

    Raises:
        StorageError: where the file is not as this program writes it.
    """
    path = folder / FIGURES
    if not path.is_symlink() and not path.exists():
        return []
    found: list[Row] = []
    series: set[tuple[str, ...]] = set()
    try:
        for step, *names, value in read_rows(path, COLUMNS, MAX_BYTES):
            view, arm, figure = map(text_of, names)
            series.add((view, arm, figure))
            long = max(len(view), len(arm), len(figure)) > MAX_NAME
            if long or len(series) > MAX_SERIES or not 0 <= int(step) < 2**53:
                raise ValueError
            found.append((int(step), view, arm, figure, float(value) if value else math.nan))
    except ValueError:
        raise StorageError(f"{path} is not as this program writes it.") from None
    return found
