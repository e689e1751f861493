"""Edits that keep a file's form and change what it says: one value, key, cell or name.

Random bytes are refused by a parser; these reach what reads its result. Texts inside of texts (the
settings in a pin, the records in a checkpoint's header) are edited in the same way.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import random
import tomllib
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

from maml_explorer.gui.session.pins_on_disk import read_pins
from maml_explorer.settings.share import SHARE_PREFIX
from maml_explorer.settings.text import to_toml
from maml_explorer.storage.run.changes import read_changes
from maml_explorer.storage.run.gaps import read_gaps
from tests.storage.hostile import OPENERS, SETTINGS, good_files

ODD: tuple[Any, ...] = (
    10**399, -(10**399), 2**63, 2**63 - 1, -(2**63), 2**53, 2**31, 1025, 1, 0, -1, 0.0, -0.0,
    1e308, -1e308, 5e-324, 0.1, float("nan"), float("inf"), True, False, None, "", " ", "0", "1e4",
    "nan", "maml", "relu", "=1+1", "\u202eabc", "\x1b[31m", "<img src='x'>", "a\nb", "../../x",
    "/dev/zero", "x" * 5000, "\ud800", [], {}, [[]], [None], {"a": {"a": {}}}, [1, 2], ["a"],
    [0] * 2000, {"": 0}, [10**399], [float("nan")],
)  # fmt: skip
"""Values that someone might put in the place of another."""

PIN = "pins/p/pin.json"
MORE: dict[str, Callable[[Path], object]] = {
    PIN: lambda place: read_pins(place / "pins"),
    "run/changes.csv": lambda place: read_changes(place / "run" / "changes.csv"),
    "run/gaps.csv": lambda place: read_gaps(place / "run"),
}
"""File → what opens it, beside those of hostile files."""
STRUCTURED = {**OPENERS, **MORE}


def good_files_of_all(folder: Path) -> None:
    """Fills a folder with one good file of every kind."""
    good_files(folder)
    (folder / "pins" / "p").mkdir(parents=True)
    rows = [[1.0, 2.0]] * 10
    pin = {
        "schema": 1, "name": "p", "settings": to_toml(SETTINGS), "outer_step": 10,
        "figures": {"MAML": [1.0, None]},
        "losses": [{"arm": "MAML", "loss": "outer", "rows": rows}],
    }  # fmt: skip
    (folder / PIN).write_text(json.dumps(pin))
    (folder / "run/changes.csv").write_text(
        "outer_step,setting,old,new\n3,inner_lr,0.01,0.02\n4,frozen,MAML,3\n"
    )
    (folder / "run/gaps.csv").write_text(
        "first_outer_step,last_outer_step,reason\n1,2,No space left\n"
    )


def edited(name: str, data: bytes, dice: random.Random) -> bytes:
    """A file's bytes with one to three edits of what it says, by the form of its kind."""
    if dice.random() < 0.01:
        return b""
    form = _FORMS[name.rpartition(".")[2] if name != "share" else "share"]
    return form(data, dice)


def _json(data: bytes, dice: random.Random) -> bytes:
    return _written(_changed(json.loads(data), dice)).encode("utf-8", "surrogatepass")


def _toml(data: bytes, dice: random.Random) -> bytes:
    content = _changed(tomllib.loads(data.decode()), dice)
    text = _toml_text(content) if isinstance(content, dict) else _toml_value(content)
    dressed: Callable[[str], str] = dice.choice(
        (str, str, str, lambda t: t.replace("\n", "\r\n"), lambda t: "\ufeff" + t)
    )
    return dressed(text).encode("utf-8", "surrogatepass")


def _csv(data: bytes, dice: random.Random) -> bytes:
    rows = list(csv.reader(io.StringIO(data.decode())))
    for _ in range(dice.choice((1, 1, 2, 3))):
        at = dice.randrange(len(rows))
        match dice.randrange(6):
            case 0 | 1 | 2:
                if rows[at]:
                    rows[at][dice.randrange(len(rows[at]))] = str(dice.choice(ODD))[:6000]
            case 3:
                rows[at] = rows[at][:-1] if dice.random() < 0.5 else [*rows[at], ""]
            case 4:
                rows.insert(at, list(dice.choice(rows)))
            case _:
                if len(rows) > 1:
                    del rows[at]
    text = io.StringIO()
    ends, between = dice.choice(("\n", "\n", "\r\n", "\r")), dice.choice(",,,;\t")
    csv.writer(text, lineterminator=ends, delimiter=between).writerows(rows)
    mark = dice.choice(("", "", "\ufeff"))
    return (mark + text.getvalue()).encode("utf-8", "surrogatepass")


def _tensors(data: bytes, dice: random.Random) -> bytes:
    size = int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8 : 8 + size])).encode()
    text = _json(header, dice)
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def _share(data: bytes, dice: random.Random) -> bytes:
    text = data.decode().removeprefix(SHARE_PREFIX)
    content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return (SHARE_PREFIX.encode() + base64.urlsafe_b64encode(_json(content, dice))).rstrip(b"=")


_FORMS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "json": _json, "toml": _toml, "csv": _csv, "safetensors": _tensors, "share": _share,
}  # fmt: skip


def _changed(content: Any, dice: random.Random) -> Any:
    """The content with one to three of its places changed."""
    for _ in range(dice.choice((1, 1, 2, 3))):
        places = list(_places(content))
        if not places:
            return deepcopy(dice.choice(ODD))
        holder, key = dice.choice(places)
        value = holder[key]
        if isinstance(value, str) and dice.random() < 0.5 and (inner := _inside(value, dice)):
            holder[key] = inner
            continue
        match dice.randrange(8):
            case 0 | 1 | 2 | 3:
                holder[key] = deepcopy(dice.choice(ODD))
            case 4:
                del holder[key]
            case 5:  # a key that nobody knows, or one more of the same
                if isinstance(holder, dict):
                    holder[dice.choice(("", "x", "schema", "__class__", f"{key}\n"))] = value
                else:
                    holder.insert(0, value)
            case 6:
                other, at = dice.choice(places)
                if at in other if isinstance(other, dict) else at < len(other):
                    holder[key] = json.loads(json.dumps(other[at], default=str))
            case _:
                number = isinstance(value, int | float) and not isinstance(value, bool)
                holder[key] = -value if number else [value]
    return content


def _places(content: Any, depth: int = 0) -> Any:
    """Every (dictionary or list, key or index) inside a content."""
    if depth > 8:
        return
    keys = content if isinstance(content, dict) else range(len(content))
    for key in keys if isinstance(content, dict | list) else ():
        yield content, key
        if isinstance(content[key], dict | list):
            yield from _places(content[key], depth + 1)


def _inside(text: str, dice: random.Random) -> str:
    """The text with an edit of the document that it is; empty where it is none."""
    try:
        return _json(text.encode(), dice).decode(errors="replace") if text[:1] in "[{" else ""
    except ValueError:
        return ""


def _written(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False)


def _toml_text(content: dict[str, Any]) -> str:
    """A TOML document; what TOML cannot say is left as it would be typed."""
    plain = {k: v for k, v in content.items() if not _is_table(v)}
    lines = [f"{_key(key)} = {_toml_value(value)}" for key, value in plain.items()]
    for key, value in content.items():
        if isinstance(value, dict) and value:
            lines += [f"[{_key(key)}]", *_pairs(value)]
        elif _is_table(value):
            for one in value:
                lines += [f"[[{_key(key)}]]", *_pairs(one)]
    return "\n".join(lines) + "\n"


def _is_table(value: Any) -> bool:
    tables = isinstance(value, list) and value and all(isinstance(v, dict) for v in value)
    return bool(tables or (isinstance(value, dict) and value))


def _pairs(table: dict[str, Any]) -> list[str]:
    return [f"{_key(key)} = {_toml_value(value)}" for key, value in table.items()]


def _key(key: str) -> str:
    return key if key.replace("_", "").isalnum() and key.isascii() else json.dumps(key)


def _toml_value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(_pairs(value)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    return "nothing" if value is None else json.dumps(value).replace("Infinity", "inf")
