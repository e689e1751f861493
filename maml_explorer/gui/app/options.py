"""Wishes for the start of the window. Importing this loads neither Qt, torch nor NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from maml_explorer.settings.presets import Preset
from maml_explorer.settings.settings import Settings


@dataclass(frozen=True)
class Options:
    """Options with which the window starts."""

    preset: Preset | None = None
    """None is the default preset."""
    settings: Settings | None = None
    """None is the preset's settings."""
    share: str | None = None
    """A share string: a whole prepared state."""
    run: Path | None = None
    """A run folder to go on with."""
    lesson: Path | None = None
    """A lesson to begin."""
    initialization: Path | None = None
    """An exported initialization to begin a run from."""
    file: Path | None = None
    """Weights of another program to begin a run from, or own points for the task."""
    data: Path | None = None
    """A folder of the user's own images."""
    reset: bool = False
    """Forget the remembered layout."""
    safe_mode: bool = False
    """Read and write nothing that is remembered."""
