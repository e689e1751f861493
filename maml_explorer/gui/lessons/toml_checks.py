"""Checks of a lesson's TOML: tables of keys, and the line where a key stands. Qt-free."""

from __future__ import annotations

import math
import pathlib
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from maml_explorer.files.reader import StorageError, read_text
from maml_explorer.settings.declaration import SettingsError, shown
from maml_explorer.settings.text import MAX_TOML
from maml_explorer.settings.words import nearest

Path = tuple[str | int, ...]
"""Path of a value: ("steps", 2, "view", "task"); steps count from 0."""
Check = Callable[[object], Any]
"""A value in its own type; raises ValueError with what is allowed, in words."""

_MOST_NAMED = 16
"""Names that an error lists."""
_HEADER = re.compile(r"\s*(\[\[?)\s*([\w.\s-]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=")


class LessonError(ValueError):
    """A value that is not allowed, and where it stands."""

    def __init__(self, path: Path, sentence: str) -> None:
        super().__init__(sentence)
        self.path = path


def read_table(
    found: object, path: Path, checks: Mapping[str, Check], needed: Collection[str] = ()
) -> dict[str, Any]:
    """The checked values of a table, key → value; only keys that are there.

    Raises:
        LessonError: for another thing than a table, an unknown or missing key, a value not allowed.
    """
    if not isinstance(found, dict):
        raise LessonError(
            path, f"{_name(path)} is a table of keys and values, not {_shown(found)}."
        )
    for key in found:
        if key not in checks:
            sentence = f"There is no “{_shown(key)}” here: {_hint(str(key), checks)}"
            raise LessonError((*path, key), sentence)
    for key in needed:
        if key not in found:
            raise LessonError(path, f"“{key}” is missing in {_name(path)}.")
    return {key: _checked(value, (*path, key), checks[key]) for key, value in found.items()}


def _checked(value: object, path: Path, check: Check) -> Any:
    try:
        return check(value)
    except LessonError:
        raise
    except SettingsError as error:  # its sentence says key, value and what is allowed
        raise LessonError(path, " ".join(str(error).split())) from None
    except ValueError as error:
        sentence = f"“{path[-1]}” cannot be {_shown(value)}: allowed is {error}."
        raise LessonError(path, sentence) from None


def _hint(name: str, names: Collection[str]) -> str:
    meant = nearest(name[:40], names)
    if meant is not None:
        return f"did you mean {meant}?"
    more = ", …" if len(names) > _MOST_NAMED else ""
    return f"allowed are {', '.join(list(names)[:_MOST_NAMED])}{more}."


def named(names: Collection[str]) -> Check:
    """One of many names; who mistypes one is told which was meant."""

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in names:
            raise SettingsError(f"There is no “{_shown(value)}”: {_hint(str(value), names)}")
        return value

    return check


def anything(value: object) -> object:
    """The value itself: it is checked further in."""
    return value


def words(most: int) -> Check:
    """A text of 1 to `most` characters; its line breaks become spaces."""

    def check(value: object) -> str:
        text = " ".join(value.split()) if isinstance(value, str) else ""
        if not 1 <= len(text) <= most or not text.isprintable():
            raise ValueError(f"a text of 1 to {most} characters")
        return text

    return check


def many(check: Check, least: int, most: int) -> Check:
    """A list of `least` to `most` values that each pass `check`."""

    def check_all(value: object) -> tuple[Any, ...]:
        allowed = f"a list of {least} to {most}"
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise ValueError(allowed)
        try:
            return tuple(check(part) for part in value)
        except SettingsError:
            raise
        except ValueError as error:
            raise ValueError(f"{allowed}, each {error}") from None

    return check_all


def whole(low: int, high: int) -> Check:
    """A whole number from `low` to `high`."""

    def check(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return value

    return check


def decimal(low: float, high: float) -> Check:
    """A number from `low` to `high`."""

    def check(value: object) -> float:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        if not fits or not math.isfinite(value) or not low <= value <= high:  # type: ignore[operator, arg-type]
            raise ValueError(f"a number from {low:g} to {high:g}")
        return float(value)  # type: ignore[arg-type]

    return check


def flag(value: object) -> bool:
    """A truth value."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def one_of(*names: str) -> Check:
    """One of these names."""

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in names:
            raise ValueError(f"one of {', '.join(names)}")
        return value

    return check


def is_lesson_file(path: pathlib.Path) -> bool:
    """True where a file means to be a lesson; it may still be refused."""
    if path.suffix != ".toml":
        return False
    try:
        text = read_text(path, 4 * MAX_TOML, follow=True)
    except StorageError:
        return False
    return any(line.strip().replace(" ", "") == "[[steps]]" for line in text.splitlines())


def line_of(text: str, path: Path) -> int | None:
    """The line, from 1, of the key at `path` in TOML, or of what it stands in."""
    lines = _lines(text)
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None


def _lines(text: str) -> dict[Path, int]:
    """Lines of headers and keys. Tables within one line, and quoted keys, are passed over."""
    found: dict[Path, int] = {}
    table: Path = ()
    counts: dict[Path, int] = {}
    quote = ""
    for number, line in enumerate(text.splitlines(), 1):
        if not quote:
            header = _HEADER.match(line)
            if header:
                table = ()
                names = [name.strip() for name in header[2].split(".")]
                for nth, name in enumerate(names):
                    table = (*table, name)
                    if header[1] == "[[" and nth == len(names) - 1:
                        counts[table] = counts.get(table, -1) + 1
                    if table in counts:
                        table = (*table, counts[table])
                found.setdefault(table, number)
            elif key := _KEY.match(line):
                found.setdefault((*table, key[1]), number)
        for mark in ('"""', "'''"):
            if quote in ("", mark) and line.count(mark) % 2:
                quote = "" if quote else mark
                break
    return found


def _name(path: Path) -> str:
    if not path:
        return "a lesson"
    if len(path) == 2 and isinstance(path[1], int):
        return f"[[{path[0]}]]"
    return f"[{'.'.join(str(part) for part in path if not isinstance(part, int))}]"


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list) and any(isinstance(part, list | dict) for part in value):
        return "a nested list"
    return " ".join(shown(value).split()) or "empty"
