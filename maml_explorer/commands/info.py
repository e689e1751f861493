"""`maml-explorer --info`: versions, devices and paths, for a report of a fault."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from maml_explorer.files.resources import resources
from maml_explorer.version import __version__

LIBRARIES = ("torch", "numpy", "safetensors", "PySide6-Essentials", "pyqtgraph")


def info() -> str:
    """The lines, "name: value" each."""
    lines = {
        "maml-explorer": __version__,
        "Python": f"{platform.python_version()} ({sys.executable})",
        "system": platform.platform(),
        **{name: _version(name) for name in LIBRARIES},
        "devices": _devices(),
        "resources": str(resources()),
    }
    return "\n".join(f"{name}: {value}" for name, value in lines.items())


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _devices() -> str:
    try:
        import torch
    except ImportError as error:
        return f"unknown, torch cannot be loaded ({' '.join(str(error).split())[:200]})"
    names = [f"cpu ({torch.get_num_threads()} threads)"]
    for index in range(torch.cuda.device_count()):
        names.append(f"cuda:{index} ({torch.cuda.get_device_name(index)})")
    return ", ".join(names)
