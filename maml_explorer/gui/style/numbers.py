"""Numbers as the window writes them: 3 significant digits, narrow spaces between thousands."""

from __future__ import annotations

import math
from collections.abc import Callable

THIN_SPACE = "\u202f"
"""No line ends at it, as one may at U+2009."""
MISSING = "–"


def whole(value: float) -> str:
    """A count with all its digits: "70 000"."""
    return f"{round(value):,}".replace(",", THIN_SPACE).replace("-", "−")


def number(value: float | None, digits: int = 3, *, fixed: bool = False) -> str:
    """A measured value: "0.21", "4 250", "1.3e−8"; "–" where there is none.

    Args:
        value: the number; None, NaN and infinities are missing.
        digits: significant digits.
        fixed: keep zeros at the end, so that figures side by side have equally many digits, and a
            live read-out does not jump.
    """
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    mantissa, exponent_text = f"{value:.{digits - 1}e}".split("e")
    exponent = int(exponent_text)
    if exponent < -3 or exponent > 6:
        text = (mantissa if fixed else _trimmed(mantissa)) + f"e{exponent}"
    else:
        text = f"{float(f'{value:.{digits - 1}e}'):,.{max(0, digits - 1 - exponent)}f}"
        text = text if fixed else _trimmed(text)
    return text.replace(",", THIN_SPACE).replace("-", "−")


def difference(value: float, other: float) -> str:
    """A value minus another, no coarser than the value is written: "+205" beside "206"."""
    size = abs(value - other)
    fine = _magnitude(size) < _magnitude(value)
    return ("+" if value >= other else "−") + number(size, 2 if fine else 3, fixed=True)


def _magnitude(value: float) -> int:
    """The power of ten of its first digit, as written."""
    return int(f"{value:.2e}".partition("e")[2])


def rounded_to_fit(text: str, fits: Callable[[str], bool]) -> str:
    """A written number with as many of its decimals as fit; the text itself where none would.

    Args:
        text: such as "0.0757", or "↑ 0.0757"; what is no plain number stays.
        fits: whether a text has room.
    """
    mark, gap, digits = text.rpartition(" ")
    if not digits.replace(".", "", 1).isdigit():
        return text
    decimals = len(digits.partition(".")[2])
    numbers = [digits, *(f"{float(digits):.{count}f}" for count in range(decimals - 1, -1, -1))]
    wordings = [f"{mark}{gap}{one}" for one in numbers if float(one)]
    return next((one for one in wordings if fits(one)), text)


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
