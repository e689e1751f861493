"""Settings as TOML, in and out. The share string is in :mod:`maml_explorer.settings.share`.

Torch-free. What is read may come from anyone: sizes are capped before parsing, nothing is
evaluated, and what is not understood is refused with one sentence (:class:`SettingsError`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from maml_explorer.files.strict_json import fitting
from maml_explorer.settings.declaration import SettingsError, Value, shown
from maml_explorer.settings.groups import DECLARATIONS, GROUPS
from maml_explorer.settings.settings import MAX_ARMS, Arm, Settings, default_arm
from maml_explorer.settings.stream import FOLLOWING
from maml_explorer.settings.words import nearest

SCHEMA = 1
"""Raised when old text would be read wrongly; newer text is refused."""

MAX_TOML = 64 * 1024
"""Most characters of a settings file."""
MAX_TOML_LINE = 500
"""Most characters of one of its lines: tomllib takes quadratic time in the length of a key."""


def to_toml(settings: Settings) -> str:
    """The settings and arms as TOML, with all that the task family reads written out."""
    parts = [f"schema = {SCHEMA}"]
    for group in GROUPS:
        lines = [
            f"{key} = {toml_value(settings[key])}"
            for key, declaration in DECLARATIONS.items()
            if declaration.group == group and is_written(settings, key)
        ]
        if lines:
            parts.append("\n".join([f"[{group}]", *lines]))
    for arm in settings.arms:
        lines = [f"name = {toml_value(arm.name)}", f"algorithm = {toml_value(arm.algorithm)}"]
        parts.append("\n".join(["[[arms]]", *lines]))
        if arm.overrides:
            lines = [f"{key} = {toml_value(value)}" for key, value in arm.overrides]
            parts.append("\n".join(["[arms.overrides]", *lines]))
    return "\n\n".join(parts) + "\n"


def is_written(settings: Settings, key: str) -> bool:
    """False for a default that task family or network do not read, or older versions do not know.

    So files of sine runs stay as they were before there were families.
    """
    declared = DECLARATIONS[key]
    read = settings.reads(key) and key != "family"
    if settings.family.stream and key in FOLLOWING:
        return False
    return read or settings[key] != declared.default


def from_toml(text: str) -> Settings:
    """The settings written as TOML; what is left out has its default.

    Raises:
        SettingsError: for anything that is not settings of this program; one sentence.
    """
    return settings_from(parse_toml(text))


def parse_toml(text: str) -> dict[str, Any]:
    """The TOML document as nested dictionaries, within the caps of this module.

    Raises:
        SettingsError: if it is too large or not TOML.
    """
    if len(text) > MAX_TOML:
        raise SettingsError(
            f"The text is {len(text)} characters long: allowed are at most {MAX_TOML}."
        )
    import tomllib  # a start reads no such text unless one is there

    text = text.removeprefix("\ufeff")  # editors of some systems put it first
    longest = max((len(line) for line in text.splitlines()), default=0)
    if longest > MAX_TOML_LINE:
        raise SettingsError(
            f"The text has a line of {longest} characters: allowed are at most {MAX_TOML_LINE}."
        )
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise SettingsError("The text is nested too deeply.") from None
    except ValueError as error:
        reason = " ".join(str(error).split())[:200]
        raise SettingsError(f"The text cannot be read as TOML: {reason}.") from None
    if not fitting(document):
        raise SettingsError("The text has a number that is out of range.")
    return document


def settings_from(document: Mapping[str, Any]) -> Settings:
    """The settings of a parsed TOML document.

    Raises:
        SettingsError: naming the key, the value and what is allowed.
    """
    schema = document.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool) or not 1 <= schema <= SCHEMA:
        newer = isinstance(schema, int) and schema > SCHEMA
        hint = " (a newer version wrote it)" if newer else ""
        found = "missing" if schema is None else worded(schema)
        raise SettingsError(f"The schema of the settings is {found}{hint}: allowed is {SCHEMA}.")
    refuse_unknown(document, ["schema", *GROUPS, "arms"], "in the settings")
    values: dict[str, object] = {}
    for group in GROUPS:
        table = table_of(document.get(group, {}), f"[{group}]")
        known = [key for key, declared in DECLARATIONS.items() if declared.group == group]
        refuse_unknown(table, known, f"in [{group}]")
        values |= table
    settings = checked_values(Settings(), values)
    if "arms" not in document:
        return settings
    return settings.with_arms(arms_from(document["arms"]))


def toml_value(value: Value) -> str:
    """One value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{toml_escaped(value)}"'
    if isinstance(value, tuple):
        return "[" + ", ".join(str(part) for part in value) + "]"
    return repr(value)


def toml_escaped(text: str) -> str:
    """Text as it stands between the quotes of TOML: what cannot be printed as its code."""
    return "".join(_toml_character(character) for character in text)


def _toml_character(character: str) -> str:
    if character in '\\"':
        return "\\" + character
    if character.isprintable():
        return character
    return f"\\u{ord(character):04X}" if character <= "\uffff" else f"\\U{ord(character):08X}"


def arms_from(found: object) -> tuple[Arm, ...]:
    """The arms of a parsed list: tables, or an algorithm's name for its arm without overrides.

    Raises:
        SettingsError: naming the key, the value and what is allowed.
    """
    if not isinstance(found, list) or not 1 <= len(found) <= MAX_ARMS:
        raise SettingsError(f"The arms are {worded(found)}: allowed are 1 to {MAX_ARMS} tables.")
    arms = []
    for entry in found:
        if isinstance(entry, str):
            arms.append(default_arm(entry))
            continue
        table = table_of(entry, "[[arms]]")
        refuse_unknown(table, ["name", "algorithm", "overrides"], "in [[arms]]")
        overrides = table_of(table.get("overrides", {}), "[arms.overrides]")
        arms.append(arm_of(table.get("name"), table.get("algorithm"), overrides))
    return tuple(arms)


def arm_of(name: object, algorithm: object, overrides: Mapping[str, Any]) -> Arm:
    """The arm of these parts; without a name it has that of its algorithm.

    Raises:
        SettingsError: if that is not allowed.
    """
    if not isinstance(algorithm, str):
        raise SettingsError(f"The algorithm of an arm cannot be {worded(algorithm)}: it is a name.")
    if name is None:
        name = default_arm(algorithm).name
    if not isinstance(name, str):
        raise SettingsError(f"The name of an arm cannot be {worded(name)}: it is text.")
    return Arm(name, algorithm, tuple(overrides.items()))


def checked_values(settings: Settings, values: Mapping[str, object]) -> Settings:
    """The settings with these values; a refusal is one sentence on one line.

    Raises:
        SettingsError: if that is not allowed.
    """
    try:
        return settings.with_values(values)
    except RecursionError:
        raise SettingsError("The settings are nested too deeply.") from None
    except SettingsError as error:
        # a value quoted from the text may hold line breaks
        raise SettingsError(" ".join(str(error).split())) from None


def table_of(found: object, where: str) -> dict[str, Any]:
    """Checks that what was found is a table of keys and values, and returns it.

    Raises:
        SettingsError: if that is not allowed.
    """
    if not isinstance(found, dict):
        raise SettingsError(f"{where} cannot be {worded(found)}: it is a table of keys and values.")
    return found


def refuse_unknown(table: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    """Refuses a key that is not known, and names one that is close to it.

    Raises:
        SettingsError: if that is not allowed.
    """
    names = list(known)
    for key, value in table.items():
        if key not in names:
            close = nearest(str(key)[:40], names)
            hint = f"did you mean {close}?" if close else f"allowed are {', '.join(names)}."
            raise SettingsError(f"There is no “{worded(key)}” (= {worded(value)}) {where}: {hint}")


def worded(value: object) -> str:
    """A value as people read it, on one line; the deeper parts of what is nested are left out."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list) and any(isinstance(part, list | dict) for part in value):
        return "a nested list"
    return " ".join(shown(value).split()) or "empty"
