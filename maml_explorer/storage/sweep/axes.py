"""Axes of a sweep: which setting varies, and over which values. Torch-free.

An axis is written as `KEY=…` (:func:`parse_axis`):

    inner_lr=0.001,0.01,0.1        a list; blanks between numbers do as well
    inner_lr=0.001:0.3:log:7       seven values from 0.001 to 0.3, equal ratios
    inner_lr=0.1:0.5:5             five values, equal distances
    inner_lr=0.001:0.3:log         a range without a count: for random search
    width=40,80                    the width of every hidden layer
    algorithm=maml,anil            one arm of each algorithm
    hidden=40,40;64,64             lists of layer sizes, separated by semicolons
"""

from __future__ import annotations

import math
import random
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.settings.declaration import Hyperparameter, SettingsError, Value, shown
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.settings import Settings, default_arm

ALGORITHM, WIDTH = "algorithm", "width"
"""Axes that are no setting by themselves: the only arm's algorithm, the width of all layers."""
NOT_VARIED = ("seed", "device", "outer_steps", "evaluate_every", "test_tasks", "test_steps")
"""Settings that are no axis: seeds have a flag of their own, the others do not change what is
learned, or would compare runs of different length."""
MAX_VALUES = 1000
"""Most values of one axis."""

_NEXT_AXIS = re.compile(r"\s+(?=[\w-]+\s*=)")
_BETWEEN_NUMBERS = re.compile(r"[,;\s]+")

Point = tuple[tuple[str, Value], ...]
"""(axis, value), … in the order of the axes: one choice of settings."""


class NotVariedError(SettingsError):
    """A setting that is no axis; `key` names it, and the text names its flag."""

    def __init__(self, key: str) -> None:
        flag = DECLARATIONS[key].flag
        hint = "--seeds gives the seeds" if key == "seed" else f"{flag} sets it for all runs"
        super().__init__(f"{key} cannot be an axis: {hint}.")
        self.key = key


@dataclass(frozen=True)
class Axis:
    """One axis: the values of a grid, or the range of a random search."""

    key: str
    values: tuple[Value, ...] = ()
    """Of a grid; empty for a range without a count."""
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    """True where a range is drawn, and its values are spaced, by equal ratios."""

    @property
    def label(self) -> str:
        """The name of the axis as a reader sees it."""
        names = {ALGORITHM: "Algorithm", WIDTH: "Width"}
        return names.get(self.key) or DECLARATIONS[self.key].label

    def draw(self, dice: random.Random) -> Value:
        """One value for a random search: of the list, or of the range."""
        if self.values:
            return dice.choice(self.values)
        if self.log:
            drawn = math.exp(dice.uniform(math.log(self.low), math.log(self.high)))
        else:
            drawn = dice.uniform(self.low, self.high)
        # e^log(high) may end one bit beyond the range
        drawn = min(max(drawn, self.low), self.high)
        return _checked(self.key, round(drawn) if _is_whole(self.key) else drawn)

    @property
    def whole(self) -> bool:
        """True where its values are whole numbers."""
        return _is_whole(self.key)

    def holds(self, value: object) -> bool:
        """True for a value of the list, or of the range."""
        if self.values:
            return any(value == one and type(value) is type(one) for one in self.values)
        kinds = (int,) if self.whole else (int, float)
        return type(value) in kinds and self.low <= value <= self.high  # type: ignore[operator]

    def checked(self, value: Value) -> Value:
        """A value that a search proposes, as the setting takes it."""
        return _checked(self.key, value)

    def text(self) -> str:
        """The axis as :func:`parse_axis` reads it."""
        if self.values:
            between = ";" if self.key == "hidden" else ","
            return f"{self.key}={between.join(_text(value) for value in self.values)}"
        scale = ":log" if self.log else ""
        return f"{self.key}={self.low!r}:{self.high!r}{scale}"


def parse_axes(text: str) -> tuple[Axis, ...]:
    """Several axes in one line, separated by blanks: `inner_lr=0.001, 0.01 inner_steps=1,5`.

    Raises:
        SettingsError: as :func:`parse_axis`.
    """
    return tuple(map(parse_axis, _NEXT_AXIS.split(text.strip())))


def parse_axis(text: str) -> Axis:
    """The axis written as `KEY=…`, in one of the forms of this module.

    Raises:
        SettingsError: naming the axis, the part that is wrong and what is allowed.
    """
    key, equals, rest = text.partition("=")
    key = key.strip().replace("-", "_").removeprefix("__")
    if not equals or not rest.strip():
        raise SettingsError(
            f"An axis is written KEY=VALUES, such as inner_lr=0.001:0.3:log:7; not “{text[:60]}”."
        )
    _known(key)
    values: tuple[Value, ...]
    if ":" in rest:
        low, high, log, count = _range(key, rest)
        if count is None:
            return Axis(key, (), low, high, log)
        values = _spaced(key, low, high, log, count)
    else:
        values = tuple(_parsed(key, part) for part in _listed(key, rest))
    twice = [value for value in values if values.count(value) > 1]
    if twice:
        raise SettingsError(f"The axis {key} has the value {shown(twice[0])} twice.")
    if not 1 <= len(values) <= MAX_VALUES:
        raise SettingsError(
            f"The axis {key} has {len(values)} values: allowed are 1 to {MAX_VALUES}."
        )
    return Axis(key, values)


def with_point(settings: Settings, point: Point) -> Settings:
    """The settings at one point of a sweep.

    Raises:
        SettingsError: where the values do not go together.
    """
    values: dict[str, Value] = {}
    for key, value in point:
        if key == ALGORITHM:
            settings = settings.with_arms((default_arm(str(value)),))
        elif key == WIDTH:
            assert isinstance(value, int)
            values["hidden"] = (value,) * len(settings.model.hidden)
        else:
            values[key] = value
    return settings.with_values(values)


def is_possible(settings: Settings, point: Point) -> bool:
    """True where the values of a point go together."""
    try:
        with_point(settings, point)
    except SettingsError:
        return False
    return True


def refuse_clashes(axes: Sequence[Axis]) -> None:
    """Refuse two axes that write the same setting.

    Raises:
        SettingsError: naming them.
    """
    written: Mapping[str, str] = {WIDTH: "hidden"}
    seen: dict[str, str] = {}
    for axis in axes:
        target = written.get(axis.key, axis.key)
        if target in seen:
            raise SettingsError(f"The axes {seen[target]} and {axis.key} set the same: give one.")
        seen[target] = axis.key


def _known(key: str) -> None:
    if key in NOT_VARIED:
        raise NotVariedError(key)
    if key not in (ALGORITHM, WIDTH) and key not in DECLARATIONS:
        meant = " or ".join(_near(key))
        hint = f"did you mean {meant}?" if meant else "an axis is a setting, algorithm or width."
        raise SettingsError(f"There is no axis “{key[:60]}”: {hint}")


def _near(key: str) -> list[str]:
    """Axes that somebody may mean who wrote a symbol (α, alpha, K), a part (lr) or a slip."""
    import difflib

    known = [name for name in (*DECLARATIONS, ALGORITHM, WIDTH) if name not in NOT_VARIED]
    of_symbol = [name for name in known if key in _spellings(name)]
    of_part = [name for name in known if key in name.split("_")]
    return (of_symbol or of_part or difflib.get_close_matches(key, known, 1))[:3]


def _spellings(name: str) -> tuple[str, ...]:
    """A setting's symbol, and the name of a Greek one: ("α", "alpha")."""
    symbol = DECLARATIONS[name].symbol if name in DECLARATIONS else ""
    if len(symbol) != 1:
        return ()
    spelled = unicodedata.name(symbol).rpartition(" ")[2].lower()
    return symbol, spelled.replace("lamda", "lambda")  # Unicode writes it without b


def _declared(key: str) -> Hyperparameter:
    return DECLARATIONS["meta_batch" if key == WIDTH else key]


def _is_whole(key: str) -> bool:
    return key == WIDTH or _declared(key).kind == "int"


def _checked(key: str, value: Value) -> Value:
    if key == WIDTH:
        checked = DECLARATIONS["hidden"].check((value,))
        assert isinstance(checked, tuple)
        return checked[0]
    return DECLARATIONS[key].check(value)


def _parsed(key: str, text: str) -> Value:
    if key == ALGORITHM:
        name = text.strip()
        if name not in ALGORITHMS:
            known = ", ".join(ALGORITHMS)
            raise SettingsError(f"There is no algorithm “{name[:40]}”: algorithms are {known}.")
        return name
    if key == WIDTH:
        sizes = DECLARATIONS["hidden"].parse(text)
        assert isinstance(sizes, tuple)
        return sizes[0]
    return DECLARATIONS[key].parse(text)


def _listed(key: str, text: str) -> list[str]:
    """The texts of the values of a list.

    Raises:
        SettingsError: where commas were meant as decimal points, as in "0,001".
    """
    numbers = key == WIDTH or (key != ALGORITHM and _declared(key).kind in ("int", "float"))
    if numbers:
        parts = _BETWEEN_NUMBERS.split(text)
        if any(re.fullmatch(r"0[0-9]+", part) for part in parts):
            raise SettingsError(
                f"A comma separates values, so write decimals with a point: {key}=0.001,0.01."
            )
    else:
        parts = text.split(";" if key == "hidden" else ",")
    return [part for part in parts if part.strip()]


def _range(key: str, text: str) -> tuple[float, float, bool, int | None]:
    """Low end, high end, whether by ratios, and the count, where there is one."""
    parts = [part.strip() for part in text.split(":")]
    log = "log" in parts[2:]
    rest = [part for part in parts[2:] if part not in ("log", "linear")]
    if not 2 <= len(parts) <= 4 or len(rest) > 1 or (rest and not rest[0].isdecimal()):
        raise SettingsError(
            f"A range is written LOW:HIGH, LOW:HIGH:N or LOW:HIGH:log:N; not “{text[:60]}”."
        )
    if key not in (ALGORITHM, WIDTH) and _declared(key).kind not in ("int", "float"):
        raise SettingsError(f"{key} has no range: give a list, such as {key}=A,B.")
    if key == ALGORITHM:
        raise SettingsError("algorithm has no range: give a list, such as algorithm=maml,anil.")
    low, high = (_parsed(key, part) for part in parts[:2])
    assert isinstance(low, int | float) and isinstance(high, int | float)
    if low == high:
        raise SettingsError(
            f"The range of {key} is empty, from {shown(low)} to {shown(high)}: give {key}="
            f"{shown(low)} for one value."
        )
    if not low < high:
        raise SettingsError(
            f"The range of {key} goes from {shown(low)} to {shown(high)}: reverse it."
        )
    if log and low <= 0:
        raise SettingsError(
            f"The range of {key} begins at {shown(low)}: by ratios it must be above 0."
        )
    count = int(rest[0][:9]) if rest else None
    if count is not None and not 2 <= count <= MAX_VALUES:
        raise SettingsError(
            f"The range of {key} has {count} values: allowed are 2 to {MAX_VALUES}."
        )
    return float(low), float(high), log, count


def _spaced(key: str, low: float, high: float, log: bool, count: int) -> tuple[Value, ...]:
    """Values from low to high, both included; whole where the setting is, each of them once."""
    values: list[Value] = []
    for nth in range(count):
        part = nth / (count - 1)
        value = low * (high / low) ** part if log else low + (high - low) * part
        # twelve digits: 0.1 rather than 0.10000000000000002, which nobody types
        value = min(max(float(f"{value:.12g}"), low), high)
        found = _checked(key, round(value) if _is_whole(key) else value)
        if found not in values:
            values.append(found)
    return tuple(values)


def _text(value: Value) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)
