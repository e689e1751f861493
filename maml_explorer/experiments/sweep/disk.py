"""Disk that the runs of a sweep will take, and a refusal where there is less."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from maml_explorer.files.reader import StorageError
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.words import counted

STEP_BYTES = 55
"""Of metrics.csv, for each arm and outer step; measured to be 51."""
ARM_BYTES, RUN_BYTES = 24_000, 48_000
"""Of all other files beside their numbers, in blocks of 4 KiB."""
_COPIES = 5
"""Of each parameter: twice exported, and in the checkpoint with two moments."""
_LOOKED_AT = 100
"""Most runs whose sizes are computed; the others are taken to be like them."""


def run_bytes(settings: Settings) -> int:
    """Bytes that a run folder takes at its end, about."""
    from maml_explorer.core.models.table import network

    number = 8 if settings.run.precision == "float64" else 4
    arm = STEP_BYTES * settings.outer.outer_steps + ARM_BYTES
    # step sizes that are learned may be as many as the parameters
    arm += 2 * _COPIES * number * network(settings).parameter_count
    return RUN_BYTES + len(settings.arms) * arm


def sweep_bytes(runs: Sequence[Settings], count: int) -> int:
    """Bytes that so many runs take, about.

    Args:
        runs: some of them or all, at least one.
        count: how many there are.
    """
    some = runs[:: -(-len(runs) // _LOOKED_AT)]
    return sum(map(run_bytes, some)) * count // len(some)


def refuse_full_disk(path: Path, need: int, count: int) -> None:
    """Refuse runs that the disk does not hold.

    Args:
        path: the folder, which need not be there yet.
        need: bytes.
        count: the runs that need them.

    Raises:
        StorageError: with need and what is free.
    """
    there = next(
        folder for folder in (path.absolute(), *path.absolute().parents) if folder.is_dir()
    )
    free = shutil.disk_usage(there).free
    if need > free:
        raise StorageError(
            f"{counted(count, 'run')} need about {size_text(need)} of disk, "
            f"and the disk of {path} has {size_text(free)} free: give fewer "
            "runs or outer steps, or another folder. Nothing was trained."
        )


def size_text(count: int) -> str:
    """A number of bytes in MiB or GiB."""
    size = count / 2**20
    return f"{size:.3g} MiB" if size < 1024 else f"{size / 1024:.3g} GiB"
