"""Garbage in cycles is collected on the GUI thread, between two events.

Python collects wherever an allocation happens to be one too many. That may be in the worker's
thread, where no object of the window may be destroyed; or inside a call into Qt that holds a lock,
which destroying another object waits for. Either is rare, and ends in a crash or stands still.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import Qt, QTimer, SignalInstance

EVERY = 500
"""Milliseconds between two looks whether anything is due."""


@contextmanager
def collected_between_events(loaded: SignalInstance) -> Iterator[None]:
    """Collects on a timer of this thread's event loop, and not by itself; a QApplication exists.

    Args:
        loaded: what was imported by its first emission stays. A whole collection would look through
            all of it, a tenth of a second; without it none is long enough to be seen.
    """
    gc.freeze()
    gc.disable()
    loaded.connect(gc.freeze, Qt.ConnectionType.SingleShotConnection)
    timer = QTimer()
    timer.timeout.connect(collect_due)
    timer.start(EVERY)
    try:
        yield
    finally:
        timer.stop()
        gc.enable()
        gc.unfreeze()


def collect_due() -> None:
    """Collects the oldest generation that is due by Python's own thresholds."""
    due = [
        generation
        for generation, (count, threshold) in enumerate(
            zip(gc.get_count(), gc.get_threshold(), strict=True)
        )
        if count > threshold
    ]
    if due:
        gc.collect(max(due))
