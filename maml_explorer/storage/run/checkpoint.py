"""The checkpoint: everything needed to resume a run bit for bit.

One safetensors file. Its metadata hold a JSON text with the settings, every counter and the results
of finished seeds; its tensors are generator state, initializations with their learned step
sizes, and optimizer moments.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from maml_explorer.core.plan import Plan, kernels_of
from maml_explorer.core.training import ArmState, RunState, start_run
from maml_explorer.files.reader import StorageError, check_schema, json_object
from maml_explorer.files.writer import write_bytes
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.text import from_toml, to_toml
from maml_explorer.storage.initialization.tensors import (
    Expected,
    metadata_of,
    read_tensor_bytes,
    tensor_bytes,
    tensor_shapes,
    tensors_of,
)
from maml_explorer.storage.run.records import checked_records

SCHEMA = 1
MAX_SEEDS = 100
_KEY = "checkpoint"


@dataclass(frozen=True)
class ArmResult:
    """Result of one arm at the end of a seed."""

    outer_step: int
    evaluations: tuple[Mapping[str, Any], ...] = ()
    diverged: str = ""
    """Reason why it was frozen; empty where it was not."""


@dataclass(frozen=True)
class Checkpoint:
    """A run of one or several seeds, one after the other, between two outer steps."""

    settings: Settings
    """With the seed that is being trained."""
    state: RunState
    """Of that seed."""
    seeds: tuple[int, ...]
    """All seeds of the run, in order."""
    results: Mapping[int, Mapping[str, ArmResult]] = field(default_factory=dict)
    """Finished seeds: by seed and arm name."""
    diverged: Mapping[str, str] = field(default_factory=dict)
    """Arms of the current seed that were frozen, and why."""
    file_sizes: Mapping[str, int] = field(default_factory=dict)
    """Appended file → its bytes at this checkpoint; what follows is cut off on resume."""
    threads: int = 0
    """Threads of torch it was trained with."""
    kernels: str = ""
    """Kernels of its outer gradients; empty where the version before wrote it."""
    shards: int = 0
    """Shards of its meta-batches; 0 where they were not divided into any."""


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write the checkpoint.

    Raises:
        OSError: the old checkpoint is whole.
        ValueError: where a state is not finite.
    """
    state = checkpoint.state
    tensors: dict[str, Any] = {"generator": state.generator_state.cpu().numpy()}
    arms = {}
    for index, (name, arm) in enumerate(state.arms.items()):
        tensors[f"{index}.initialization"] = arm.initialization.cpu().numpy()
        for moment, values in enumerate(arm.moments):
            tensors[f"{index}.moment.{moment}"] = values.cpu().numpy()
        arms[name] = {"outer_step": arm.outer_step, "frozen": arm.frozen}
    about = {
        "schema": SCHEMA,
        "settings": to_toml(checkpoint.settings),
        "seeds": list(checkpoint.seeds),
        "outer_step": state.outer_step,
        "arms": arms,
        "results": {
            str(seed): {name: vars(result) for name, result in results.items()}
            for seed, results in checkpoint.results.items()
        },
        "diverged": dict(checkpoint.diverged),
        "file_sizes": dict(checkpoint.file_sizes),
        "threads": torch.get_num_threads(),
        "kernels": checkpoint.kernels,
        "torch": torch.__version__,
    }
    if checkpoint.shards:
        about["shards"] = checkpoint.shards
    write_bytes(path, tensor_bytes(tensors, {_KEY: json.dumps(about, allow_nan=False)}))


def load_checkpoint(path: Path, plan: Plan, *, to_resume: bool = True) -> Checkpoint:
    """The checkpoint of a run.

    Args:
        path: the file.
        plan: of the run folder's settings. The checkpoint's must be the same, but for the seed
            being trained, the declared outer steps and the device.
        to_resume: refuse a generator state of another kind of device, which cannot go on here.

    Raises:
        StorageError: where the file is missing, damaged or belongs to other settings.
    """
    expected = _expected(plan)
    data = read_tensor_bytes(path, expected)
    if not to_resume:
        expected = {**expected, "generator": ((_generator_bytes(data, path),), "U8")}
    about = json_object(metadata_of(data, path).get(_KEY, "{}"), path)
    check_schema(about.get("schema"), SCHEMA, str(path))
    damaged = StorageError(f"{path} is damaged: its counters are not as this program writes them.")
    settings = _settings(about, plan.settings, path)
    tensors, _ = tensors_of(data, expected, path)
    seeds = about.get("seeds")
    if not isinstance(seeds, list) or not 1 <= len(seeds) <= MAX_SEEDS:
        raise damaged
    if not all(map(_is_count, seeds)) or settings.run.seed not in seeds:
        raise damaged
    diverged, sizes = about.get("diverged"), about.get("file_sizes")
    if not isinstance(sizes, dict) or not all(map(_is_count, sizes.values())):
        raise damaged
    if not isinstance(diverged, dict) or not all(map(_is_reason, diverged.values())):
        raise damaged
    threads, kernels = about.get("threads"), about.get("kernels")
    shards = about.get("shards", 0)
    if not isinstance(shards, int) or not _is_count(shards) or shards == 1:
        raise damaged
    if shards > plan.settings.outer.meta_batch:
        raise damaged
    return Checkpoint(
        settings=settings,
        state=_state(plan, about, tensors, damaged),
        seeds=tuple(seeds),
        results=_results(about.get("results"), seeds, plan.settings, path, damaged),
        diverged=diverged,
        file_sizes=sizes,
        threads=threads if isinstance(threads, int) and _is_count(threads) else 0,
        kernels=kernels if isinstance(kernels, str) and _is_reason(kernels) else "",
        shards=shards,
    )


def kernels_before(checkpoint: Checkpoint, plan: Plan) -> str:
    """The kernels that a run was trained by, where it goes on by others; else empty."""
    now = kernels_of(plan)
    before = checkpoint.kernels or (now if now == "CUDA" else "recorded")
    if checkpoint.shards != (0 if plan.shards is None else plan.shards.count):
        return f"sharded {before}" if checkpoint.shards else before
    return "" if before == now else before


def _expected(plan: Plan) -> Expected:
    fresh = start_run(plan)
    dtype = {"float32": "F32", "float64": "F64"}[plan.settings.run.precision]
    expected: dict[str, tuple[tuple[int, ...], str]] = {
        "generator": (tuple(fresh.generator_state.shape), "U8")
    }
    for index, arm in enumerate(plan.settings.arms):
        begun = fresh.arms[arm.name]
        learned = (tuple(begun.initialization.shape), dtype)
        expected[f"{index}.initialization"] = learned
        for moment in range(len(begun.moments)):
            expected[f"{index}.moment.{moment}"] = learned
    return expected


def _generator_bytes(data: bytes, path: Path) -> int:
    """The size of the generator state in the file, which is that of a CPU's or of CUDA's."""
    shape = tensor_shapes(data, path).get("generator")
    sizes = (5056, 16)
    return next((size for size in sizes if shape == [size]), sizes[0])


def _settings(about: Mapping[str, Any], settings: Settings, path: Path) -> Settings:
    text = about.get("settings")
    saved = from_toml(text) if isinstance(text, str) else None
    free = ("seed", "outer_steps", "device")
    if saved is None or saved != settings.with_values({key: saved[key] for key in free}):
        raise StorageError(f"{path} belongs to other settings than those of its folder.")
    return saved


def _state(
    plan: Plan, about: Mapping[str, Any], tensors: Mapping[str, Any], damaged: StorageError
) -> RunState:
    names = [arm.name for arm in plan.settings.arms]
    found, outer_step = about.get("arms"), about.get("outer_step")
    if not isinstance(found, dict) or list(found) != names:
        raise damaged
    if not isinstance(outer_step, int) or not _is_count(outer_step):
        raise damaged
    arms = {}
    for index, (name, table) in enumerate(found.items()):
        if not isinstance(table, dict) or not _is_count(table.get("outer_step")):
            raise damaged
        if not isinstance(table.get("frozen"), bool):
            raise damaged
        moments = [key for key in tensors if key.startswith(f"{index}.moment.")]
        arms[name] = ArmState(
            _tensor(tensors[f"{index}.initialization"]).to(plan.device),
            tuple(_tensor(tensors[key]).to(plan.device) for key in moments),
            table["outer_step"],
            table["frozen"],
        )
    generator_state = _tensor(tensors["generator"])
    generator = torch.Generator(plan.device)
    if generator_state.shape == generator.get_state().shape:
        try:
            generator.set_state(generator_state)
        except RuntimeError:
            raise damaged from None
    return RunState(outer_step, generator_state, arms)


def _results(
    found: Any, seeds: list[int], settings: Settings, path: Path, damaged: StorageError
) -> dict[int, dict[str, ArmResult]]:
    names = [arm.name for arm in settings.arms]
    if not isinstance(found, dict) or not found.keys() <= {str(seed) for seed in seeds}:
        raise damaged
    results: dict[int, dict[str, ArmResult]] = {}
    for seed in seeds:
        if str(seed) not in found:
            continue
        arms = found[str(seed)]
        if not isinstance(arms, dict) or list(arms) != names:
            raise damaged
        results[seed] = {}
        for name, table in arms.items():
            if not isinstance(table, dict) or table.keys() != ArmResult.__dataclass_fields__.keys():
                raise damaged
            if not _is_count(table["outer_step"]) or not _is_reason(table["diverged"]):
                raise damaged
            records = checked_records(table["evaluations"], str(path))
            results[seed][name] = ArmResult(table["outer_step"], records, table["diverged"])
    return results


def _tensor(array: Any) -> torch.Tensor:
    return torch.from_numpy(array.copy())


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _is_reason(value: object) -> bool:
    return isinstance(value, str) and len(value) < 500
