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


@contextmanager
def signals_held_back() -> Iterator[None]:
    """A signal that would raise KeyboardInterrupt does so at the end of this.

    Qt calls Python while it paints, and an exception raised there ends the process by a fault.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {
        kind: signal.signal(kind, lambda number, _: came.append(number))
        for kind in (signal.SIGINT, *KINDS)
        if signal.getsignal(kind) is signal.default_int_handler
    }
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
    if came:
        raise KeyboardInterrupt
