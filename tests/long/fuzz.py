"""Whatever can be drawn: files, settings, edits: `make fuzz MINUTES=5`.

Mutated files and share strings are opened under an audit hook: nothing may crash, no code of a file
may run, memory stays bounded. A file that is accepted after a mutation must still hold what is
allowed, which the openers themselves check. Beside that, settings go through every format, and
edits are undone and redone in any order.
"""

from __future__ import annotations

import contextlib
import random
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import torch  # noqa: F401 - before PySide6, which changes how imports work

from maml_explorer.files.reader import StorageError
from maml_explorer.gui.app.startup import application
from maml_explorer.settings.declaration import SettingsError
from tests.long.report import Budget, Row, arguments, summary
from tests.round_trips import survive_every_format
from tests.storage.hostile import OPENERS, code_that_ran, exploits, good_files, mutated
from tests.undo_walks import walks

SLOWEST = 2.0
"""Seconds that opening one damaged file may take."""


def files(budget: Budget, seed: int) -> list[Row]:
    """Row 1: mutated files of every kind the program opens, in turn."""
    dice = random.Random(seed)
    opened = dict.fromkeys(OPENERS, 0)
    refused, faults = dict.fromkeys(OPENERS, 0), dict.fromkeys(OPENERS, 0)
    slowest = 0.0
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        good_files(place)
        good = {kind: (place / kind).read_bytes() for kind in OPENERS}
        for kind, opens in OPENERS.items():  # imports are done before the watch begins
            opens(place)
            for data in exploits().values():
                (place / kind).write_bytes(data)
                with contextlib.suppress(StorageError, SettingsError):
                    opens(place)
            (place / kind).write_bytes(good[kind])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in budget:
            for kind, opens in OPENERS.items():
                data = mutated(good[kind], dice)
                if dice.random() < 0.2:
                    data = mutated(data, dice)
                (place / kind).write_bytes(data)
                opened[kind] += 1
                began = time.perf_counter()
                try:
                    with code_that_ran() as ran:
                        opens(place)
                except (StorageError, SettingsError) as error:
                    refused[kind] += 1
                    faults[kind] += "\n" in str(error) or len(str(error)) > 1000
                except BaseException:
                    faults[kind] += 1
                    traceback.print_exc()
                    sys.stderr.write(f"{kind}: {data[:300]!r}\n")
                faults[kind] += len(ran)
                took = time.perf_counter() - began
                slowest = max(slowest, took)
                faults[kind] += took > SLOWEST
                (place / kind).write_bytes(good[kind])
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    rows = [
        Row(kind, f"{opened[kind]:,}", f"{refused[kind]:,} refused in words", faults[kind])
        for kind in OPENERS
    ]
    figures = f"{sum(refused.values()):,} refused; peak memory grew by {grown:.0f} MiB; "
    figures += f"slowest {1000 * slowest:.0f} ms"
    whole = sum(faults.values()) + (grown > 256)
    return [*rows, Row("1 all files", f"{sum(opened.values()):,}", figures, whole)]


def formats(budget: Budget, seed: int) -> list[Row]:
    """Row 12: settings through every format."""

    def through(examples: int, seed: int) -> None:
        with tempfile.TemporaryDirectory() as name:
            survive_every_format(Path(name), examples, seed)

    return [_drawn(budget, "12 settings through formats", 100, seed, through)]


def undo(budget: Budget, seed: int) -> list[Row]:
    """Row 13: edits, undone and redone."""
    application()
    return [_drawn(budget, "13 edits undone and redone", 50, seed, walks)]


def _drawn(
    budget: Budget, what: str, examples: int, seed: int, test: Callable[[int, int], None]
) -> Row:
    """So many examples at a time, from one seed after the other, until the time is over."""
    faults = 0
    for nth in budget:
        try:
            test(examples, seed + nth)
        except Exception:
            faults += 1
            traceback.print_exc()
    return Row(what, f"{budget.count * examples:,}", "", faults)


PARTS: dict[str, tuple[Callable[[Budget, int], list[Row]], float]] = {
    "files": (files, 0.6), "formats": (formats, 0.25), "undo": (undo, 0.15),
}  # fmt: skip
"""Name → what it does, and its share of the time."""


def main() -> int:
    """Runs the parts one after the other; the exit code."""
    asked = arguments(__doc__ or "", minutes=5, parts=tuple(PARTS))
    whole = sum(PARTS[name][1] for name in asked.parts)
    rows = []
    for name in asked.parts:
        part, share = PARTS[name]
        rows += part(Budget(name, 60 * asked.minutes * share / whole), asked.seed)
    return summary(rows)


if __name__ == "__main__":
    sys.exit(main())
