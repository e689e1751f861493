"""MAML Explorer: watch an initialization learn to adapt, on sine regression.

The layers, each importing only what is to its right:
gui (draws reports) → worker (one thread that owns the state) → storage (run folders and
exports) → core (mathematics: values in, values out; torch and NumPy) → settings → algorithms. The
command line and :mod:`maml_explorer.experiments` stand beside the window and use storage and core
directly. Importing this package loads neither torch nor Qt: what needs them is
loaded at its first use.

    import maml_explorer as me
    run = me.train("finn-10-shot", seeds=range(3), outer_steps=2000, progress=True)
    adapted = run["MAML"].adapt(x, y, steps=5)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from maml_explorer.version import __version__

if TYPE_CHECKING:
    from maml_explorer.core.families.own_tasks.task import Task
    from maml_explorer.experiments.api import compare, evaluate, resume, train
    from maml_explorer.experiments.outcome import ArmMetrics, Evaluation, Progress
    from maml_explorer.experiments.own_tasks import register_task
    from maml_explorer.experiments.trained.folders import load_run
    from maml_explorer.experiments.trained.opening import open_window
    from maml_explorer.experiments.trained.picture import RunPicture
    from maml_explorer.experiments.trained.run import TrainedRun
    from maml_explorer.experiments.trained.saving import save_run
    from maml_explorer.experiments.trained.seed import UnknownArmError
    from maml_explorer.files.reader import StorageError
    from maml_explorer.settings.declaration import SettingsError
    from maml_explorer.settings.presets import Preset, load_preset, presets
    from maml_explorer.settings.settings import Arm, Settings
    from maml_explorer.storage.initialization.folder import Initialization, load_initialization

_WHERE = {
    "Arm": "settings.settings",
    "ArmMetrics": "experiments.outcome",
    "Evaluation": "experiments.outcome",
    "Initialization": "storage.initialization.folder",
    "RunPicture": "experiments.trained.picture",
    "Preset": "settings.presets",
    "Progress": "experiments.outcome",
    "Settings": "settings.settings",
    "SettingsError": "settings.declaration",
    "StorageError": "files.reader",
    "Task": "core.families.own_tasks.task",
    "TrainedRun": "experiments.trained.run",
    "UnknownArmError": "experiments.trained.seed",
    "compare": "experiments.api",
    "evaluate": "experiments.api",
    "load_initialization": "storage.initialization.folder",
    "load_preset": "settings.presets",
    "load_run": "experiments.trained.folders",
    "open_window": "experiments.trained.opening",
    "presets": "settings.presets",
    "register_task": "experiments.own_tasks",
    "resume": "experiments.api",
    "save_run": "experiments.trained.saving",
    "train": "experiments.api",
}

__all__ = [
    "Arm",
    "ArmMetrics",
    "Evaluation",
    "Initialization",
    "Preset",
    "Progress",
    "RunPicture",
    "Settings",
    "SettingsError",
    "StorageError",
    "Task",
    "TrainedRun",
    "UnknownArmError",
    "__version__",
    "compare",
    "evaluate",
    "load_initialization",
    "load_preset",
    "load_run",
    "open_window",
    "presets",
    "register_task",
    "resume",
    "save_run",
    "train",
]


def __getattr__(name: str) -> Any:
    """A public name, from the module that defines it."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
