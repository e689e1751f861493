"""Words and settings for weights that were not trained here. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from maml_explorer.settings.presets import Preset, load_preset
from maml_explorer.settings.settings import Settings, algorithm_key, default_arm


def one_arm(
    what: Settings | Preset | str | Path, algorithm: str | None, values: Mapping[str, object]
) -> Settings:
    """The settings that are meant, with one arm.

    Args:
        what: settings, a preset or its name, or a settings file.
        algorithm: key, label or name of the arm; the first arm unless given.
        values: setting key → value.

    Raises:
        SettingsError: naming what is not allowed and what is.
        StorageError: if a file cannot be read.
    """
    if isinstance(what, Preset):
        what = what.settings
    settings = what if isinstance(what, Settings) else load_preset(what).settings
    arm = settings.arms[0]
    if algorithm is not None:
        key = algorithm_key(algorithm)
        known = [one for one in settings.arms if algorithm == one.name or key == one.algorithm]
        arm = known[0] if known else default_arm(key)
    return settings.with_arms((arm,)).with_values(values)


def origin_of(what: str, notes: Sequence[str]) -> str:
    """A sentence on where weights come from, and what was recognized in them."""
    return f"Its weights come from {what}{': ' * bool(notes)}{'; '.join(notes)}."
