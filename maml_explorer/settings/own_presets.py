"""The user's own presets: TOML files in the configuration folder."""

from __future__ import annotations

import re
from pathlib import Path

from maml_explorer.files.reader import StorageError
from maml_explorer.files.writer import write_text
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.presets import Preset, load_preset, preset_toml
from maml_explorer.settings.settings import Settings

MOST = 50
_PREFIX = "own-"


def own_presets(folder: Path) -> tuple[dict[str, Preset], list[str]]:
    """The presets in `folder`, name → preset, and a sentence for each file that is refused."""
    found: dict[str, Preset] = {}
    refused: list[str] = []
    try:
        paths = sorted(folder.glob(f"{_PREFIX}*.toml"))[:MOST]
    except OSError:
        return found, refused
    for path in paths:
        try:
            preset = load_preset(path)
        except (SettingsError, StorageError) as error:
            refused.append(f"The preset {path.name} was not read: {error}")
            continue
        found[preset.name] = preset
    return found, refused


def save_preset(folder: Path, title: str, settings: Settings) -> Preset:
    """Writes `settings` as a preset called `title`; one of the same title is replaced.

    Raises:
        SettingsError: if the title has no letter or digit.
        OSError: if it cannot be written; an older file is unchanged.
    """
    title = " ".join(title.split())[:60]
    plain = "-".join(re.findall(r"\w+", title.casefold()))[:40]
    if not plain:
        raise SettingsError("The name of a preset has at least one letter or digit.")
    preset = Preset(f"{_PREFIX}{plain}", title, "saved here", "A preset of your own.", settings)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / f"{preset.name}.toml", preset_toml(preset), follow=True)
    return preset
