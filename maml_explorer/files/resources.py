"""Path of the files of resources/, installed or in a checkout. Torch-free."""

from __future__ import annotations

from pathlib import Path


def resources() -> Path:
    """The folder resources/: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    packaged = package / "resources"
    return packaged if packaged.is_dir() else package.parent / "resources"
