"""Saving of a run without a window: rows and checkpoint of one state, together."""

from __future__ import annotations

import time
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from maml_explorer.core.last_good import LastGood
from maml_explorer.core.plan import Plan, kernels_of
from maml_explorer.core.training import RunState
from maml_explorer.experiments.outcome import ArmMetrics
from maml_explorer.storage.run import folder as files
from maml_explorer.storage.run.checkpoint import ArmResult, Checkpoint, save_checkpoint
from maml_explorer.storage.run.folder import RunFolder

CHECKPOINT_SECONDS = 30.0
"""Seconds between checkpoints at most, for runs whose outer steps take long."""


@dataclass
class SeedRun:
    """One seed in training: the state, and what is not on disk yet."""

    plan: Plan
    state: RunState
    good: LastGood
    diverged: dict[str, str]
    tested: bool = True
    """True if its arms are tested on the held-out tasks."""
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    """Of metrics.csv, not written yet."""
    evaluations: list[tuple[Any, ...]] = field(default_factory=list)
    """Of evaluations.csv, not written yet."""
    changes: list[tuple[Any, ...]] = field(default_factory=list)
    """Of changes.csv, not written yet."""
    history: dict[str, tuple[array[int], array[float], array[float]]] = field(default_factory=dict)
    """By arm name: outer steps, losses before, losses after."""

    def metrics(self) -> dict[str, ArmMetrics]:
        """Losses by arm name, up to the state that is kept."""
        found = {}
        for name, columns in self.history.items():
            # an interrupted run may have taken steps after it
            known = np.array(columns[0], dtype=np.int64) <= self.state.outer_step
            found[name] = ArmMetrics(*(np.array(column)[known] for column in columns))
        return found


class Saver:
    """Writes the rows and the checkpoint of one state, so that either both are there or neither."""

    def __init__(
        self,
        folder: RunFolder | None,
        seeds: tuple[int, ...],
        results: Mapping[int, Mapping[str, ArmResult]],
    ) -> None:
        self.folder, self.seeds, self.results = folder, seeds, results
        self.sizes = folder.file_sizes() if folder else {}
        self.saved = time.monotonic()

    def due(self) -> bool:
        """True if the last save is long ago."""
        return self.folder is not None and time.monotonic() - self.saved > CHECKPOINT_SECONDS

    def __call__(
        self, run: SeedRun, state: RunState, final: Sequence[tuple[Any, ...]] = ()
    ) -> None:
        """Save up to this state, which may be older than the newest.

        Args:
            run: with the rows that are not on disk yet.
            state: to save.
            final: rows of the meta-tests at the end, for evaluations.csv.
        """
        self.saved = time.monotonic()
        if self.folder is None:
            run.rows, run.evaluations, run.changes = [], [], []
            return
        # rows that an interrupted save left behind would be there twice
        self.folder.cut_back(self.sizes)
        done = state.outer_step
        self.folder.append(files.METRICS, [row for row in run.rows if row[0] <= done])
        tested = [row for row in run.evaluations if row[0] <= done]
        self.folder.append(files.EVALUATIONS, [*tested, *final])
        self.folder.append(files.CHANGES, [row for row in run.changes if row[0] <= done])
        self.folder.check()
        sizes = self.folder.file_sizes()
        frozen = {name: run.diverged[name] for name, arm in state.arms.items() if arm.frozen}
        save_checkpoint(
            self.folder.path / files.CHECKPOINT,
            Checkpoint(
                run.plan.settings,
                state,
                self.seeds,
                self.results,
                frozen,
                sizes,
                kernels=kernels_of(run.plan),
                shards=0 if run.plan.shards is None else run.plan.shards.count,
            ),
        )
        self.sizes = sizes
        run.rows = [row for row in run.rows if row[0] > done]
        run.evaluations = [row for row in run.evaluations if row[0] > done]
        run.changes = [row for row in run.changes if row[0] > done]
