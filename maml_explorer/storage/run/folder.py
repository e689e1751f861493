"""The run folder: settings, metrics of every outer step, results, checkpoint, initializations.

Metrics are appended as they come; everything else is written whole. No file holds NaN or Infinity:
a figure that is not finite is an empty field, or null.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from maml_explorer.files.reader import StorageError, read_text
from maml_explorer.files.writer import append_bytes, new_folder, recover_folder, write_text
from maml_explorer.settings.settings import Arm, Settings
from maml_explorer.settings.text import from_toml, to_toml

SETTINGS = "settings.toml"
METRICS = "metrics.csv"
CHANGES = "changes.csv"
EVALUATIONS = "evaluations.csv"
SUMMARY = "summary.json"
CHECKPOINT = "checkpoint.safetensors"
ADAPTATION_PICTURE = "adaptation.png"
LOSSES_PICTURE = "losses.png"
INSIGHT = "insight.json"
FIGURES = "insight.csv"

COLUMNS: dict[str, tuple[str, ...]] = {
    METRICS: (
        "outer_step", "arm", "seed", "support_loss_before", "query_loss_after",
        "support_loss_after", "query_loss_before",
    ),
    CHANGES: ("outer_step", "setting", "old", "new"),
    EVALUATIONS: (
        "outer_step", "arm", "seed", "shots", "inner_step", "mean", "ci95", "mean_kept", "median",
        "diverged",
    ),
}  # fmt: skip
"""Appended file → its columns."""
_FILES = {
    SETTINGS, SUMMARY, CHECKPOINT, ADAPTATION_PICTURE, LOSSES_PICTURE, INSIGHT, FIGURES, *COLUMNS,
}  # fmt: skip
_EXPORTED = {"model.safetensors", "config.json", "README.md", "model.pt"}
"""What an arm's folder holds."""


class RunFolder:
    """A run folder being written. Construct it with :func:`create_run` or :func:`open_run`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, name: str, rows: Iterable[Sequence[object]]) -> None:
        """Append rows to one of the files of COLUMNS and bring them to disk.

        Raises:
            OSError: where the disk is full or the file cannot be written.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([field_text(value) for value in row] for row in rows)
        append_bytes(self.path / name, text.getvalue().encode())

    def file_sizes(self) -> dict[str, int]:
        """The bytes of the appended files now."""
        return {name: (self.path / name).stat().st_size for name in COLUMNS}

    def cut_back(self, sizes: Mapping[str, int]) -> None:
        """Cut the appended files back to what they were at a checkpoint.

        Raises:
            StorageError: where a file is shorter than it was.
        """
        for name in COLUMNS:
            path = self.path / name
            size = sizes.get(name, 0)
            if not path.is_file() or path.stat().st_size < size:
                raise StorageError(f"{path} is shorter than at the checkpoint ({size} bytes).")
        for name in COLUMNS:
            os.truncate(self.path / name, sizes.get(name, 0))

    def clear_rows(self) -> None:
        """Write the appended files anew, without rows."""
        for name, columns in COLUMNS.items():
            write_text(self.path / name, ",".join(columns) + "\n")

    def write_settings(self, settings: Settings) -> None:
        """Write the settings and arms."""
        write_text(self.path / SETTINGS, to_toml(settings))

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Write the results as JSON.

        Raises:
            ValueError: where a figure is not finite.
        """
        text = json.dumps(summary, indent=2, allow_nan=False) + "\n"
        write_text(self.path / SUMMARY, text)

    def initialization_folder(self, settings: Settings, arm_name: str, seed: int | None) -> Path:
        """Where an arm's initialization goes; with `seed` where the run has several."""
        folder = self.path / arm_folders(settings.arms)[arm_name]
        return folder if seed is None else folder / f"seed-{seed}"


def create_run(path: Path, settings: Settings) -> RunFolder:
    """A new run folder, with everything that can be written before training.

    Raises:
        StorageError: where something is there already, or nothing can be written.
    """
    try:
        _refuse_what_is_there(path)
        path.mkdir(parents=True, exist_ok=True)
        folder = _begun(path, settings)
    except (OSError, ValueError) as error:
        if isinstance(error, StorageError):
            raise
        reason = getattr(error, "strerror", None) or "the name is not a path"
        raise StorageError(f"{str(path)[:200]!r} cannot be written: {reason}.") from None
    return folder


@contextmanager
def whole_run(path: Path, settings: Settings, *, overwrite: bool = False) -> Iterator[RunFolder]:
    """A run folder to write, which appears at `path` whole when the context ends.

    Where one is there already, what belongs to that run goes, and files of other names stay.

    Raises:
        StorageError: where something is there, and it is no run or `overwrite` is false.
        OSError: nothing was changed; ValueError likewise.
    """
    recover_folder(path)
    replaced = overwrite and is_run_folder(path)
    if not replaced:
        _refuse_what_is_there(path)
    path = path.resolve() if replaced else path
    with new_folder(path) as temporary:
        yield _begun(temporary, settings)
        if replaced:
            _copy_other_files(path, temporary)


def _begun(path: Path, settings: Settings) -> RunFolder:
    folder = RunFolder(path)
    folder.clear_rows()
    folder.write_settings(settings)
    return folder


def _refuse_what_is_there(path: Path) -> None:
    if path.is_dir() and any(path.iterdir()):
        if is_run_folder(path):
            raise StorageError(
                f"{path} holds a run already: continue it with --resume, or choose another folder."
            )
        raise StorageError(f"{path} is not empty and not a run folder: choose another folder.")
    if path.exists() and not path.is_dir():
        raise StorageError(f"{path} is a file: choose another folder.")


def _copy_other_files(old: Path, new: Path) -> None:
    """Copies what a person laid beside a run."""
    for place, _, names in os.walk(old):
        for name in names:
            source = Path(place) / name
            within = source.relative_to(old)
            own = _FILES if len(within.parts) == 1 else _EXPORTED
            if name not in own and not name.endswith(".part"):
                (new / within).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, new / within, follow_symlinks=False)


def open_run(path: Path) -> tuple[RunFolder, Settings]:
    """A run folder that is there, and its settings.

    Raises:
        StorageError: where it is no run folder.
        SettingsError: where a setting in it is not allowed.
    """
    recover_folder(path)
    if not is_run_folder(path):
        raise StorageError(f"{str(path)[:200]!r} is not a run folder: it has no {SETTINGS}.")
    return RunFolder(path), from_toml(read_text(path / SETTINGS))


def is_run_folder(path: Path) -> bool:
    """True where the folder was written by :func:`create_run`."""
    try:
        return (path / SETTINGS).is_file() and (path / METRICS).is_file()
    except (OSError, ValueError):
        return False


def arm_folders(arms: Sequence[Arm]) -> dict[str, str]:
    """Arm name → name of its folder: plain letters only, since a name may come from a file."""
    folders: dict[str, str] = {}
    for arm in arms:
        plain = "-".join(re.findall(r"[a-z0-9]+", arm.name.lower())) or arm.algorithm
        # MAML with two step sizes has two arms, and "con" is a device on some systems
        plain = arm.algorithm if arm.name.lower().replace("-", "") == arm.algorithm else plain
        plain = plain if plain.startswith(arm.algorithm) else f"{arm.algorithm}-{plain}"
        name, count = plain, 1
        while name in folders.values():
            count += 1
            name = f"{plain}-{count}"
        folders[arm.name] = name
    return folders


def field_text(value: object) -> str:
    """A value as a CSV field; what is not finite is empty."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return repr(value) if isinstance(value, float) else str(value)
