"""JSON from anywhere: no NaN, no Infinity, no number that Python or Qt cannot hold. Torch-free."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

MOST = 2**63
"""Whole numbers are smaller than this."""


def parse_json(text: str | bytes) -> Any:
    """The value that a JSON text stands for.

    Raises:
        ValueError: where it is not JSON, is nested too deeply, or has a number out of range.
    """
    try:
        return json.loads(
            text, parse_constant=_refuse, parse_int=_whole, parse_float=_finite
        )  # fmt: skip
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def fitting(value: Any) -> bool:
    """True where all whole numbers in nested lists and dictionaries are in range.

    Args:
        value: of another parser, whose nesting was within bounds.
    """
    if isinstance(value, dict):
        return all(map(fitting, value.values()))
    if isinstance(value, list):
        return all(map(fitting, value))
    return not isinstance(value, int) or -MOST <= value < MOST


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not allowed")


def _whole(digits: str) -> int:
    # before it is converted: that takes quadratic time, and Python refuses some lengths
    if len(digits) > 20 or not -MOST <= int(digits) < MOST:
        raise ValueError("a whole number is out of range")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number
