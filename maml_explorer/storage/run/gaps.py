"""gaps.csv: the outer steps whose metrics a full disk or a failure has cost. Torch-free.

The file is there only where something is missing from metrics.csv.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from maml_explorer.files.reader import StorageError, read_text
from maml_explorer.files.writer import write_text
from maml_explorer.storage.run.folder import GAPS

COLUMNS = ("first_outer_step", "last_outer_step", "reason")
_MOST = 100_000


@dataclass(frozen=True)
class Gap:
    """Outer steps without metrics, both ends included."""

    first: int
    last: int
    reason: str
    """Error that the disk reported, or that training failed."""


def merged(gaps: Sequence[Gap]) -> list[Gap]:
    """The gaps, those that follow on each other for one reason as one."""
    found: list[Gap] = []
    for gap in gaps:
        if found and found[-1].last + 1 == gap.first and found[-1].reason == gap.reason:
            gap = Gap(found.pop().first, gap.last, gap.reason)
        found.append(gap)
    return found


def write_gaps(folder: Path, gaps: Sequence[Gap]) -> None:
    """Write the file into a run folder; nothing where there are no gaps.

    Raises:
        OSError: where it cannot be written.
    """
    if not gaps:
        return
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((gap.first, gap.last, gap.reason) for gap in merged(gaps))
    write_text(folder / GAPS, text.getvalue())


def read_gaps(folder: Path) -> tuple[Gap, ...]:
    """The gaps of a run folder; none where it has no such file.

    Raises:
        StorageError: where the file is not as this program writes it.
    """
    path = folder / GAPS
    if not path.is_symlink() and not path.exists():
        return ()
    damaged = StorageError(f"{path} is not as this program writes it.")
    try:
        rows = list(csv.reader(io.StringIO(read_text(path))))
        gaps = [Gap(int(first), int(last), reason) for first, last, reason in rows[1:]]
    except (ValueError, csv.Error) as error:
        if isinstance(error, StorageError):
            raise
        raise damaged from None
    before = 0
    for gap in gaps:
        if not before < gap.first <= gap.last < 2**53 or len(gap.reason) > 200:
            raise damaged
        before = gap.last
    if rows[:1] != [list(COLUMNS)] or len(gaps) > _MOST:
        raise damaged
    return tuple(gaps)
