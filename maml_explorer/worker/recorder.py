"""Losses on their way out: kept on the device, read in blocks, checked for divergence."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from maml_explorer.core.divergence import loss_limit
from maml_explorer.core.plan import Plan
from maml_explorer.core.training import Losses
from maml_explorer.worker.messages import Metrics

BLOCK_STEPS = 64


@dataclass(slots=True)
class _Row:
    outer_step: int
    losses: dict[str, Losses]
    seconds: dict[str, float]
    gradient_evaluations: dict[str, int]


@dataclass(frozen=True)
class Bad:
    """What made an arm count as diverged."""

    arm: str
    outer_step: int
    loss: float


@dataclass(slots=True)
class Recorder:
    """Collects outer steps; `flush` reads them from the device in one go."""

    rows: list[_Row] = field(default_factory=list)

    def add(
        self,
        outer_step: int,
        losses: dict[str, Losses],
        seconds: dict[str, float],
        gradient_evaluations: dict[str, int],
    ) -> None:
        """One committed outer step, with each arm's totals so far."""
        self.rows.append(_Row(outer_step, losses, dict(seconds), dict(gradient_evaluations)))

    @property
    def full(self) -> bool:
        """Whether it is time to flush by number of steps."""
        return len(self.rows) >= BLOCK_STEPS

    def flush(self, run: int, plan: Plan) -> tuple[Metrics | None, list[Bad]]:
        """The block since the last flush, and the first bad loss of every arm that diverged.

        Losses that are not finite are NaN in the block; nothing non-finite leaves as a number.
        """
        rows, self.rows = self.rows, []
        if not rows:
            return None, []
        names = tuple(plan.arms)
        shape = (len(names), len(rows))
        support, query = np.full(shape, np.nan), np.full(shape, np.nan)
        seconds, counts = np.zeros(shape), np.zeros(shape, dtype=np.int64)
        read = [row.losses[name] for row in rows for name in names if name in row.losses]
        values = iter(torch.stack(read).double().tolist() if read else ())
        for column, row in enumerate(rows):
            for index, name in enumerate(names):
                seconds[index, column] = row.seconds.get(name, 0.0)
                counts[index, column] = row.gradient_evaluations.get(name, 0)
                if name in row.losses:
                    support[index, column], query[index, column] = next(values)
        bad = []
        for index, name in enumerate(names):
            trained = np.array([name in row.losses for row in rows])
            limit = loss_limit(plan, name)
            fine = (support[index] <= limit) & (query[index] <= limit)  # NaN is not
            wrong = trained & ~fine
            if wrong.any():
                column = int(np.argmax(wrong))
                pair = (support[index, column], query[index, column])
                loss = next(float(v) for v in pair if not v <= limit)
                bad.append(Bad(name, rows[column].outer_step, loss))
        for one in (support, query):
            one[~np.isfinite(one)] = np.nan
        steps = np.array([row.outer_step for row in rows], dtype=np.int64)
        for array in (steps, support, query, seconds, counts):
            array.flags.writeable = False
        return Metrics(run, names, steps, support, query, seconds, counts), bad
