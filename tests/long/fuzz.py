"""Mutated files and share strings, opened under an audit hook: `make fuzz MINUTES=5`.

Nothing may crash, no code of a file may run, memory stays bounded. Files of every kind the program
opens, in turn; a file that is accepted after a mutation must still hold what is allowed, which the
openers themselves check.
"""

from __future__ import annotations

import contextlib
import random
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path

from maml_explorer.hyperparameters import SettingsError
from maml_explorer.storage.reader import StorageError
from tests.long.report import Budget, Row, arguments, summary
from tests.storage.hostile import OPENERS, code_that_ran, exploits, good_files, mutated

SLOWEST = 2.0
"""Seconds that opening one damaged file may take."""


def main() -> int:
    """Opens mutated files until the time is over; the exit code."""
    asked = arguments(__doc__ or "", minutes=5)
    dice = random.Random(asked.seed)
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
        budget = Budget("mutated files", 60 * asked.minutes)
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
    return summary([*rows, Row("all", f"{sum(opened.values()):,}", figures, whole)])


if __name__ == "__main__":
    sys.exit(main())
