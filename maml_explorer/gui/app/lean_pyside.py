"""Loading of PySide without its library of signatures: a tenth of a start.

PySide brings signatures of all functions of Qt, as Python modules that it compiles anew at each
start. They serve help texts, and the words of the error where a function gets wrong arguments.
Here they are loaded at the first of those.

PySide also takes over how Python finds help texts, which makes loading NumPy slower: that one goes
first, without help texts of its own.
"""

from __future__ import annotations

import sys
from importlib import machinery
from importlib.machinery import ModuleSpec
from random import SystemRandom
from types import ModuleType
from typing import Any

from maml_explorer.late_module import LateModule

LATE = frozenset(
    f"shibokensupport.signature.{name}"
    for name in (
        "errorhandler",
        "layout",
        "lib.enum_sig",
        "lib.pyi_generator",
        "lib.tool",
        "parser",
    )
)
"""Modules of PySide that are loaded when they are used; Qt itself looks into another, `mapping`."""

LATE_OF_NUMPY = ("pickle", "platform")
"""Modules that NumPy loads for arrays of objects and reports of faults."""

UNREAD = ("numpy._core._add_newdocs", "numpy._core._add_newdocs_scalars")
"""Modules that only give the functions of NumPy their help texts."""


class _Loader:
    """Makes the stand-in of a module that another loader loads when it is used."""

    def __init__(self, usual: Any) -> None:
        self._usual = usual

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        name = spec.name  # PySide gives its modules a further name

        def load() -> ModuleType:
            module = ModuleType(name)
            module.__spec__ = ModuleSpec(name, self._usual)
            self._usual.exec_module(module)
            return module

        return LateModule(name, load)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is done yet."""


def _spec(name: str, loader: Any, **more: Any) -> ModuleSpec:
    chosen: Any = _Loader(loader) if name in LATE else loader
    return ModuleSpec(name, chosen, **more)


def load() -> bool:
    """Load NumPy and PySide; True where the signatures were put off."""
    meanwhile: dict[str, ModuleType] = {name: ModuleType(name) for name in UNREAD}
    meanwhile |= {name: LateModule(name) for name in LATE_OF_NUMPY}
    meanwhile = {name: one for name, one in meanwhile.items() if name not in sys.modules}
    sys.modules.update(meanwhile)
    import numpy  # noqa: F401

    for name, stand_in in meanwhile.items():
        if sys.modules[name] is stand_in:
            del sys.modules[name]
    if "secrets" not in sys.modules:
        # of it, NumPy's generators take this function when they load; the rest loads OpenSSL
        secrets: Any = LateModule("secrets")
        secrets.randbits = SystemRandom().getrandbits
        sys.modules["secrets"] = secrets
    if "PySide6" in sys.modules:
        return False
    # PySide finds these modules by itself, in an archive inside its library, ahead of all others
    machinery.ModuleSpec = _spec  # type: ignore[assignment, misc]
    try:
        import PySide6.QtCore  # noqa: F401
    finally:
        machinery.ModuleSpec = ModuleSpec  # type: ignore[misc]
    return True
