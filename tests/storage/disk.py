"""A disk that counts the calls of a save and lets one of them fail."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

CALLS = ("open", "write", "fsync", "close", "replace", "rename", "mkdir", "truncate")


class Disk:
    """Counts the calls of `os` while watched; the one at `fail_at` raises."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.fail_at: int | None = None
        self.code = errno.ENOSPC

    def reset(self, fail_at: int | None = None, code: int = errno.ENOSPC) -> None:
        """Counts anew, and lets that call fail."""
        self.calls, self.fail_at, self.code = [], fail_at, code

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Every save inside goes through this disk."""
        real = {name: getattr(os, name) for name in CALLS}
        for name, function in real.items():
            setattr(os, name, self._watched(name, function))
        try:
            yield
        finally:
            for name, function in real.items():
                setattr(os, name, function)

    def _watched(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            self.calls.append(name)
            if len(self.calls) - 1 == self.fail_at:
                if name == "close":
                    real(*arguments, **options)
                raise OSError(self.code, os.strerror(self.code))
            if name == "write":  # a disk may take less than was offered
                return real(arguments[0], bytes(arguments[1])[:4096])
            return real(*arguments, **options)

        return call
