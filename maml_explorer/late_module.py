"""Modules that are loaded when something of them is first asked for.

Libraries import modules that a start never uses. A stand-in takes the place of such a module while
the library loads; it hands on whatever it is asked for, and loads the module for that.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from threading import RLock
from types import ModuleType
from typing import Any

_loading = RLock()
"""Held while a module is loaded: another thread may ask for it at the same time."""


class LateModule(ModuleType):
    """Stands for a module until something of it is wanted.

    Args:
        name: of the module, with its package.
        load: gives the module; without it, Python's import does.
    """

    def __init__(self, name: str, load: Callable[[], ModuleType] | None = None) -> None:
        super().__init__(name)
        self._load = load or self._import
        self._module: ModuleType | None = None

    def __getattr__(self, name: str) -> Any:
        # Python itself asks every module for names like this one
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} is not loaded and has no {name!r} yet")
        with _loading:
            if self._module is None:
                self._module = self._load()
        return getattr(self._module, name)

    def _import(self) -> ModuleType:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return import_module(self.__name__)
