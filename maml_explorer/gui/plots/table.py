"""Table of what a plot shows, and its CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

Table = tuple[Sequence[str], Iterable[Sequence[object]]]
"""Column names and rows, as written to a CSV file."""


def save_table(table: Table, path: Path) -> None:
    """Writes a table as CSV.

    Raises:
        OSError: where it cannot be written.
    """
    header, rows = table
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
