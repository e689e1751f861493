"""The remembered layout of the window: a small JSON file in the user's configuration folder."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import QStandardPaths

from maml_explorer.files.reader import StorageError, check_schema, json_object, read_text
from maml_explorer.files.writer import write_text
from maml_explorer.gui.files.autosave_choice import Autosave, autosave
from maml_explorer.late_dataclass import dataclass

SCHEMA = 1
_LIMIT = 64 * 1024
_MOST = 100_000
_MOST_PATHS = 20


@dataclass(frozen=True)
class WindowLayout:
    """Position and division of the window; empty where nothing is remembered."""

    geometry: tuple[int, ...] = ()
    """x, y, width, height."""
    maximized: bool = False
    splitters: dict[str, tuple[int, ...]] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    """Names of the parts that are hidden."""
    tab: str = ""
    theme: str = ""
    """ "light", "dark", or empty to follow the system."""
    text_size: str = ""
    recent: tuple[str, ...] = ()
    """Paths that were opened, the newest first."""
    welcomed: bool = False
    """True where the strip of the first start is over."""
    autosave: Autosave = field(default_factory=Autosave)
    """Interval at which the session is saved."""
    data: str = ""
    """Path of the user's own images that were opened last."""


def layout_path() -> Path:
    """The file's place."""
    folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppConfigLocation)
    return Path(folder) / "window.json"


def read_layout(path: Path) -> WindowLayout:
    """Layout in the file at `path`; empty where there is none.

    Raises:
        StorageError: where it cannot be read or holds something else.
    """
    if not path.exists():
        return WindowLayout()
    data = json_object(read_text(path, _LIMIT, follow=True), Path(path.name))
    check_schema(data.get("schema"), SCHEMA, path.name)
    splitters = data.get("splitters", {})
    hidden = data.get("hidden", [])
    if not isinstance(splitters, dict) or not isinstance(hidden, list) or len(hidden) > 50:
        raise StorageError(f"{path.name} has splitters or hidden parts of another form.")
    geometry = _numbers(data.get("geometry", []), path, lowest=-_MOST)
    if len(geometry) not in (0, 4):
        raise StorageError(f"{path.name} has a geometry that is not x, y, width, height.")
    return WindowLayout(
        geometry=geometry,
        maximized=data.get("maximized") is True,
        splitters={str(name): _numbers(sizes, path) for name, sizes in splitters.items()},
        hidden=tuple(str(name) for name in hidden),
        tab=str(data.get("tab", "")),
        theme=str(data.get("theme", "")),
        text_size=str(data.get("text_size", "")),
        recent=_paths(data.get("recent", [])),
        welcomed=data.get("welcomed") is True,
        autosave=_autosave(data.get("autosave")),
        data="".join(_paths([data.get("data")])),
    )


def write_layout(path: Path, layout: WindowLayout) -> None:
    """Remembers `layout`.

    Raises:
        OSError: where it cannot be written; then the older file is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps({"schema": SCHEMA, **asdict(layout)}, indent=1), follow=True)


def _autosave(value: Any) -> Autosave:
    """Older files do not have it."""
    value = value if isinstance(value, dict) else {}
    return autosave(value.get("minutes"), value.get("percent"))


def _paths(values: Any) -> tuple[str, ...]:
    """Only what can be a path; the rest is forgotten."""
    if not isinstance(values, list):
        return ()
    fit = (v for v in values if isinstance(v, str) and 0 < len(v) <= 1000 and v.isprintable())
    return tuple(fit)[:_MOST_PATHS]


def _numbers(values: Any, path: Path, lowest: int = 0) -> tuple[int, ...]:
    if not isinstance(values, list) or len(values) > 50:
        raise StorageError(f"{path.name} has sizes that are not a list.")
    for value in values:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        if not fits or not math.isfinite(value) or not lowest <= value <= _MOST:
            raise StorageError(f"{path.name} has a size that is not a number from 0 to {_MOST}.")
    return tuple(int(value) for value in values)
