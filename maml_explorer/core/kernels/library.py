"""The compiled library: found beside this file, opened and asked which one it is."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from maml_explorer.core.kernels.job import VERSION, Job

FILE = Path(__file__).with_name("_kernels.library")
"""Path of the library if it was built; the same name on every system, and none that Python takes
for a module."""
TYPES = {torch.float32: "f32", torch.float64: "f64"}


class NoKernels(Exception):  # noqa: N818 - the recorded kernels run instead
    """The compiled kernels cannot be used here; the text is a few words that say why."""


@dataclass(frozen=True)
class Kernels:
    """The functions of the library that this processor runs, by the type of their numbers."""

    kind: str
    """"compiled", or "compiled, portable" in vectors of 128 bits."""
    memory_bytes: Mapping[torch.dtype, Callable[[Any], int]]
    outer_step: Mapping[torch.dtype, Callable[[Any], None]]
    outer_steps: Mapping[torch.dtype, Callable[[Any, int, Any, Any], None]]
    """Empty in a library that was built before there was this function."""
    probe: Mapping[torch.dtype, Callable[[Any], None]]


def open_library(portable: bool, file: Path | None = None) -> Kernels:
    """The functions of the library, not yet tried.

    Args:
        portable: use vectors of 128 bits even where the processor has wider ones.
        file: of the library, where it is not :data:`FILE`.

    Raises:
        NoKernels: where there is no library, it does not load, or it is of another version.
    """
    file = file or FILE
    if not file.exists():
        raise NoKernels("none built")
    try:
        library = ctypes.CDLL(str(file))
        library.kernels_version.restype = library.kernels_job_bytes.restype = ctypes.c_int64
        same = library.kernels_version() == VERSION
        same = same and library.kernels_job_bytes() == ctypes.sizeof(Job)
        wide = bool(library.kernels_avx2()) and not portable
    except (OSError, AttributeError) as error:
        raise NoKernels("the library does not load") from error
    if not same:
        raise NoKernels("the library is of another version")
    ending, job = "avx2" if wide else "portable", ctypes.c_void_p

    def functions(name: str, result: Any, *takes: Any) -> dict[torch.dtype, Any]:
        found = {}
        for dtype, short in TYPES.items():
            function = found[dtype] = library[f"{name}_{short}_{ending}"]
            function.restype, function.argtypes = result, takes
        return found

    several: dict[torch.dtype, Any] = {}
    with suppress(AttributeError):
        several = functions("outer_steps", None, job, ctypes.c_int64, *(ctypes.c_void_p,) * 2)
    return Kernels(
        "compiled" if wide else "compiled, portable",
        functions("bytes", ctypes.c_int64, job),
        functions("outer_step", None, job),
        several,
        functions("probe", None, job),
    )
