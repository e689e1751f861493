"""Successive halving: at each rung the best cells go on, and the others stop where they are.

Who goes on depends on the results alone, never on the order in which runs end, so the same cells
go on for any number of workers, and after any interruption.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol

from maml_explorer.files.opening import is_file
from maml_explorer.files.reader import StorageError, read_json
from maml_explorer.files.writer import write_text
from maml_explorer.storage.sweep.axes import Point
from maml_explorer.storage.sweep.result import PRUNED, read_objective, rung_file
from maml_explorer.storage.sweep.trials import Trial


class Halved(Protocol):
    """Part of a sweep that halving uses."""

    @property
    def halving(self) -> int:
        """Factor by which the cells become fewer at each rung."""

    @property
    def higher(self) -> bool:
        """True if a higher objective is better."""

    def run(self, name: str) -> Path:
        """The run folder of a trial."""

    def decide(self, what: str, **details: Any) -> None:
        """Note a decision."""


def in_rung(sweep: Halved, trials: Iterable[Trial], rung: int) -> list[Trial]:
    """The trials that no earlier rung has stopped, in their order."""
    return [trial for trial in trials if _stopped_at(sweep.run(trial.name)) >= rung]


def prune(sweep: Halved, trials: Sequence[Trial], rung: int) -> None:
    """Stop all cells but the best at a rung; a cell is compared by its mean over seeds.

    A cell of which a seed diverged or failed ranks behind all others; of equal ones the first goes
    on. At a rung that was decided before nothing changes.

    Raises:
        OSError: if a decision cannot be written.
    """
    cells: dict[Point, list[Trial]] = {}
    for trial in trials:
        cells.setdefault(trial.point, []).append(trial)
    ranked = sorted(cells, key=lambda point: _rank(sweep, cells[point], rung))
    best = set(ranked[: -(-len(ranked) // sweep.halving)])
    fresh = False
    for point, runs in cells.items():
        for trial in runs if point not in best else ():
            path = sweep.run(trial.name) / PRUNED
            if not is_file(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                write_text(path, json.dumps({"outer_step": rung}) + "\n")
                fresh = True
    if fresh:
        names = {
            "promoted": [t.name for p, runs in cells.items() if p in best for t in runs],
            "pruned": [t.name for p, runs in cells.items() if p not in best for t in runs],
        }
        sweep.decide("rung", outer_step=rung, **names)


def _rank(sweep: Halved, runs: Sequence[Trial], rung: int) -> float:
    sign = -1 if sweep.higher else 1
    means = [sign * _mean(sweep.run(trial.name), rung) for trial in runs]
    return fmean(means) if all(math.isfinite(mean) for mean in means) else math.inf


def _mean(path: Path, rung: int) -> float:
    """The objective at a rung; infinite where there is none."""
    try:
        found: Mapping[str, Any] = read_objective(path, rung_file(path, rung).name)
    except StorageError:
        return math.inf
    mean = found["mean"]
    if mean is None or found["diverged"] or found["diverged_in_training"]:
        return math.inf
    return float(mean)


def _stopped_at(path: Path) -> float:
    """The rung at which a run was stopped; infinite where it was not."""
    if not is_file(path / PRUNED):
        return math.inf
    step = read_json(path / PRUNED).get("outer_step")
    return step if isinstance(step, int) else 0
