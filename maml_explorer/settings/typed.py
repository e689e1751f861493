"""Numbers and words as people type them: read where only one thing can be meant, else explained.

Torch-free. The command line and the fields of the window read what is typed here. A text that could
mean two things is never read as one of them: :class:`MistypedError` says what to write.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

_DIGITS = r"[0-9]+(?:_[0-9]+)*"
_NUMBER = rf"(?:{_DIGITS}\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?"
_PLAIN = re.compile(rf"[+-]?{_NUMBER}", re.IGNORECASE)
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:[ \u00a0\u2009\u202f][0-9]{3})+(?:\.[0-9]+)?")
_PI = re.compile(
    rf"([+-]?)\s*(?:({_NUMBER})\s*\*?\s*)?pi(?:\s*/\s*({_NUMBER}))?", re.IGNORECASE
)  # fmt: skip
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+(?:e[+-]?[0-9]+)?", re.IGNORECASE)
_COMMA_GROUPS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+")
_SEPARATORS = re.compile(r"[,\s]+")

TRUTH = {
    "true": True, "yes": True, "on": True, "1": True,
    "false": False, "no": False, "off": False, "0": False,
}  # fmt: skip


class MistypedError(ValueError):
    """A text that cannot be read; the message says what to write, and is empty where unknown."""


def real_number(text: str) -> float:
    """A real number: "0.01", "1e-3", "70 000", "pi", "2*pi", "-π/2", "−0.5".

    Raises:
        MistypedError: for anything else.
    """
    text = _tidy(text)
    if _PLAIN.fullmatch(text) or _GROUPED.fullmatch(text):
        return float("".join(text.split()))
    found = _PI.fullmatch(text)
    if found is None:
        raise MistypedError(_advice(text, whole=False))
    sign, factor, divisor = found.groups()
    if divisor is not None and float(divisor) == 0:
        raise MistypedError("")
    number = math.pi * float(factor or 1) / float(divisor or 1)
    return -number if sign == "-" else number


def whole_number(text: str) -> int:
    """A whole number: "70000", "70 000", "70_000", "7e4".

    Raises:
        MistypedError: for anything else.
    """
    text = _tidy(text)
    if not _PLAIN.fullmatch(text) and not _GROUPED.fullmatch(text):
        raise MistypedError(_advice(text, whole=True))
    text = "".join(text.split())
    try:
        return int(text)
    except ValueError:
        number = float(text)
    # beyond this a float no longer tells whole numbers apart
    if not number.is_integer() or abs(number) > 2**53:
        raise MistypedError("")
    return int(number)


def whole_numbers(text: str) -> tuple[int, ...]:
    """Whole numbers separated by commas or blanks: "40,40", "40 40".

    Raises:
        MistypedError: for anything else.
    """
    parts = [part for part in _SEPARATORS.split(_tidy(text)) if part]
    for part in parts:
        if re.fullmatch(r"0[0-9]+", part):
            raise MistypedError("commas and blanks separate numbers, not their thousands")
    return tuple(whole_number(part) for part in parts)


def truth(text: str) -> bool:
    """A truth value: true, yes, on, 1, or false, no, off, 0.

    Raises:
        MistypedError: for anything else.
    """
    try:
        return TRUTH[text.strip().lower()]
    except KeyError:
        raise MistypedError("") from None


def one_of(text: str, names: Iterable[str]) -> str:
    """The one of the names that is meant, whatever its capitals, hyphens and blanks.

    Raises:
        MistypedError: if none is, or several are.
    """
    known = list(names)
    found = [name for name in known if name == text] or [
        name for name in known if same_name(name, text)
    ]
    if len(found) != 1:
        raise MistypedError("")
    return found[0]


def same_name(one: str, two: str) -> bool:
    """True if two names differ at most in capitals, hyphens and blanks: "ReLU" and "relu"."""
    return _letters(one) == _letters(two)


def _letters(name: str) -> str:
    return re.sub(r"[-_\s]", "", name).casefold()


def _tidy(text: str) -> str:
    return text.strip().replace("−", "-").replace("π", "pi")


def _advice(text: str, *, whole: bool) -> str:
    """Advice on what to write instead."""
    text = text[:40]
    without = text.replace(",", "")
    if _COMMA_GROUPS.fullmatch(text):
        point = "" if whole or text.count(",") > 1 else f" or a point, {text.replace(',', '.')}"
        return f"write no comma, {without}{point}"
    if _DECIMAL_COMMA.fullmatch(text):
        return f"write a point, {text.replace(',', '.')}"
    parts = [part for part in _SEPARATORS.split(text) if part]
    if len(parts) > 1 and all(_PLAIN.fullmatch(part) for part in parts):
        return "write one number, not several"
    factors = text.split("*")
    if len(factors) > 1 and all(_PLAIN.fullmatch(part.strip()) for part in factors):
        return "write the number itself, not a product"
    return ""
