"""MAML Explorer: watch an initialization learn to adapt, on sine regression.

The layers, each importing only what is to its right:
gui (draws what it is handed) → worker (one thread that owns the state) → storage (files) →
core (mathematics: values in, values out; torch and NumPy) → settings → hyperparameters (how a
setting is declared). The command line and :mod:`maml_explorer.api` stand beside the window and use
storage and core directly. Importing this package loads neither torch nor Qt: what needs them is
loaded at its first use.

    import maml_explorer as me
    run = me.train(me.Settings().with_values({"outer_steps": 2000}))
    adapted = run["MAML"].adapt(x, y, steps=5)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from maml_explorer.api import TrainedRun, compare, evaluate, train
    from maml_explorer.hyperparameters import SettingsError
    from maml_explorer.presets import load_preset, presets
    from maml_explorer.settings import Arm, Settings
    from maml_explorer.storage.initialization import Initialization, load_initialization
    from maml_explorer.storage.reader import StorageError

_WHERE = {
    "Arm": "settings",
    "Initialization": "storage.initialization",
    "Settings": "settings",
    "SettingsError": "hyperparameters",
    "StorageError": "storage.reader",
    "TrainedRun": "api",
    "compare": "api",
    "evaluate": "api",
    "load_initialization": "storage.initialization",
    "load_preset": "presets",
    "presets": "presets",
    "train": "api",
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
