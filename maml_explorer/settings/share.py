"""Settings as a share string, for links and chats.

Torch-free. What is read may come from anyone: sizes are capped before it is decoded, nothing is
evaluated, and what is not understood is refused with one sentence (:class:`SettingsError`).
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from maml_explorer.files.strict_json import parse_json
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.settings import DEFAULT_ARMS, MAX_ARMS, Arm, Settings, default_arm
from maml_explorer.settings.text import (
    SCHEMA,
    arm_of,
    checked_values,
    refuse_unknown,
    table_of,
    worded,
)

SHARE_PREFIX = f"maml{SCHEMA}."
MAX_SHARE = 2000
"""Most characters of a share string."""
MAX_POINTS = 20
"""Most entries of a list in a view, such as the user's own points."""
_MAX_VIEW_KEYS = 16
_MAX_VIEW_TEXT = 80


class Shared(NamedTuple):
    """Content of a share string."""

    settings: Settings
    view: dict[str, Any]
    """State of the window: current task, own points, inner step, open tab, hidden panels."""


def to_share(settings: Settings, view: Mapping[str, Any] | None = None) -> str:
    """The share string: the version prefix and base64url of canonical JSON.

    Args:
        settings: only what differs from the defaults is written.
        view: state of the window. At most 16 keys; a value is None, a truth value, a number, a
            short text, a list of at most 20 such values, or a list of such lists (own points).
            Numbers are rounded to six significant digits.

    Raises:
        SettingsError: if the view breaks these rules, or the string would exceed MAX_SHARE.
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
    """True if the text means to be a share string, of whatever version."""
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
        content = parse_json(decoded)
    except ValueError:
        raise SettingsError("The share string is damaged: it cannot be decoded.") from None
    table = table_of(content, "The content of the share string")
    refuse_unknown(table, ["settings", "arms", "view"], "in a share string")
    settings = checked_values(Settings(), table_of(table.get("settings", {}), "“settings”"))
    if "arms" in table:
        settings = settings.with_arms(_arms_of_content(table["arms"]))
    return Shared(settings, _checked_view(table_of(table.get("view", {}), "“view”")))


def arms_to_json(arms: Iterable[Arm]) -> str:
    """The arms as one line of JSON, as a share string holds them."""
    return json.dumps([_arm_content(arm) for arm in arms], ensure_ascii=False, allow_nan=False)


def arms_from_json(text: str) -> tuple[Arm, ...]:
    """The arms that :func:`arms_to_json` wrote.

    Raises:
        SettingsError: for anything else.
    """
    try:
        return _arms_of_content(parse_json(text))
    except ValueError as error:
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
        raise SettingsError(f"The arms are {worded(found)}: allowed are 1 to {MAX_ARMS} arms.")
    arms = []
    for entry in found:
        if isinstance(entry, str):
            arms.append(default_arm(entry))
        elif isinstance(entry, list) and 2 <= len(entry) <= 3:
            overrides = table_of(entry[2] if len(entry) == 3 else {}, "The overrides of an arm")
            arms.append(arm_of(entry[0], entry[1], overrides))
        else:
            raise SettingsError(f"An arm cannot be {worded(entry)}: it is a name and an algorithm.")
    return tuple(arms)


def _checked_view(view: Mapping[str, Any]) -> dict[str, Any]:
    if len(view) > _MAX_VIEW_KEYS:
        raise SettingsError(f"The view has {len(view)} keys: allowed are {_MAX_VIEW_KEYS}.")
    for key in view:
        if not re.fullmatch(r"[a-z][a-z_]{0,39}", key):
            raise SettingsError(f"The view has a key {worded(key)}: allowed are lower-case names.")
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
        f"The view's {key} cannot be {worded(value)}: allowed are finite numbers, texts of at most "
        f"{_MAX_VIEW_TEXT} characters, and lists of at most {MAX_POINTS} of them."
    )
