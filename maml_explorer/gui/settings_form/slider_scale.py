"""Conversion of a value to a position on a slider, and back."""

from __future__ import annotations

import math

from maml_explorer.settings.declaration import Hyperparameter, Scale

POSITIONS = 400
"""Steps of a slider that is not one step per whole number."""


class SliderScale:
    """The positions 0 … `last` of a setting's slider.

    Logarithmic where the declaration says so; then position 0 is the value 0 where 0 is allowed
    but below the logarithmic range.
    """

    def __init__(self, declaration: Hyperparameter) -> None:
        low, high = declaration.slider or (declaration.minimum or 0.0, declaration.maximum or 1.0)
        self.low, self.high = float(low), float(high)
        self.whole = declaration.kind == "int"
        self.log = declaration.scale is Scale.LOG
        self.has_zero = self.log and (declaration.minimum or 0.0) <= 0.0 < self.low
        self.last = POSITIONS
        if self.whole and not self.log:
            self.last = max(1, round(self.high - self.low))

    def value(self, position: int) -> int | float:
        """The value at `position`, rounded to what one would type."""
        if self.has_zero and position <= 0:
            return 0 if self.whole else 0.0
        start = 1 if self.has_zero else 0
        part = (position - start) / (self.last - start)
        if part in (0, 1):
            # the ends are the declared ones, such as 2π, not rounded
            rounded = self.low if part == 0 else self.high
        elif self.log:
            exact = self.low * (self.high / self.low) ** part
            rounded = _significant(exact, 2)
        else:
            exact = self.low + (self.high - self.low) * part
            step = 10 ** (math.floor(math.log10(self.high - self.low)) - 2)
            rounded = round(round(exact / step) * step, 12)
        if self.whole:
            return min(max(round(rounded), math.ceil(self.low)), math.floor(self.high))
        return min(max(rounded, self.low), self.high)

    def position(self, value: float) -> int:
        """The position nearest to `value`; the ends for what lies outside."""
        if self.has_zero and value <= 0:
            return 0
        start = 1 if self.has_zero else 0
        inside = min(max(float(value), self.low), self.high)
        if self.log:
            part = math.log(inside / self.low) / math.log(self.high / self.low)
        else:
            part = (inside - self.low) / (self.high - self.low)
        return round(start + part * (self.last - start))


def _significant(value: float, digits: int) -> float:
    return float(f"{value:.{digits - 1}e}")
