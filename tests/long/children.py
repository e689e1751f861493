"""Children of a long script, which are there in milliseconds: forks of a loaded process."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from maml_explorer import cli

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


@dataclass
class Child:
    """A fork of this process."""

    number: int
    output: int

    def end(self, kind: signal.Signals | None = None) -> int:
        """Sends it a signal, or waits for it; its exit code, negative for a signal."""
        if kind is not None:
            os.kill(self.number, kind)
        return os.waitstatus_to_exitcode(os.waitpid(self.number, 0)[1])

    def said(self) -> str:
        """What it wrote, once it has ended."""
        with os.fdopen(self.output, "rb") as file:
            return file.read().decode(errors="replace")


def child(work: Callable[[], int], **surroundings: str) -> Child:
    """Runs `work` in a fork whose stdout and stderr are collected."""
    read, write = os.pipe()
    number = os.fork()
    if number:
        os.close(write)
        return Child(number, read)
    code = 70
    try:
        os.dup2(write, 1)
        os.dup2(write, 2)
        sys.stdout, sys.stderr = (os.fdopen(k, "w", buffering=1) for k in (1, 2))
        faulthandler.enable(sys.stderr)
        os.environ.update(surroundings)
        for kind in SIGNALS[1:]:  # what nohup, or a shell without job control, has ignored
            signal.signal(kind, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        code = work()
    except KeyboardInterrupt:  # before the program had begun, or after it had ended
        code = 1
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        os._exit(code)


def command(*arguments: str) -> Child:
    """A command of the program."""
    return child(lambda: cli.main(list(arguments)))


def wrong(fault: bool, *words: object) -> bool:
    """Says what was wrong, where anything was."""
    if fault:
        sys.stderr.write(" ".join(map(str, words)) + "\n")
    return fault


class Count:
    """How many there shall be, and a line of progress now and then."""

    def __init__(self, what: str, wanted: int, minutes: float) -> None:
        self.what, self.wanted, self.done = what, wanted, 0
        self._end, self._next = time.monotonic() + 60 * minutes, 0.0

    def goes_on(self) -> bool:
        """Whether another one is wanted and there is time."""
        now = time.monotonic()
        if now > self._next:
            self._next = now + 10
            sys.stderr.write(f"{self.what}: {self.done} of {self.wanted}\n")
        return self.done < self.wanted and now < self._end
