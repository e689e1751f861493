"""The settings in config.json of an exported initialization. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maml_explorer.files.reader import StorageError
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Arm, Settings
from maml_explorer.settings.text import is_written

SCHEMA = 1
FORMAT = "maml-explorer initialization"


def config_of(settings: Settings, outer_step: int) -> dict[str, Any]:
    """The first entries of the file, for settings of one arm after so many outer steps."""
    arm = settings.arms[0]
    return {
        "format": FORMAT,
        "schema": SCHEMA,
        "algorithm": arm.algorithm,
        "arm": arm.name,
        "overrides": dict(arm.overrides),
        "seed": settings.run.seed,
        "outer_steps": outer_step,
        "settings": {
            key: value for key, value in settings.values().items() if is_written(settings, key)
        },
    }


def settings_of_config(config: Mapping[str, Any], path: Path) -> Settings:
    """The settings that :func:`config_of` wrote, read from `path`.

    Raises:
        StorageError: if some are missing, or nested too deeply.
        SettingsError: if a setting is not allowed.
    """
    values, overrides = config.get("settings"), config.get("overrides", {})
    name, algorithm = config.get("arm"), config.get("algorithm")
    if not isinstance(values, dict) or not isinstance(overrides, dict):
        raise StorageError(f"{path} has no settings.")
    if not isinstance(name, str) or not isinstance(algorithm, str):
        raise StorageError(f"{path} does not name its arm and algorithm.")
    try:
        settings = Settings().with_values(values)
        return settings.with_arms((Arm(name, algorithm, tuple(overrides.items())),))
    except RecursionError:
        raise StorageError(f"{path} is nested too deeply.") from None
    except SettingsError as error:
        raise SettingsError(f"{path}: {' '.join(str(error).split())}") from None
