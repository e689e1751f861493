"""Declaration of a hyperparameter.

Everything that shows, checks, stores or parses a hyperparameter (settings form, validation,
command-line flags, TOML, share string, the table of docs/hyperparameters.md) is derived from the
declarations made with :func:`declare` in :mod:`maml_explorer.settings.groups`. It needs neither
torch nor Qt.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from maml_explorer.algorithms.record import Algorithm
from maml_explorer.settings.family import Family
from maml_explorer.settings.models import ModelKind
from maml_explorer.settings.typed import (
    MistypedError,
    one_of,
    real_number,
    truth,
    whole_number,
    whole_numbers,
)

Value = bool | int | float | str | tuple[int, ...]
"""Values that a hyperparameter may hold."""


class Applies(Enum):
    """Time at which a changed value takes effect."""

    NEXT_STEP = "next step"
    RESTART = "restart"


class Scale(Enum):
    """Scale on which a slider spreads the range."""

    LINEAR = "linear"
    LOG = "log"


class SettingsError(ValueError):
    """A value that is not allowed; the text is one sentence for the user."""


def _always(algorithm: Algorithm) -> bool:
    return True


def _every_family(family: Family) -> bool:
    return True


def _every_model(model: ModelKind) -> bool:
    return True


@dataclass(frozen=True)
class Hyperparameter:
    """One declared hyperparameter. `key` and `group` are filled in from the dataclass field."""

    default: Value
    label: str
    help: str
    symbol: str = ""
    unit: str = ""
    images_unit: str = ""
    """The unit where tasks are of images; empty where it is the same."""
    minimum: float | None = None
    maximum: float | None = None
    scale: Scale = Scale.LINEAR
    slider: tuple[float, float] | None = None
    """The part of the range worth a slider; None means the whole range."""
    choices: tuple[str, ...] = ()
    text: str = ""
    """For a setting that holds a text: what is allowed, in words."""
    typed: bool = True
    """False for a text that names what is opened elsewhere: nobody types it."""
    applies: Applies = Applies.NEXT_STEP
    per_arm: bool = False
    """True if one arm may override it (never task or shape settings)."""
    basic: bool = True
    """True if it is shown without opening the group's "more" part."""
    row: str = ""
    """Two settings with the same `row` (a minimum and a maximum) share one line of the form."""
    short: str = ""
    """Its name where there is little room; empty for its symbol, or else its label."""
    reads: Callable[[Algorithm], bool] = _always
    """Predicate on the record of an algorithm: True if it reads the setting."""
    families: Callable[[Family], bool] = _every_family
    """Predicate on the record of a task family: True if its tasks depend on the setting."""
    models: Callable[[ModelKind], bool] = _every_model
    """Predicate on the record of a kind of network: True if it reads the setting."""
    key: str = ""
    group: str = ""

    @property
    def kind(self) -> str:
        """One of "bool", "int", "float", "choice", "sizes", "text"."""
        if self.choices:
            return "choice"
        if self.text:
            return "text"
        if isinstance(self.default, bool):
            return "bool"
        if isinstance(self.default, tuple):
            return "sizes"
        return "int" if isinstance(self.default, int) else "float"

    def readers(self, algorithms: Iterable[Algorithm]) -> list[Algorithm]:
        """Those of the algorithms that read the setting, in the order given."""
        return [algorithm for algorithm in algorithms if self.reads(algorithm)]

    def unit_of(self, family: Family) -> str:
        """The unit where tasks are of this family."""
        return self.images_unit if family.images and self.images_unit else self.unit

    @property
    def flag(self) -> str:
        """The command-line flag, such as "--inner-lr"."""
        return "--" + self.key.replace("_", "-")

    @property
    def allowed(self) -> str:
        """Allowed values, in words: "from 0 to 10", "one of adam, sgd"."""
        if self.choices or self.text:
            return self.text or "one of " + ", ".join(self.choices)
        if self.kind == "bool":
            return "true or false"
        low, high = shown(self.minimum), shown(self.maximum)
        if self.kind == "sizes":
            return f"1 to {MAX_LAYERS} layer sizes from {low} to {high}, such as 40,40"
        whole = "a whole number " if self.kind == "int" else ""
        return f"{whole}from {low} to {high}"

    def check(self, value: object) -> Value:
        """The value in its own type.

        Raises:
            SettingsError: naming the setting, the value and what is allowed.
        """
        given, value = value, _plain(value)
        match self.kind:
            case "choice" if isinstance(value, str) and value in self.choices:
                return value
            case "text" if isinstance(value, str) and len(value) <= MAX_TEXT:
                if not value or value.isprintable():
                    return value
            case "bool" if isinstance(value, bool):
                return value
            case "int":
                whole = _whole(value)
                if whole is not None and self._inside(whole):
                    return whole
            case "float" if isinstance(value, int | float) and not isinstance(value, bool):
                if self._inside(value):
                    return float(value)
            case "sizes" if isinstance(value, tuple | list) and 1 <= len(value) <= MAX_LAYERS:
                sizes = [n for n in map(_whole, value) if n is not None and self._inside(n)]
                if len(sizes) == len(value):
                    return tuple(sizes)
        raise SettingsError(
            f"{self.label} ({self.key}) cannot be {' '.join(shown(given).split())}: "
            f"allowed is {self.allowed}."
        )

    def parse(self, text: str) -> Value:
        """The value that was typed: "0.01", "40,40", "pi/2", "adam".

        Raises:
            SettingsError: naming the setting, the text and what is allowed.
        """
        try:
            match self.kind:
                case "bool":
                    value: object = truth(text)
                case "text":
                    value = text.strip()
                case "int":
                    value = whole_number(text)
                case "float":
                    value = real_number(text)
                case "sizes":
                    value = whole_numbers(text)
                case _:
                    value = one_of(text.strip(), self.choices)
        except (ValueError, OverflowError) as error:
            advice = f"{error}; " if isinstance(error, MistypedError) and str(error) else ""
            raise SettingsError(
                f"{self.label} ({self.key}) cannot be {quoted(text)}: {advice}"
                f"allowed is {self.allowed}."
            ) from None
        return self.check(value)

    def _inside(self, value: float) -> bool:
        low = -math.inf if self.minimum is None else self.minimum
        high = math.inf if self.maximum is None else self.maximum
        # NaN fails every comparison; a whole number may be too large to become a float
        return low <= value <= high and abs(value) != math.inf


MAX_TEXT = 100
"""Most characters of a setting that holds a text."""
MAX_LAYERS = 8
"""Most hidden layers a network may have."""


def declare(default: Value, label: str, help: str, **details: Any) -> Any:
    """A dataclass field that carries its declaration as metadata."""
    return dataclasses.field(
        default=default, metadata={"declaration": Hyperparameter(default, label, help, **details)}
    )


def declarations(group: str, settings_class: type) -> dict[str, Hyperparameter]:
    """The declarations of one settings group, key → declaration, in the order written."""
    return {
        field.name: dataclasses.replace(field.metadata["declaration"], key=field.name, group=group)
        for field in dataclasses.fields(settings_class)
    }


def shown(value: object) -> str:
    """A value as people read it: "0.01", "40,40", "π"."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return ",".join(str(part) for part in value)[:60] or "empty"
    if isinstance(value, float):
        for name, number in (("π", math.pi), ("2π", 2 * math.pi), ("π/2", math.pi / 2)):
            if abs(abs(value) - number) < 1e-12:
                return ("−" if value < 0 else "") + name
        return f"{value:.12g}"
    return str(value)[:60]


def quoted(text: object) -> str:
    """Text from outside as a sentence may quote it: its beginning, on one line, in quotes."""
    return f"“{' '.join(str(text)[:40].split())}”"


def _plain(value: object) -> object:
    """The Python value of a NumPy number, or of an array of them."""
    convert = getattr(value, "tolist", None)
    return convert() if callable(convert) else value


def _whole(value: object) -> int | None:
    """A whole number in its own type, 1e4 too; None for anything else."""
    value = _plain(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
