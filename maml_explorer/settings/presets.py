"""Presets: settings with a name, where they come from, and the numbers published for them.

Torch-free. A preset is one TOML file in resources/presets: the settings, a table `[preset]`
(title, source, description, unknown) and tables `[[published]]`.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.files.reader import read_text
from maml_explorer.files.resources import resources
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.restart import changed_keys, differs
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.text import (
    MAX_TOML,
    parse_toml,
    settings_from,
    to_toml,
    toml_escaped,
    toml_value,
)
from maml_explorer.settings.words import nearest

DEFAULT_PRESET = "finn-10-shot"
_MAX_TEXT = 4000
_TITLE = re.compile(r'^\[preset\]\ntitle = "([^"\\]+)"$', re.MULTILINE)
"""A title as the presets of the program have it: the first key of its table, without escapes."""
"""The task family of a preset of the program; without it, sines."""


@dataclass(frozen=True)
class Published:
    """Figures of a meta-test that a paper or a README reports."""

    algorithm: str
    shots: int
    inner_steps: tuple[int, ...]
    mse: tuple[float, ...]
    """[inner step]: the family's figure; accuracy from 0 to 1."""
    source: str
    ci95: tuple[float, ...] = ()
    """[inner step]: half-widths; empty where none are published."""


@dataclass(frozen=True)
class Preset:
    """Settings to begin with, and what is known about them."""

    name: str
    title: str
    source: str
    description: str
    settings: Settings
    published: tuple[Published, ...] = ()
    unknown: str = ""
    """Points on which the original is silent or differs; empty if there are none."""


class Presets(Mapping[str, Preset]):
    """Presets by name, each parsed and checked when it is first asked for.

    Args:
        texts: name → preset as TOML, in the order they are listed in.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = dict(texts)
        self._read: dict[str, Preset] = {}

    def __getitem__(self, name: str) -> Preset:
        if name not in self._read:
            self._read[name] = preset_from(self._texts[name], name)
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._read or name in self._texts

    def __iter__(self) -> Iterator[str]:
        return iter({**self._texts, **self._read})

    def __len__(self) -> int:
        return len({**self._texts, **self._read})

    @property
    def titles(self) -> dict[str, str]:
        """Name → title, in the same order, without what else is in the files."""
        return {name: self._title(name) for name in self}

    def with_room_for_more(self) -> Presets:
        """A copy for the window, to which others can be added."""
        copy = Presets(self._texts)
        copy._read.update(self._read)
        return copy

    def add(self, presets: Mapping[str, Preset]) -> None:
        """Adds presets; one of the same name takes the other's place."""
        self._read.update(presets)

    def _title(self, name: str) -> str:
        if name not in self._read:
            written = _TITLE.search(self._texts[name])
            if written is not None:
                return " ".join(written[1].split())
        return self[name].title


def preset_of(settings: Settings, known: Mapping[str, Preset]) -> Preset | None:
    """The first preset with these settings, on another machine's device perhaps; None for none."""
    for preset in known.values():
        same = preset.settings
        if same.arms == settings.arms and not any(
            differs(same, settings, key) for key in changed_keys(same, settings)
        ):
            return preset
    return None


@cache
def presets() -> Presets:
    """The presets that come with the program, name → preset, the default first."""
    folder = resources().joinpath("presets")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    names.sort(key=lambda name: name != f"{DEFAULT_PRESET}.toml")
    return Presets(
        {
            name.removesuffix(".toml"): folder.joinpath(name).read_text(encoding="utf-8")
            for name in names
        }
    )


def load_preset(name: str | Path) -> Preset:
    """The preset of that name, or the one in that file (a settings file will do).

    Raises:
        SettingsError: if there is none, or its content is not allowed.
        StorageError: if the file cannot be read.
    """
    known = presets()
    if str(name) in known:
        return known[str(name)]
    path = Path(name)
    try:
        path = path.expanduser() if str(name).startswith("~") else path
        is_file = path.is_file()
    except (OSError, ValueError, RuntimeError):
        is_file = False
    if not is_file:
        shown = " ".join(str(name)[:60].split())
        near = nearest(shown, known)
        hint = f", did you mean {near}" if near else ""
        raise SettingsError(
            f"There is no preset and no file “{shown}”{hint}: presets are {', '.join(known)}."
        )
    text = read_text(path, 4 * MAX_TOML, follow=True)
    if "schema" not in text:
        shown = " ".join(path.name[:60].split())
        raise SettingsError(
            f"“{shown}” is no preset and no settings of this program: "
            + ("it has no schema." if text.strip() else "it is an empty file.")
        )
    return preset_from(text, path.stem)


def preset_from(text: str, name: str) -> Preset:
    """The preset written as TOML.

    Raises:
        SettingsError: naming the key, the value and what is allowed.
    """
    document = parse_toml(text)
    about = document.pop("preset", {})
    published = document.pop("published", [])
    keys = ("title", "source", "description", "unknown")
    if not isinstance(about, dict) or not isinstance(published, list) or len(published) > 20:
        raise SettingsError("A preset has a table [preset] and at most 20 tables [[published]].")
    for key, value in about.items():
        if key not in keys or not isinstance(value, str) or len(value) > _MAX_TEXT:
            raise SettingsError(f"[preset] has texts for {', '.join(keys)} only.")
    texts = {key: " ".join(about.get(key, "").split()) for key in keys}
    texts["title"] = texts["title"] or name
    return Preset(
        name=name,
        settings=settings_from(document),
        published=tuple(_published(entry) for entry in published),
        **texts,
    )


def preset_toml(preset: Preset) -> str:
    """The preset as TOML, which :func:`preset_from` reads."""
    texts = {key: getattr(preset, key) for key in ("title", "source", "description", "unknown")}
    lines = ["[preset]", *(f"{key} = {_text(text)}" for key, text in texts.items() if text)]
    parts = ["\n".join(lines)]
    for entry in preset.published:
        lines = [
            "[[published]]",
            f"algorithm = {toml_value(entry.algorithm)}",
            f"shots = {entry.shots}",
            f"inner_steps = {list(entry.inner_steps)}",
            f"mse = {list(entry.mse)}",
            *([f"ci95 = {list(entry.ci95)}"] if entry.ci95 else []),
            f"source = {_text(entry.source)}",
        ]
        parts.append("\n".join(lines))
    # the schema is a key of the document itself, so it must come before the first table
    schema, settings = to_toml(preset.settings).split("\n\n", 1)
    return "\n\n".join([schema, *parts, settings])


def preset_json(preset: Preset) -> dict[str, Any]:
    """The preset as JSON values: what is known about it, its settings by key, and its arms."""
    settings = preset.settings
    return {
        **{key: getattr(preset, key) for key in ("name", "title", "source", "description")},
        "unknown": preset.unknown,
        "settings": settings.values(),
        "arms": [
            {"name": arm.name, "algorithm": arm.algorithm, "overrides": dict(arm.overrides)}
            for arm in settings.arms
        ],
        "published": [dataclasses.asdict(one) for one in preset.published],
    }


def _text(text: str) -> str:
    """Text of any length as TOML, in lines short enough for the reader."""
    if len(text) < 80:
        return toml_value(text)
    # a backslash at the end of a line joins it with the next, and drops blanks that begin that
    parts = re.findall(r"\S{1,12}\s*|\s+", text)
    lines = [""]
    for part in map(toml_escaped, parts):
        if len(lines[-1]) + len(part) > 95:
            lines.append("")
        lines[-1] += part
    return '"""\\\n' + "\\\n".join(lines) + '"""'


def _published(entry: Any) -> Published:
    allowed = SettingsError(
        "A table [[published]] has algorithm, shots, inner_steps, mse, source, and perhaps ci95."
    )
    if not isinstance(entry, dict) or not entry.keys() <= Published.__dataclass_fields__.keys():
        raise allowed
    algorithm, shots, source = (entry.get(key) for key in ("algorithm", "shots", "source"))
    steps, mse, ci95 = (entry.get(key, []) for key in ("inner_steps", "mse", "ci95"))
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise allowed
    if not isinstance(source, str) or not source or len(source) > _MAX_TEXT:
        raise allowed
    if not isinstance(shots, int) or not 1 <= shots <= 1000:
        raise allowed
    if not all(isinstance(part, list) and len(part) <= 51 for part in (steps, mse, ci95)):
        raise allowed
    if not all(isinstance(k, int) and 0 <= k <= 50 for k in steps):
        raise allowed
    if not all(isinstance(v, int | float) and v >= 0 and math.isfinite(v) for v in [*mse, *ci95]):
        raise allowed
    if not steps or len(mse) != len(steps) or len(ci95) not in (0, len(steps)):
        raise allowed
    return Published(
        algorithm, shots, tuple(steps), tuple(map(float, mse)), source, tuple(map(float, ci95))
    )
