"""Pinned runs on disk, so that they are there at the next start.

A folder each, in which the worker has written settings and state; beside them `pin.json` with what
the window knows of the run: name, outer step, figures, and its losses in few bins.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, SignalInstance

from maml_explorer.files.opening import is_file
from maml_explorer.files.reader import NewerError, StorageError, check_schema, read_json
from maml_explorer.files.set_aside import set_aside
from maml_explorer.files.writer import write_text
from maml_explorer.gui.session.loss_history import INNER_LOSS, OUTER_LOSS, LossHistory
from maml_explorer.gui.session.loss_traces import LossTrace
from maml_explorer.gui.session.moving_averages import SMOOTHINGS, Array
from maml_explorer.gui.session.pinned_run import MOST, MOST_BINS, Figures, PinnedRun
from maml_explorer.gui.session.pins import Pins
from maml_explorer.protocol.reports import Exported, Written
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.text import from_toml, to_toml

SCHEMA = 1
_FILE = "pin.json"
_LIMIT = 4 * 1024 * 1024
_ROWS = 3 + 3 + len(SMOOTHINGS)
"""Of a trace: x on three axes; smallest, mean and largest value; the averages."""
_BEYOND = 1e300
"""Smaller are the numbers of a run; sums of them are numbers too."""


class PinsOnDisk(QObject):
    """Keeps pinned runs in `place`.

    Args:
        exported: emitted with the report of each folder that the worker has written.
        note: takes a sentence about what could not be written.
    """

    def __init__(
        self, pins: Pins, place: Path, exported: SignalInstance, note: Callable[[str], None]
    ) -> None:
        super().__init__(pins)
        self._pins, self._note = pins, note
        self._written: dict[str, dict[str, Any]] = {}
        """Folder → what its file says."""
        pins.place = place
        found, refused = read_pins(place)
        self.refused = [_refusal(path, error) for path, error in refused]
        self._known = {run.folder for run in found}
        pins.take(found)
        pins.changed.connect(self._look)
        exported.connect(self._exported)

    def _exported(self, report: Exported) -> None:
        if report.what == Written.PIN:
            self._look()

    def _look(self) -> None:
        """Writes what is new of the runs that have a folder."""
        for run in self._pins.runs:
            self._known.add(run.folder)
            if run.folder and Path(run.folder).is_dir():
                content = to_json(run)
                if self._written.get(run.folder) != content:
                    self._written[run.folder] = content
                    try:
                        write_text(Path(run.folder) / _FILE, json.dumps(content))
                    except OSError as error:
                        self._note(
                            f"{run.name} is pinned until the window is closed: it could not be "
                            f"written, {error.strerror}."
                        )

    def close(self) -> None:
        """Deletes the folders of runs that were deleted: undo cannot bring them back any more."""
        kept = {run.folder for run in self._pins.runs}
        for folder in self._known - kept:
            if folder:
                shutil.rmtree(folder, ignore_errors=True)


def to_json(run: PinnedRun) -> dict[str, Any]:
    """Record of a pinned run that is stored; its losses with five digits."""
    losses = {} if run.losses is None else run.losses.traces
    arms = {arm.name for arm in run.settings.arms}
    return {
        "schema": SCHEMA,
        "name": run.name,
        "settings": to_toml(run.settings),
        "outer_step": run.outer_step,
        "arm_steps": dict(run.arm_steps),
        "changed": list(run.changed),
        "figures": {
            arm: [None if value is None or not _fits(value) else value for value in values]
            for arm, values in run.figures.items()
        },
        "losses": [
            {"arm": arm, "loss": loss, "rows": [_numbers(row) for row in trace.rows()]}
            for (arm, loss), trace in losses.items()
            if arm in arms  # a late report may name one that left
        ],
    }


def read_pins(place: Path) -> tuple[list[PinnedRun], list[tuple[Path, Exception]]]:
    """(runs that are pinned in `place`, the oldest first; folder and error of each refused one)."""
    found: list[PinnedRun] = []
    refused: list[tuple[Path, Exception]] = []
    try:
        paths = sorted(
            path for path in place.iterdir() if not path.is_symlink() and is_file(path / _FILE)
        )
    except OSError:
        return [], []
    for path in paths[-MOST:]:
        try:
            found.append(_read(path))
        except (SettingsError, StorageError, OSError) as error:
            refused.append((path, error))
    return found, refused


def _refusal(path: Path, error: Exception) -> str:
    """Words on a folder that was not read; what no version can read is put aside, and said once."""
    words = f"The pinned run in {path.name} was not read: {error}"
    if isinstance(error, StorageError) and not isinstance(error, NewerError):
        with suppress(OSError):
            words += f" It was kept as {set_aside(path / _FILE).name}."
    return words


def _read(path: Path) -> PinnedRun:
    data = read_json(path / _FILE, _LIMIT)
    damaged = StorageError(f"{_FILE} is not as this program writes it.")
    check_schema(data.get("schema"), SCHEMA, _FILE)
    name, step, text = data.get("name"), data.get("outer_step", -1), data.get("settings")
    if not isinstance(name, str) or not 0 < len(name) <= 60 or not isinstance(text, str):
        raise damaged
    arm_steps = data.get("arm_steps", {})  # not in those of earlier versions
    if not isinstance(arm_steps, dict) or not all(map(_is_step, (step, *arm_steps.values()))):
        raise damaged
    changed = data.get("changed", [])  # the same
    if not isinstance(changed, list) or not all(isinstance(key, str) for key in changed):
        raise damaged
    figures = data.get("figures")
    if not isinstance(figures, dict) or not all(map(_is_figures, figures.values())):
        raise damaged
    settings = from_toml(text)
    losses = _losses(data.get("losses"), {arm.name for arm in settings.arms}, damaged)
    known: Figures = {arm: tuple(values) for arm, values in figures.items()}
    keys = tuple(key for key in dict.fromkeys(changed) if key in DECLARATIONS or key == "arms")
    return PinnedRun(name, settings, step, known, 0, str(path), losses, arm_steps, keys)


def _losses(found: Any, arms: set[str], damaged: StorageError) -> LossHistory:
    if not isinstance(found, list) or len(found) > 64:
        raise damaged
    traces: dict[tuple[str, str], LossTrace] = {}
    for entry in found:
        if not isinstance(entry, dict) or not isinstance(arm := entry.get("arm"), str):
            raise damaged
        if arm not in arms:
            continue  # earlier versions wrote those of arms that had left
        rows, loss = entry.get("rows"), entry.get("loss")
        if loss not in (OUTER_LOSS, INNER_LOSS) or not isinstance(rows, list):
            raise damaged
        if len(rows) != _ROWS or not all(_is_figures(row, MOST_BINS) for row in rows):
            raise damaged
        if len({len(row) for row in rows}) != 1:
            raise damaged
        table = np.array([[np.nan if v is None else v for v in row] for row in rows], dtype=float)
        if not np.isfinite(table[:3]).all() or (np.diff(table[:3]) < 0).any():
            raise damaged
        traces[arm, loss] = LossTrace.of_rows(table)
    return LossHistory.of(traces)


def _is_step(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _numbers(row: Array) -> list[float | None]:
    return [float(f"{value:.5g}") if _fits(value) else None for value in row.tolist()]


def _fits(value: float) -> bool:
    """True for a number that is read back; one that is not stands for what diverged."""
    return math.isfinite(value) and abs(value) < _BEYOND


def _is_figures(values: Any, most: int = 1000) -> bool:
    return (
        isinstance(values, list)
        and len(values) <= most
        and all(
            value is None
            or (
                isinstance(value, int | float)
                and not isinstance(value, bool)
                and abs(value) < _BEYOND
            )
            for value in values
        )
    )
