"""Copy of a file that cannot be read, kept beside it."""

from __future__ import annotations

from pathlib import Path


def set_aside(path: Path) -> Path:
    """Moves a file that cannot be used out of the way; its new path.

    Raises:
        OSError: where it cannot be moved.
    """
    aside = path.with_suffix(".unreadable.json")
    return path.replace(aside)
