"""Progress of long work: how much of it is done, counted across its parts."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")


def counted_from(before: int, work: Generator[int, None, T]) -> Generator[int, None, T]:
    """The same work and value, its progress counted on from what was done before."""
    while True:
        try:
            done = next(work)
        except StopIteration as end:
            result: T = end.value
            return result
        yield before + done
