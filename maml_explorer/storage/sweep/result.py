"""Files that a sweep adds to a run folder and beside it: result, failure, how far it is."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from maml_explorer.files.reader import StorageError, read_json
from maml_explorer.files.writer import write_text
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Settings

OBJECTIVE, FAILURE = "objective.json", "failure.json"
"""Files a sweep adds to a run folder: its result on validation tasks; why it failed."""
PRUNED = "pruned.json"
"""File of a run that halving has stopped, with the outer step at which it did."""


def step_file(path: Path) -> Path:
    """The file beside a run folder that says how far its run is, while it trains."""
    return path.parent / f".{path.name}.step"


def step_of(path: Path) -> int:
    """Outer steps that a run in training has taken, as it last said; 0 where it says nothing."""
    try:
        text = step_file(path).read_text(encoding="ascii")
    except (OSError, ValueError):
        return 0
    return int(text) if text.isdecimal() and len(text) < 12 else 0


def open_data(sweep: Path, settings: Settings) -> None:
    """Opens the user's own images that lie in a sweep folder, where settings need them.

    Raises:
        StorageError: where they are missing or damaged.
    """
    from maml_explorer.core.families.own.data import is_open, open_images
    from maml_explorer.storage.own_images.file import IMAGES, read_images

    if settings.family.own_data and not is_open(settings.images.data):
        open_images(read_images(sweep / IMAGES))


def refuse_other_processes(settings: Settings, *, tasks_named: bool = False) -> None:
    """Refuses own tasks where other processes train, unless these can import them.

    Args:
        settings: of the runs.
        tasks_named: whether the tasks were named, so that every process imports them.

    Raises:
        SettingsError: naming the tasks, and what trains on them.
    """
    key = settings.tasks.own_key
    if settings.model_kind.own:
        raise SettingsError(
            "A network of your own is an object of this process, and a sweep or several workers "
            "train in others: train it with me.train."
        )
    if settings.family.own_tasks and key is not None and not tasks_named:
        raise SettingsError(
            f"The tasks “{key.name}” are an object of this process, and a sweep or several workers "
            "train in others: give their module on the command line, by --own-tasks NAME or "
            "--own-tasks MODULE:OBJECT, or train on them with me.train."
        )


def rung_file(path: Path, step: int) -> Path:
    """The file with the result of a run that halving has compared at an outer step."""
    return path / f"rung-{step}.json"


def read_objective(path: Path, name: str = OBJECTIVE) -> dict[str, Any]:
    """The result of a trial, checked; `name` is that of its file.

    Raises:
        StorageError: where it is missing or not as :func:`train_trial` writes it.
    """
    found = read_json(path / name)
    mean, seconds = found.get("mean"), found.get("seconds")
    for value in (mean, seconds):
        if value is not None and (not isinstance(value, int | float) or not math.isfinite(value)):
            raise StorageError(f"{path / name} is not as this program writes it.")
    if not isinstance(found.get("diverged"), int) or not isinstance(
        found.get("diverged_in_training"), str
    ):
        raise StorageError(f"{path / name} is not as this program writes it.")
    return found


def write_failure(path: Path, attempts: int, reason: str) -> None:
    """Note beside a run why it was given up, and after how many attempts."""
    content = {"attempts": attempts, "reason": " ".join(reason.split())[:500]}
    write_text(path / FAILURE, json.dumps(content, indent=2) + "\n")
