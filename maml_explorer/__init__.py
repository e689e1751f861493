"""MAML Explorer: watch an initialization learn to adapt, on sine regression.

The layers, each importing only what is to its right:
gui (draws reports) → worker (one thread that owns the state) → storage (run folders and
exports) → core (mathematics: values in, values out; torch and NumPy) → settings → algorithms. The
command line and :mod:`maml_explorer.experiments` stand beside the window and use storage and core
directly. Importing this package loads neither torch nor Qt: what needs them is
loaded at its first use.

    import maml_explorer as me
    run = me.train(me.Settings().with_values({"outer_steps": 2000}))
    adapted = run["MAML"].adapt(x, y, steps=5)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from maml_explorer.version import __version__

if TYPE_CHECKING:
    from maml_explorer.experiments.api import TrainedRun, compare, evaluate, train
    from maml_explorer.files.reader import StorageError
    from maml_explorer.settings.declaration import SettingsError
    from maml_explorer.settings.presets import load_preset, presets
    from maml_explorer.settings.settings import Arm, Settings
    from maml_explorer.storage.initialization.folder import Initialization, load_initialization

_WHERE = {
    "Arm": "settings.settings",
    "Initialization": "storage.initialization.folder",
    "Settings": "settings.settings",
    "SettingsError": "settings.declaration",
    "StorageError": "files.reader",
    "TrainedRun": "experiments.api",
    "compare": "experiments.api",
    "evaluate": "experiments.api",
    "load_initialization": "storage.initialization.folder",
    "load_preset": "settings.presets",
    "presets": "settings.presets",
    "train": "experiments.api",
}

__all__ = [
    "Arm",
    "Initialization",
    "Settings",
    "SettingsError",
    "StorageError",
    "TrainedRun",
    "__version__",
    "compare",
    "evaluate",
    "load_initialization",
    "load_preset",
    "presets",
    "train",
]


def __getattr__(name: str) -> Any:
    """A public name, from the module that defines it."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
