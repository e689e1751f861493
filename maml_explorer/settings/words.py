"""Words that depend on a number, or on what somebody may have meant."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

Value = TypeVar("Value")


def counted(count: int, noun: str, written: Callable[[int], str] = str) -> str:
    """A count and its noun: “1 shot”, “0 shots”, “2 classes”."""
    if count == 1:
        return f"1 {noun}"
    return f"{written(count)} {noun}{'es' if noun.endswith('s') else 's'}"


def listed(names: Sequence[str]) -> str:
    """Names as a sentence has them: "1", "1 and 5", "1, 5 and 10"."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def by_value(values: Mapping[str, Value]) -> dict[Value, list[str]]:
    """Value → the names that have it, so that a sentence says each value once."""
    found: dict[Value, list[str]] = {}
    for name, value in values.items():
        found.setdefault(value, []).append(name)
    return found


def told_apart(value: float, limit: float) -> tuple[str, str]:
    """Two numbers with at least 3 significant digits, and so many that the texts differ.

    Equal numbers have the same text. Thin spaces part thousands, and the minus sign is a real one.
    """
    texts = ("", "")
    for digits in range(3, 18):
        texts = (_written(value, digits), _written(limit, digits))
        if texts[0] != texts[1]:
            break
    return texts


def _written(value: float, digits: int) -> str:
    places = digits - 1 - (math.floor(math.log10(abs(value))) if value else 0)
    text = f"{round(value, places):,.{max(0, places)}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace(",", "\u202f").replace("-", "−")


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word that is most like this one, if one is; `cutoff` from 0 to 1 says how like."""
    import difflib  # the window starts without it

    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)), None)
