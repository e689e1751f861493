"""Path of the files of resources/, installed or in a checkout. Torch-free."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path


def resources() -> Traversable:
    """The folder resources/: inside the installed package, or beside it in a checkout."""
    packaged = files("maml_explorer").joinpath("resources")
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "resources"
