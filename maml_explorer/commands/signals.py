"""A request to end: what a command does at a signal that would end it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

KINDS = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
)
"""Signals that a scheduler, a closed terminal and a console send."""


@contextmanager
def ends_as_by_ctrl_c() -> Iterator[None]:
    """Any of KINDS raises KeyboardInterrupt, so that what was done is saved first.

    A signal that is ignored stays ignored, as `nohup` wants it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        kind: signal.signal(kind, signal.default_int_handler)
        for kind in KINDS
        if signal.getsignal(kind) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
