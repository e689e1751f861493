"""Files of every kind whose form is kept and whose values are others, one after the other."""

from __future__ import annotations

import random
import resource
import sys
import time
import traceback
from pathlib import Path

from maml_explorer.files.reader import StorageError
from maml_explorer.settings.declaration import SettingsError
from tests.long.report import Row
from tests.storage.hostile import code_that_ran
from tests.storage.structured import STRUCTURED, edited, good_files_of_all

SLOWEST = 2.0
"""Seconds of this process that opening one file may take."""


def mutations(wanted: int, minutes: float, dice: random.Random, place: Path) -> Row:
    """So many edited files, or as many as the time allows."""
    place.mkdir()
    good_files_of_all(place)
    good = {name: (place / name).read_bytes() for name in STRUCTURED}
    for opens in STRUCTURED.values():  # imports are done before the watch begins
        opens(place)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = refused = faults = 0
    slowest, end = 0.0, time.monotonic() + 60 * minutes
    while done < wanted and time.monotonic() < end:
        for name, opens in STRUCTURED.items():
            data = edited(name, good[name], dice)
            (place / name).write_bytes(data)
            began = time.process_time()
            said = ""
            try:
                with code_that_ran() as ran:
                    found = opens(place)
                # the window lists its pins and says which it did not read
                refused += name.startswith("pins/") and bool(found[1])  # type: ignore[index]
            except (StorageError, SettingsError) as error:
                refused += 1
                said = str(error)
            except BaseException:
                said = traceback.format_exc()
            took = time.process_time() - began
            slowest = max(slowest, took)
            if "\n" in said or len(said) > 1000 or ran or took > SLOWEST:
                faults += 1
                sys.stderr.write(f"{name}: {said} {ran} {took:.2f} s\n{data[:400]!r}\n")
            (place / name).write_bytes(good[name])
            done += 1
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    figures = f"{refused:,} refused in one sentence; slowest {1000 * slowest:.0f} ms; "
    figures += f"peak memory +{grown:.0f} MiB"
    return Row("files are edited", f"{done:,}", figures, faults + (grown > 256))
