"""Points of a user's own as text: two columns, x and y, of a file or a clipboard. Torch-free."""

from __future__ import annotations

import math
import re

from maml_explorer.files.reader import StorageError

MAX_POINTS = 100
"""Most points of a task."""
MAX_BYTES = 64 * 1024
"""Most bytes of a file of points."""
MOST = 1e6
"""Largest x or y, and the largest negative one."""
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)


def points_of(text: str, what: str) -> tuple[list[float], list[float]]:
    """The x and the y of every line.

    Columns are separated by a tab, semicolon, comma or blanks. A first line without numbers is a
    header; empty lines and those that begin with # are passed over.

    Args:
        text: the lines.
        what: file or clipboard, as a sentence begins with it.

    Raises:
        StorageError: one sentence with the line, and what is allowed.
    """
    rows: list[tuple[float, float]] = []
    first = True
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        fields = _fields(line)
        header = first and not any(_is_number(one) for one in fields)
        first = False
        if header:
            continue
        where = f"{what}, line {number}"
        if len(rows) == MAX_POINTS:
            raise StorageError(f"{where}: allowed are at most {MAX_POINTS} points.")
        if len(fields) != 2:
            raise StorageError(
                f"{where} has {len(fields)} value{'s' * (len(fields) != 1)}: allowed are two, x "
                "and y, and decimals with a point."
            )
        x, y = (_number(one, where) for one in fields)
        rows.append((x, y))
    if not rows:
        raise StorageError(f"{what} holds no points: allowed are lines of two numbers, x and y.")
    return [x for x, _ in rows], [y for _, y in rows]


def holds_points(text: str) -> bool:
    """True where a line begins as one of points does: with a number before a second column."""
    fields = [_fields(line) for line in text[:MAX_BYTES].splitlines()]
    return any(len(one) > 1 and _is_number(one[0]) for one in fields)


def _fields(line: str) -> list[str]:
    """The columns of a line."""
    for separator in ("\t", ";", ","):
        if separator in line:
            return [one.strip().strip('"') for one in line.split(separator)]
    return line.split()


def _is_number(field: str) -> bool:
    return bool(_NUMBER.fullmatch(field) or _COMMA.fullmatch(field))


def _number(field: str, where: str) -> float:
    shown = " ".join(field[:20].split())
    if _COMMA.fullmatch(field):
        raise StorageError(
            f"{where} has “{shown}” with a decimal comma: allowed is a point, "
            f"{shown.replace(',', '.')}."
        )
    value = float(field) if _NUMBER.fullmatch(field) else math.nan
    if not abs(value) <= MOST:
        raise StorageError(
            f"{where} has “{shown}”: allowed are numbers from −{MOST:.0e} to {MOST:.0e}."
        )
    return value
