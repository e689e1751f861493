"""Poles of a formula, found by interval arithmetic over boxes that are halved."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache

from maml_explorer.settings.curves.grammar import Tree

Interval = tuple[float, float]
LARGEST = 1e6
"""The largest target that training can be asked for."""
_BOXES = 3000
"""Boxes looked at; what is doubtful after that is refused."""


class PoleError(ValueError):
    """A formula that is undefined or without bound; the message says at which values."""


class _DoubtfulError(Exception):
    """A box in which the formula may be undefined."""


@lru_cache(maxsize=64)
def refuse_poles(tree: Tree, ranges: tuple[tuple[str, Interval], ...]) -> None:
    """Refuses a formula with poles in its ranges (name → ends), or larger than `LARGEST`.

    Raises:
        PoleError: naming a place.
    """
    boxes, seen = [dict(ranges)], 0
    while boxes:
        box = boxes.pop()
        seen += 1
        try:
            low, high = bounds(tree, box)
            if max(-low, high) <= LARGEST:
                continue
        except (_DoubtfulError, OverflowError):
            pass
        widths = {name: high - low for name, (low, high) in box.items()}
        whole = dict(ranges)
        shares = {
            name: width / (whole[name][1] - whole[name][0])
            for name, width in widths.items()
            if width > 0
        }
        widest = max(shares, key=lambda name: shares[name], default=None)
        if widest is None or seen > _BOXES or shares[widest] < 1e-4:
            at = ", ".join(f"{name} = {(low + high) / 2:.3g}" for name, (low, high) in box.items())
            raise PoleError(f"it is undefined or above {LARGEST:.0e} near {at}")
        low, high = box[widest]
        middle = (low + high) / 2
        boxes += [box | {widest: (low, middle)}, box | {widest: (middle, high)}]


def bounds(tree: Tree, box: Mapping[str, Interval]) -> Interval:
    """Ends that the formula does not leave within a box, name → ends."""
    match tree:
        case ("number", value):
            return value, value
        case ("name", name):
            return box[name]
        case ("−", one):
            low, high = bounds(one, box)
            return -high, -low
        case ("call", function, one):
            return _CALLS[function](bounds(one, box))
        case ("^", one, other):
            return _power(bounds(one, box), bounds(other, box))
        case ("*", one, other) if one == other:
            return _power(bounds(one, box), (2.0, 2.0))
        case (sign, one, other):
            return _joined(sign, bounds(one, box), bounds(other, box))
    raise AssertionError(tree)


def _joined(sign: str, one: Interval, other: Interval) -> Interval:
    if sign == "+":
        return one[0] + other[0], one[1] + other[1]
    if sign == "-":
        return one[0] - other[1], one[1] - other[0]
    if sign == "/":
        if other[0] <= 0 <= other[1]:
            raise _DoubtfulError
        other = 1 / other[1], 1 / other[0]
    ends = [a * b for a in one for b in other]
    return min(ends), max(ends)


def _power(base: Interval, exponent: Interval) -> Interval:
    n = exponent[0]
    if exponent[0] == exponent[1] and n.is_integer():
        if n < 0 and base[0] <= 0 <= base[1]:
            raise _DoubtfulError
        ends = [base[0] ** n, base[1] ** n]
        if n > 0 and n % 2 == 0 and base[0] <= 0 <= base[1]:
            ends.append(0.0)
        return (1.0, 1.0) if n == 0 else (min(ends), max(ends))
    if base[0] < 0 or (base[0] == 0 and exponent[0] <= 0):
        raise _DoubtfulError
    ends = [a**b for a in base for b in exponent]
    return min(ends), max(ends)


def _growing(function: Callable[[float], float]) -> Callable[[Interval], Interval]:
    return lambda ends: (function(ends[0]), function(ends[1]))


def _cos(ends: Interval) -> Interval:
    low, high = ends
    if high - low >= 2 * math.pi:
        return -1.0, 1.0
    values = [math.cos(low), math.cos(high)]
    for turn in range(math.ceil(low / math.pi), math.floor(high / math.pi) + 1):
        values.append(1.0 if turn % 2 == 0 else -1.0)
    return min(values), max(values)


def _tan(ends: Interval) -> Interval:
    half = math.pi / 2
    if math.floor((ends[0] - half) / math.pi) != math.floor((ends[1] - half) / math.pi):
        raise _DoubtfulError
    return math.tan(ends[0]), math.tan(ends[1])


def _abs(ends: Interval) -> Interval:
    values = [abs(ends[0]), abs(ends[1])] + ([0.0] if ends[0] <= 0 <= ends[1] else [])
    return min(values), max(values)


def _log(ends: Interval) -> Interval:
    if ends[0] <= 0:
        raise _DoubtfulError
    return math.log(ends[0]), math.log(ends[1])


def _sqrt(ends: Interval) -> Interval:
    if ends[0] < 0:
        raise _DoubtfulError
    return math.sqrt(ends[0]), math.sqrt(ends[1])


_CALLS: dict[str, Callable[[Interval], Interval]] = {
    "sin": lambda ends: _cos((ends[0] - math.pi / 2, ends[1] - math.pi / 2)),
    "cos": _cos,
    "tan": _tan,
    "tanh": _growing(math.tanh),
    "exp": _growing(math.exp),
    "log": _log,
    "sqrt": _sqrt,
    "abs": _abs,
    "sign": lambda ends: (-1.0, 1.0),
    "floor": _growing(lambda value: float(math.floor(value))),
    "step": lambda ends: (0.0, 1.0),
    "saw": lambda ends: (-1.0, 1.0),
}
