"""Starts the window. Importing this loads neither Qt, torch nor NumPy."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from maml_explorer.settings.presets import Preset
from maml_explorer.settings.settings import Settings


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


def one_thread_for_numpy() -> None:
    """Keeps NumPy's products to the thread that asks for them; before NumPy is loaded.

    While the worker trains, the window's thread would wait for a second one, which gets no core: a
    tenth of a second for a product of a millisecond.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def run(options: Options | None = None) -> int:
    """Opens the window and waits until it is closed; the exit code."""
    one_thread_for_numpy()
    from maml_explorer.gui.app.startup import show
    from maml_explorer.worker.handle import Worker

    return show(Worker(), options or Options())
