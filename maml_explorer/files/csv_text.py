"""CSV that a spreadsheet may open and save again. Torch-free.

A text that a spreadsheet would take for a formula gets an apostrophe in front, which reading takes
off again. Rows are read one by one, so a file of any size costs the memory of a row.
"""

from __future__ import annotations

import csv
import io
import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from maml_explorer.files.opening import open_file
from maml_explorer.files.reader import StorageError

MAX_LINE = 64 * 1024
"""Most bytes of a line."""
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[0-9.]+(e[+-]?[0-9]+)?", re.IGNORECASE)


def field_text(value: object) -> str:
    """A value as a CSV field; what is not finite is empty, and no text is a formula."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, str):
        formula = _FORMULA.match(value) and not _NUMBER.fullmatch(value)
        return f"'{value}" if formula else value
    return repr(value) if isinstance(value, float) else str(value)


def text_of(field: str) -> str:
    """The text that :func:`field_text` wrote."""
    return field[1:] if field.startswith("'") and _FORMULA.match(field) else field


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV, each line ended by a line feed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([field_text(value) for value in row] for row in rows)
    return text.getvalue()


def read_rows(path: Path, columns: Sequence[str], limit: int) -> Iterator[list[str]]:
    """The rows of a CSV file with these columns, one by one; the header is left out.

    Line ends of every system and a byte order mark are read.

    Raises:
        StorageError: where it cannot be read, has more than `limit` bytes, other columns or a row
            of another length.
    """
    wrong = StorageError(f"{path} has a row that is not as this program writes it.")
    try:
        descriptor = open_file(path, os.O_RDONLY)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the name is not a path"
        raise StorageError(f"{path} cannot be read: {reason}.") from None
    with os.fdopen(descriptor, "rb") as file:
        if os.fstat(descriptor).st_size > limit:
            raise StorageError(f"{path} is too large: allowed are at most {limit} bytes.")
        try:
            rows = csv.reader(_lines(file))
            header = next(rows, [])
            if header != list(columns):
                begins = " ".join(",".join(header)[:60].split())
                raise StorageError(
                    f"{path} begins with “{begins}” instead of its columns: was it "
                    "saved by another program?"
                )
            for row in rows:
                if len(row) != len(columns):
                    raise wrong
                yield row
        except OSError as error:
            raise StorageError(f"{path} cannot be read: {error.strerror}.") from None
        except (ValueError, csv.Error) as error:
            if isinstance(error, StorageError):
                raise
            raise wrong from None


def _lines(file: BinaryIO) -> Iterator[str]:
    """Lines of UTF-8; one that is too long, or is not text, raises ValueError."""
    encoding = "utf-8-sig"
    while line := file.readline(MAX_LINE):
        if len(line) == MAX_LINE or b"\0" in line:
            raise ValueError("not text")
        yield line.decode(encoding)
        encoding = "utf-8"


def whole_lines(path: Path, size: int, header: bytes) -> bool:
    """True where the first `size` bytes are a header and whole lines of as many fields.

    Raises:
        OSError: where the file cannot be read.
    """
    fields = header.count(b",")
    with os.fdopen(open_file(path, os.O_RDONLY), "rb") as file:
        if file.read(len(header)) != header:
            return False
        last, left = header, size - len(header)
        while left > 0 and (piece := file.read(min(left, 1 << 20))):
            if b"\r" in piece or b"\0" in piece:
                return False
            last, left = piece, left - len(piece)
    line = last[:-1].rpartition(b"\n")[2]
    return left == 0 and last.endswith(b"\n") and (b'"' in line or line.count(b",") == fields)
