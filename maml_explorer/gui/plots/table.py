"""Table of what a plot shows, and its CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from maml_explorer.files.csv_text import field_text
from maml_explorer.files.writer import write_text

Table = tuple[Sequence[str], Iterable[Sequence[object]]]
"""Column names and rows, as written to a CSV file."""


def save_table(table: Table, path: Path) -> None:
    """Writes a table as CSV.

    Raises:
        OSError: where it cannot be written.
    """
    header, rows = table
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    for row in (header, *rows):
        writer.writerow([field_text(v) if isinstance(v, str) else v for v in row])
    write_text(path, text.getvalue(), follow=True)
