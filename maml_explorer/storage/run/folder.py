"""The run folder: settings, metrics of every outer step, results, checkpoint, initializations.

Metrics are appended as they come; everything else is written whole. No file holds NaN or Infinity:
a figure that is not finite is an empty field, or null.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from maml_explorer.files.csv_text import csv_text, whole_lines
from maml_explorer.files.lock import Held, hold
from maml_explorer.files.opening import check_folder, is_file
from maml_explorer.files.reader import StorageError, read_text
from maml_explorer.files.writer import (
    append_bytes,
    cut_file,
    new_folder,
    recover_folder,
    remove_parts,
    write_text,
)
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Arm, Settings
from maml_explorer.settings.text import from_toml, to_toml
from maml_explorer.storage.kinds import described
from maml_explorer.storage.run.results import RESULT_COLUMNS, result_rows
from maml_explorer.storage.run.users_files import LEFT_BEHIND, keep_others

SETTINGS = "settings.toml"
METRICS = "metrics.csv"
CHANGES = "changes.csv"
EVALUATIONS = "evaluations.csv"
SUMMARY = "summary.json"
RESULTS = "results.csv"
CHECKPOINT = "checkpoint.safetensors"
ADAPTATION_PICTURE = "adaptation.png"
LOSSES_PICTURE = "losses.png"
INSIGHT = "insight.json"
FIGURES = "insight.csv"
GAPS = "gaps.csv"
VIEW = "view.json"
"""View of the window when the run was saved."""
LOCK = ".lock"
"""Present while a process writes the folder; names the process."""

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
    SETTINGS, SUMMARY, RESULTS, CHECKPOINT, ADAPTATION_PICTURE, LOSSES_PICTURE, INSIGHT, FIGURES,
    GAPS, VIEW,
    *COLUMNS,
}  # fmt: skip
OF_A_RUN = _FILES - {SETTINGS, ADAPTATION_PICTURE, LOSSES_PICTURE}
"""Files by which the run in their folder is meant; its settings alone are a preset too."""
_EXPORTED = {"model.safetensors", "config.json", "README.md", "model.pt"}
"""Files of an arm's folder."""


class RunFolder:
    """A run folder being written. Construct it with :func:`create_run` or :func:`open_run`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: Held | None = None
        self._owners = 0

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Holds the right to write the folder; what is written meanwhile is refused to others.

        Raises:
            InUseError: another process holds it, which is named.
            OSError: where nothing can be written there.
        """
        self.take()
        self._owners += 1
        try:
            yield
        finally:
            self._owners -= 1
            if not self._owners and self._held is not None:
                self._held.release()
                self._held = None

    def take(self) -> None:
        """Takes the right to write until :meth:`owned` ends, or this object is gone."""
        if self._held is None:
            self._held = hold(self.path / LOCK)
            remove_parts(self.path)

    def check(self) -> None:
        """Passes where the folder is still this run's, before every write.

        Raises:
            TakenOverError: where another process took it over meanwhile, or it was replaced.
        """
        if self._held is not None:
            self._held.check()

    def append(self, name: str, rows: Iterable[Sequence[object]]) -> None:
        """Append rows to one of the files of COLUMNS and bring them to disk.

        Raises:
            OSError: where the disk is full or the file cannot be written.
        """
        self.append_text(name, csv_text(rows).encode())

    def append_text(self, name: str, text: bytes) -> None:
        """Append lines as they are, for rows that stand in a file of the same columns already.

        Raises:
            OSError: as for :meth:`append`.
        """
        self.check()
        append_bytes(self.path / name, text)

    def file_sizes(self) -> dict[str, int]:
        """The bytes of the appended files now."""
        return {name: (self.path / name).lstat().st_size for name in COLUMNS}

    def cut_back(self, sizes: Mapping[str, int]) -> None:
        """Cut the appended files back to what they were at a checkpoint.

        Raises:
            StorageError: where a file is shorter than it was, or no file of this program.
        """
        self.check()
        for name, columns in COLUMNS.items():
            path = self.path / name
            size = _size_at_checkpoint(path, sizes, columns)
            if not is_file(path) or path.lstat().st_size < size:
                raise StorageError(f"{path} is shorter than at the checkpoint ({size} bytes).")
        for name in COLUMNS:
            cut_file(self.path / name, sizes[name])

    def check_rows(self, sizes: Mapping[str, int]) -> None:
        """Passes where the appended files are, up to a checkpoint, as this program wrote them.

        Raises:
            StorageError: where another program saved one again: its rows have other lengths, and a
                cut would go through one of them.
        """
        for name, columns in COLUMNS.items():
            path = self.path / name
            size = _size_at_checkpoint(path, sizes, columns)
            try:
                whole = whole_lines(path, size, (",".join(columns) + "\n").encode())
            except OSError as error:
                raise StorageError(f"{path} cannot be read: {error.strerror}.") from None
            if not whole:
                raise StorageError(
                    f"{path} was changed by another program since the checkpoint: put the file "
                    "back unchanged, or train again into another folder."
                )

    def clear_rows(self) -> None:
        """Rewrite the appended files, without rows."""
        self.check()
        for name, columns in COLUMNS.items():
            write_text(self.path / name, ",".join(columns) + "\n")

    def write_settings(self, settings: Settings) -> None:
        """Write the settings and arms."""
        self.check()
        write_text(self.path / SETTINGS, to_toml(settings))

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Write the results as JSON, and the final meta-tests as rows.

        Raises:
            ValueError: where a figure is not finite.
        """
        text = json.dumps(summary, indent=2, allow_nan=False) + "\n"
        self.check()
        rows = csv_text([RESULT_COLUMNS, *result_rows(summary)])
        write_text(self.path / RESULTS, rows)
        write_text(self.path / SUMMARY, text)

    def initialization_folder(self, settings: Settings, arm_name: str, seed: int | None) -> Path:
        """Folder of an arm's initialization; with `seed` where the run has several.

        Raises:
            OSError: where a link or a file is there instead of a folder.
        """
        folder = self.path / arm_folders(settings.arms)[arm_name]
        check_folder(folder)
        if seed is None:
            return folder
        check_folder(folder / f"seed-{seed}")
        return folder / f"seed-{seed}"


def _size_at_checkpoint(path: Path, sizes: Mapping[str, int], columns: Sequence[str]) -> int:
    size = sizes.get(path.name, 0)
    if size < len(",".join(columns)) + 1:
        raise StorageError(f"The checkpoint does not say how long {path} was.")
    return size


def create_run(path: Path, settings: Settings) -> RunFolder:
    """A new run folder, with everything that can be written before training; it is held.

    One that was killed before its first checkpoint is begun again.

    Raises:
        StorageError: where something exists there already, or nothing can be written.
    """
    try:
        _refuse_what_is_there(path)
        path.mkdir(parents=True, exist_ok=True)
        folder = RunFolder(path)
        folder.take()
        _refuse_what_is_there(path)  # another process may have begun there meanwhile
        _begin(folder, settings)
    except (OSError, ValueError) as error:
        if isinstance(error, StorageError):
            raise
        reason = getattr(error, "strerror", None) or "the name is not a path"
        raise StorageError(f"{str(path)[:200]!r} cannot be written: {reason}.") from None
    return folder


@contextmanager
def whole_run(path: Path, settings: Settings, *, overwrite: bool = False) -> Iterator[RunFolder]:
    """A run folder to write, which appears at `path` whole when the context ends.

    Where a run folder exists already, that run's files go, and all other files stay.

    Raises:
        StorageError: where something is there, and it is no run or `overwrite` is false; or
            another process writes it.
        OSError: nothing was changed; the same for ValueError.
    """
    recover_folder(path)
    replaced = overwrite and is_run_folder(path)
    if not replaced:
        _refuse_what_is_there(path)
        with new_folder(path) as temporary:
            yield _begin(RunFolder(temporary), settings)
        return
    path = path.resolve()
    own, kept = _own_names(path, settings), set[str]()
    with (
        RunFolder(path).owned(),
        new_folder(path, lambda old, new: keep_others(old, new, own, kept)) as temporary,
    ):
        yield _begin(RunFolder(temporary), settings)


def _begin(folder: RunFolder, settings: Settings) -> RunFolder:
    folder.clear_rows()
    folder.write_settings(settings)
    return folder


def _refuse_what_is_there(path: Path) -> None:
    if path.is_dir() and not _is_hardly_begun(path):
        if is_run_folder(path):
            raise StorageError(
                f"{path} holds a run already: continue it with --resume, or choose another folder."
            )
        raise StorageError(f"{path} is not empty and not a run folder: choose another folder.")
    if (path.is_symlink() or path.exists()) and not path.is_dir():
        raise StorageError(f"{path} is a file: choose another folder.")


def _is_hardly_begun(path: Path) -> bool:
    """True where a folder is empty, or its run was killed before its first checkpoint."""
    for entry in path.iterdir():
        if entry.name == LOCK or LEFT_BEHIND.fullmatch(entry.name):
            continue
        if entry.name not in (SETTINGS, *COLUMNS) or not is_file(entry):
            return False
        columns = COLUMNS.get(entry.name)
        if columns is not None and entry.lstat().st_size > len(",".join(columns)) + 1:
            return False
    return True


def _own_names(path: Path, settings: Settings) -> set[str]:
    """Relative names that a run in this folder, and one of these settings, may have written."""
    arms = [arm_folders(settings.arms)]
    try:
        arms.append(arm_folders(from_toml(read_text(path / SETTINGS)).arms))
    except (StorageError, SettingsError) as error:
        raise StorageError(f"{path} was not replaced: {error}") from None
    folders = {folder for found in arms for folder in found.values()}
    return {
        *_FILES,
        LOCK,
        *(f"{folder}/{name}" for folder in folders for name in _EXPORTED),
    }


def open_run(path: Path) -> tuple[RunFolder, Settings]:
    """An existing run folder, and its settings.

    Raises:
        StorageError: where it is no run folder.
        SettingsError: where a setting in it is not allowed.
    """
    recover_folder(path)
    if not is_run_folder(path):
        what = described(path)
        raise StorageError(
            f"{str(path)[:200]!r} is not a run folder: it "
            + (f"is {what}." if what not in ("", "a folder") else f"has no {SETTINGS}.")
        )
    return RunFolder(path), from_toml(read_text(path / SETTINGS))


def is_run_folder(path: Path) -> bool:
    """True where the folder was written by :func:`create_run`."""
    return is_file(path / SETTINGS) and is_file(path / METRICS)


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
