"""Device, memory and threads that a run needs."""

from __future__ import annotations

import torch

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core.machine_memory import physical_memory
from maml_explorer.core.models.model import Model
from maml_explorer.core.models.table import network
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.phases import phases
from maml_explorer.settings.settings import Arm, Settings

CHUNK_FLOATS = 4_000_000
"""Adapted parameters and activations per chunk of tasks: bounds memory and the wait for a pause."""
MEMORY_SHARE = 0.7
"""Part of a device's memory that settings may ask for."""


_PARTS = {"head": "the last layer alone", "body": "all layers but the last"}
"""Part of a network that has none where there is one layer → how it is called."""


def resolve_device(settings: Settings) -> torch.device:
    """The device to train on.

    "auto" takes CUDA only where it pays: small batches of small networks are faster on the CPU.

    Raises:
        SettingsError: where CUDA is asked for and absent.
    """
    wanted = settings.run.device
    if wanted == "cuda" and not torch.cuda.is_available():
        raise SettingsError(
            "Device cuda was asked for, but no CUDA device is available: "
            "allowed here are auto and cpu."
        )
    if wanted == "auto":
        width = max(settings.model.hidden)
        large = settings.outer.meta_batch * width * width > 25 * 40 * 40 * 50
        if settings.model_kind.pictures:
            filters, side = settings.model.filters, settings.images.side
            large = settings.outer.meta_batch * filters * filters * side > 25 * 40 * 40 * 50
        wanted = "cuda" if large and torch.cuda.is_available() else "cpu"
    return torch.device(wanted)


def memory_estimate(settings: Settings) -> int:
    """Bytes that training needs at most, about, before any is allocated.

    A chunk of tasks holds φ_k and its activations for every inner step; while it is recorded that
    is there twice, beside some temporaries: measured to be under four times that. Each arm keeps
    θ, its moments and the state before.
    """
    model = network(settings)
    most = 0
    for arm in settings.arms:
        per_task = _floats_per_task(settings, model, _kept_steps(settings, arm))
        tasks = min(settings.outer.meta_batch, max(1, CHUNK_FLOATS // per_task))
        most = max(most, tasks * per_task)
    # θ and, at most, as many step sizes
    kept = 2 * 12 * len(settings.arms) * model.parameter_count
    return (4 * most + kept) * (8 if settings.run.precision == "float64" else 4)


def available_memory(device: torch.device) -> int | None:
    """Bytes of memory of the device; None where the system does not say."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[1])
    return physical_memory()


def _refuse_what_does_not_fit(settings: Settings, device: torch.device) -> None:
    need, have = memory_estimate(settings), available_memory(device)
    if have is not None and need > MEMORY_SHARE * have:
        smaller = "filters or blocks" if settings.model_kind.pictures else "hidden layers"
        fewer = "images" if settings.family.images else "points"
        raise SettingsError(
            f"These sizes need about {need / 2**30:.1f} GiB, and {MEMORY_SHARE * have / 2**30:.1f} "
            f"GiB of the memory of {device} may be used: lower the {smaller}, the inner steps "
            f"or the {fewer} per task."
        )


def _refuse_one_layer(settings: Settings, model: Model) -> None:
    """Refuses an algorithm that tells head and body apart on a network that has one layer."""
    for arm in settings.arms:
        record = ALGORITHMS[arm.algorithm]
        if model.depth == 1 and record.adapts in _PARTS:
            raise SettingsError(
                f"{record.label} adapts {_PARTS[record.adapts]}, and this network "
                "has one: put its head behind the rest in an nn.Sequential."
            )


def _kept_steps(settings: Settings, arm: Arm) -> int:
    """Inner steps whose φ_k and activations are held together; one where the path is not kept."""
    steps = _steps(settings.of_arm(arm), arm)
    # an implicit gradient holds φ_K, its trace and some vectors of conjugate gradients
    return 4 if ALGORITHMS[arm.algorithm].implicit else steps


def _steps(own: Settings, arm: Arm) -> int:
    return phases(own, ALGORITHMS[arm.algorithm]).inner_steps


def _floats_per_task(settings: Settings, model: Model, steps: int) -> int:
    points = settings.support_points() + settings.query_points
    return (model.parameter_count + points * model.kept_per_point) * (steps + 1)
