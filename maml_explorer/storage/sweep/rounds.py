"""Rounds of a search that proposes points by what it was told: read from the driver's decisions.

A round is asked for, trained, and told as a whole, so the points do not depend on the order in
which its runs end. Torch-free.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maml_explorer.files.opening import is_file
from maml_explorer.files.reader import StorageError, read_text
from maml_explorer.settings.declaration import Value
from maml_explorer.storage.sweep.axes import Axis, Point

ASKED, TOLD = "asked", "told"
"""Decisions of the driver: the points of a round; their results in the same order."""
MAX_DECISIONS = 64 * 2**20


@dataclass(frozen=True)
class Round:
    """One round."""

    points: tuple[Point, ...]
    values: tuple[float | None, ...] | None = None
    """[point]: mean of the objective over seeds; None of a point that failed or diverged. None
    before the round is told."""


def read_rounds(path: Path, axes: Sequence[Axis]) -> list[Round]:
    """The rounds in a file of decisions, in order; none where there is no file.

    A line that was cut, as by a power cut, is passed over: what it said is decided again.

    Raises:
        StorageError: where a decision is not as this program writes it.
    """
    rounds: list[Round] = []
    if not is_file(path):
        return rounds
    for line in read_text(path, MAX_DECISIONS).splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        what = entry.get("what") if isinstance(entry, dict) else None
        if what not in (ASKED, TOLD):
            continue
        try:
            if what == ASKED and entry["round"] == len(rounds):
                rounds.append(Round(tuple(_point(axes, found) for found in entry["points"])))
            elif what == TOLD and entry["round"] == len(rounds) - 1:
                last = rounds[-1]
                rounds[-1] = Round(last.points, _values(entry["values"], len(last.points)))
            else:
                raise ValueError("a round is missing")
        except (KeyError, TypeError, ValueError):
            raise StorageError(
                f"{path} has a decision that is not as this program writes it."
            ) from None
    return rounds


def point_values(point: Point) -> list[Value]:
    """The values of a point, as they are written in a decision."""
    return [value for _, value in point]


def _point(axes: Sequence[Axis], found: Sequence[Any]) -> Point:
    values = [tuple(value) if isinstance(value, list) else value for value in found]
    pairs = tuple((axis.key, value) for axis, value in zip(axes, values, strict=True))
    for axis, (_, value) in zip(axes, pairs, strict=True):
        if not axis.holds(value):
            raise ValueError(f"{value!r} is not on the axis")
    return pairs


def _values(found: Sequence[Any], count: int) -> tuple[float | None, ...]:
    for value in found:
        if value is not None and not (isinstance(value, int | float) and math.isfinite(value)):
            raise ValueError("no result")
    if len(found) != count:
        raise ValueError("too few results")
    return tuple(None if value is None else float(value) for value in found)
