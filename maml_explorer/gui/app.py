"""Starts the window. Importing this loads neither Qt nor torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from maml_explorer.presets import Preset
from maml_explorer.settings import Settings


@dataclass(frozen=True)
class Options:
    """How the window starts."""

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
    reset: bool = False
    """Forget the remembered layout."""
    safe_mode: bool = False
    """Read and write nothing that is remembered."""


def run(options: Options | None = None) -> int:
    """Opens the window and waits until it is closed; the exit code."""
    from maml_explorer.gui.startup import show
    from maml_explorer.worker.handle import Worker

    return show(Worker(), options or Options())
