"""Settings as text, in and out: TOML for files, the share string for links and chats.

Torch-free. What is read may come from anyone: sizes are capped before parsing, nothing is
evaluated, and what is not understood is refused with one sentence (:class:`SettingsError`).
"""

from __future__ import annotations

import base64
import difflib
import json
import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, NoReturn

from maml_explorer.settings.declaration import SettingsError, Value, shown
from maml_explorer.settings.groups import DECLARATIONS, GROUPS
from maml_explorer.settings.settings import DEFAULT_ARMS, MAX_ARMS, Arm, Settings, default_arm

SCHEMA = 1
"""Raised when old text would be read wrongly; newer text is refused."""

MAX_TOML = 64 * 1024
"""Most characters of a settings file."""
MAX_TOML_LINE = 500
"""Most characters of one of its lines: tomllib takes quadratic time in the length of a key."""

SHARE_PREFIX = f"maml{SCHEMA}."
MAX_SHARE = 2000
"""Most characters of a share string."""
MAX_POINTS = 20
"""Most entries of a list in a view, such as a person's own points."""
_MAX_VIEW_KEYS = 16
_MAX_VIEW_TEXT = 80


class Shared(NamedTuple):
    """What a share string holds."""

    settings: Settings
    view: dict[str, Any]
    """State of the window: current task, own points, inner step, open tab, hidden panels."""


# ---------------------------------------------------------------- TOML


def to_toml(settings: Settings) -> str:
    """The settings and arms as TOML, every hyperparameter written out."""
    parts = [f"schema = {SCHEMA}"]
    for group in GROUPS:
        lines = [
            f"{key} = {toml_value(settings[key])}"
            for key, declaration in DECLARATIONS.items()
            if declaration.group == group
        ]
        parts.append("\n".join([f"[{group}]", *lines]))
    for arm in settings.arms:
        lines = [f"name = {toml_value(arm.name)}", f"algorithm = {toml_value(arm.algorithm)}"]
        parts.append("\n".join(["[[arms]]", *lines]))
        if arm.overrides:
            lines = [f"{key} = {toml_value(value)}" for key, value in arm.overrides]
            parts.append("\n".join(["[arms.overrides]", *lines]))
    return "\n\n".join(parts) + "\n"


def from_toml(text: str) -> Settings:
    """The settings written as TOML; what is left out has its default.

    Raises:
        SettingsError: for anything that is not settings of this program; one sentence.
    """
    return settings_from(parse_toml(text))


def parse_toml(text: str) -> dict[str, Any]:
    """The TOML document as nested dictionaries, within the caps of this module.

    Raises:
        SettingsError: where it is too large or not TOML.
    """
    if len(text) > MAX_TOML:
        raise SettingsError(
            f"The text is {len(text)} characters long: allowed are at most {MAX_TOML}."
        )
    longest = max((len(line) for line in text.splitlines()), default=0)
    if longest > MAX_TOML_LINE:
        raise SettingsError(
            f"The text has a line of {longest} characters: allowed are at most {MAX_TOML_LINE}."
        )
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise SettingsError("The text is nested too deeply.") from None
    except ValueError as error:
        reason = " ".join(str(error).split())[:200]
        raise SettingsError(f"The text cannot be read as TOML: {reason}.") from None


def settings_from(document: Mapping[str, Any]) -> Settings:
    """The settings of a parsed TOML document.

    Raises:
        SettingsError: naming the key, the value and what is allowed.
    """
    schema = document.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool) or not 1 <= schema <= SCHEMA:
        newer = isinstance(schema, int) and schema > SCHEMA
        hint = " (a newer version wrote it)" if newer else ""
        found = "missing" if schema is None else _shown(schema)
        raise SettingsError(f"The schema of the settings is {found}{hint}: allowed is {SCHEMA}.")
    _refuse_unknown(document, ["schema", *GROUPS, "arms"], "in the settings")
    values: dict[str, object] = {}
    for group in GROUPS:
        table = _table(document.get(group, {}), f"[{group}]")
        known = [key for key, declared in DECLARATIONS.items() if declared.group == group]
        _refuse_unknown(table, known, f"in [{group}]")
        values |= table
    settings = _with_values(Settings(), values)
    if "arms" not in document:
        return settings
    return settings.with_arms(arms_from(document["arms"]))


def toml_value(value: Value) -> str:
    """One value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, tuple):
        return "[" + ", ".join(str(part) for part in value) + "]"
    return repr(value)


def arms_from(found: object) -> tuple[Arm, ...]:
    """The arms of a parsed list: tables, or an algorithm's name for its arm without overrides.

    Raises:
        SettingsError: naming the key, the value and what is allowed.
    """
    if not isinstance(found, list) or not 1 <= len(found) <= MAX_ARMS:
        raise SettingsError(f"The arms are {_shown(found)}: allowed are 1 to {MAX_ARMS} tables.")
    arms = []
    for entry in found:
        if isinstance(entry, str):
            arms.append(default_arm(entry))
            continue
        table = _table(entry, "[[arms]]")
        _refuse_unknown(table, ["name", "algorithm", "overrides"], "in [[arms]]")
        overrides = _table(table.get("overrides", {}), "[arms.overrides]")
        arms.append(_arm(table.get("name"), table.get("algorithm"), overrides))
    return tuple(arms)


def _arm(name: object, algorithm: object, overrides: Mapping[str, Any]) -> Arm:
    if not isinstance(algorithm, str):
        raise SettingsError(f"The algorithm of an arm cannot be {_shown(algorithm)}: it is a name.")
    if name is None:
        name = default_arm(algorithm).name
    if not isinstance(name, str):
        raise SettingsError(f"The name of an arm cannot be {_shown(name)}: it is text.")
    return Arm(name, algorithm, tuple(overrides.items()))


# ---------------------------------------------------------------- share string


def to_share(settings: Settings, view: Mapping[str, Any] | None = None) -> str:
    """The share string: the version prefix and base64url of canonical JSON.

    Args:
        settings: only what differs from the defaults is written.
        view: state of the window. At most 16 keys; a value is None, a truth value, a number, a
            short text, a list of at most 20 such values, or a list of such lists (own points).
            Numbers are rounded to six significant digits.

    Raises:
        SettingsError: where the view breaks these rules, or the string would exceed MAX_SHARE.
    """
    defaults = Settings()
    content: dict[str, Any] = {}
    changed = {key: settings[key] for key in DECLARATIONS if settings[key] != defaults[key]}
    if changed:
        content["settings"] = changed
    if settings.arms != DEFAULT_ARMS:
        content["arms"] = [_arm_content(arm) for arm in settings.arms]
    if view:
        content["view"] = _checked_view(view)
    canonical = json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    encoded = base64.urlsafe_b64encode(canonical.encode()).decode().rstrip("=")
    text = SHARE_PREFIX + encoded
    if len(text) > MAX_SHARE:
        raise SettingsError(
            f"The share string would be {len(text)} characters long: allowed are at most "
            f"{MAX_SHARE}, so use shorter arm names or fewer points."
        )
    return text


def is_share(text: str) -> bool:
    """True where the text means to be a share string, of whatever version."""
    return re.match(r"maml\d{1,6}\.", text.strip()) is not None


def from_share(text: str) -> Shared:
    """The settings and the view in a share string.

    Raises:
        SettingsError: for anything else; one sentence.
    """
    text = text.strip()
    if not text.startswith(SHARE_PREFIX):
        if is_share(text):
            # there is no version 0: what is not this one is newer
            raise SettingsError(
                f"The share string begins with {text.split('.', 1)[0]} (a newer version wrote it): "
                f"allowed is {SHARE_PREFIX[:-1]}."
            )
        raise SettingsError(f"A share string begins with “{SHARE_PREFIX}”.")
    if len(text) > MAX_SHARE:
        raise SettingsError(
            f"The share string is {len(text)} characters long: allowed are at most {MAX_SHARE}."
        )
    try:
        encoded = text.removeprefix(SHARE_PREFIX)
        # the standard decoder skips characters it does not know
        if not re.fullmatch(r"[A-Za-z0-9_-]*", encoded):
            raise ValueError(encoded)
        decoded = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
        content = json.loads(decoded, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise SettingsError("The share string is damaged: it cannot be decoded.") from None
    table = _table(content, "The content of the share string")
    _refuse_unknown(table, ["settings", "arms", "view"], "in a share string")
    settings = _with_values(Settings(), _table(table.get("settings", {}), "“settings”"))
    if "arms" in table:
        settings = settings.with_arms(_arms_of_content(table["arms"]))
    return Shared(settings, _checked_view(_table(table.get("view", {}), "“view”")))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def arms_to_json(arms: Iterable[Arm]) -> str:
    """The arms as one line of JSON, as a share string holds them."""
    return json.dumps([_arm_content(arm) for arm in arms], ensure_ascii=False, allow_nan=False)


def arms_from_json(text: str) -> tuple[Arm, ...]:
    """The arms that :func:`arms_to_json` wrote.

    Raises:
        SettingsError: for anything else.
    """
    try:
        return _arms_of_content(json.loads(text, parse_constant=_refuse_constant))
    except (ValueError, RecursionError) as error:
        if isinstance(error, SettingsError):
            raise
        raise SettingsError("The arms cannot be read as JSON.") from None


def _arm_content(arm: Arm) -> object:
    if arm == default_arm(arm.algorithm):
        return arm.algorithm
    overrides = [dict(arm.overrides)] if arm.overrides else []
    return [arm.name, arm.algorithm, *overrides]


def _arms_of_content(found: object) -> tuple[Arm, ...]:
    if not isinstance(found, list) or not 1 <= len(found) <= MAX_ARMS:
        raise SettingsError(f"The arms are {_shown(found)}: allowed are 1 to {MAX_ARMS} arms.")
    arms = []
    for entry in found:
        if isinstance(entry, str):
            arms.append(default_arm(entry))
        elif isinstance(entry, list) and 2 <= len(entry) <= 3:
            overrides = _table(entry[2] if len(entry) == 3 else {}, "The overrides of an arm")
            arms.append(_arm(entry[0], entry[1], overrides))
        else:
            raise SettingsError(f"An arm cannot be {_shown(entry)}: it is a name and an algorithm.")
    return tuple(arms)


def _checked_view(view: Mapping[str, Any]) -> dict[str, Any]:
    if len(view) > _MAX_VIEW_KEYS:
        raise SettingsError(f"The view has {len(view)} keys: allowed are {_MAX_VIEW_KEYS}.")
    for key in view:
        if not re.fullmatch(r"[a-z][a-z_]{0,39}", key):
            raise SettingsError(f"The view has a key {_shown(key)}: allowed are lower-case names.")
    return {key: _checked_entry(key, value, depth=2) for key, value in view.items()}


def _checked_entry(key: str, value: object, depth: int) -> object:
    match value:
        case None | bool():
            return value
        case int() if abs(value) < 2**31:
            return value
        case float() if math.isfinite(value):
            return float(f"{value:.6g}")
        case str() if len(value) <= _MAX_VIEW_TEXT and value.isprintable():
            return value
        case list() | tuple() if depth and len(value) <= MAX_POINTS:
            return [_checked_entry(key, part, depth - 1) for part in value]
    raise SettingsError(
        f"The view's {key} cannot be {_shown(value)}: allowed are finite numbers, texts of at most "
        f"{_MAX_VIEW_TEXT} characters, and lists of at most {MAX_POINTS} of them."
    )


# ---------------------------------------------------------------- common to both


def _with_values(settings: Settings, values: Mapping[str, object]) -> Settings:
    try:
        return settings.with_values(values)
    except RecursionError:
        raise SettingsError("The settings are nested too deeply.") from None
    except SettingsError as error:
        # a value quoted from the text may hold line breaks
        raise SettingsError(" ".join(str(error).split())) from None


def _table(found: object, where: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise SettingsError(f"{where} cannot be {_shown(found)}: it is a table of keys and values.")
    return found


def _refuse_unknown(table: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    names = list(known)
    for key, value in table.items():
        if key not in names:
            close = difflib.get_close_matches(str(key)[:40], names, n=1)
            hint = f"did you mean {close[0]}?" if close else f"allowed are {', '.join(names)}."
            raise SettingsError(f"There is no “{_shown(key)}” (= {_shown(value)}) {where}: {hint}")


def _shown(value: object) -> str:
    """A value as people read it, on one line; the deeper parts of what is nested are left out."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list) and any(isinstance(part, list | dict) for part in value):
        return "a nested list"
    return " ".join(shown(value).split()) or "empty"
