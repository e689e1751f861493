"""Words that depend on a number."""

from __future__ import annotations

from collections.abc import Callable


def counted(count: int, noun: str, written: Callable[[int], str] = str) -> str:
    """A count and its noun: “1 shot”, “0 shots”, “2 classes”."""
    if count == 1:
        return f"1 {noun}"
    return f"{written(count)} {noun}{'es' if noun.endswith('s') else 's'}"
