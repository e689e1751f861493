"""Losses on their way out: kept on the device, read in blocks, checked for divergence."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from maml_explorer.core.divergence import loss_limit, refusal
from maml_explorer.core.plan import Plan
from maml_explorer.core.training import Losses, RunState
from maml_explorer.protocol.reports import Metrics
from maml_explorer.settings.settings import Arm

BLOCK_STEPS = 64


@dataclass(slots=True)
class _MetricsRow:
    """An outer step, or some that were taken in one go."""

    outer_step: int
    """The last of them."""
    losses: dict[str, Losses]
    seconds: dict[str, float]
    """Seconds that each arm took for them."""
    count: int


@dataclass(frozen=True)
class Bad:
    """Reason why an arm counts as diverged."""

    arm: str
    outer_step: int
    loss: float
    why: str = ""
    """Words on why its outer gradient was refused; "" where the loss says all."""


@dataclass(slots=True)
class Totals:
    """Totals of each arm in a run so far, by its name."""

    seconds: dict[str, float] = field(default_factory=dict)
    gradient_evaluations: dict[str, int] = field(default_factory=dict)
    left: dict[Arm, tuple[float, int]] = field(default_factory=dict)
    """By its definition, those of an arm that may come back."""

    def put_aside(self, arm: Arm) -> None:
        """Keeps the totals of an arm that leaves."""
        name = arm.name
        self.left[arm] = self.seconds.get(name, 0.0), self.gradient_evaluations.get(name, 0)

    def take_back(self, arm: Arm) -> None:
        """Goes on with the totals of an arm that comes back, where they are known."""
        if arm in self.left:
            self.seconds[arm.name], self.gradient_evaluations[arm.name] = self.left.pop(arm)

    def forget(self, name: str) -> None:
        """Resets the totals of an arm."""
        self.seconds.pop(name, None)
        self.gradient_evaluations.pop(name, None)


@dataclass(slots=True)
class Recorder:
    """Collects outer steps; `flush` reads them from the device and adds them up in one go.

    So a step in between costs next to nothing.
    """

    rows: list[_MetricsRow] = field(default_factory=list)
    steps: int = 0
    """Outer steps since the last flush."""

    def add(
        self, outer_step: int, losses: dict[str, Losses], seconds: dict[str, float], count: int = 1
    ) -> None:
        """Committed outer steps up to this one, with what each arm took for them."""
        self.rows.append(_MetricsRow(outer_step, losses, seconds, count))
        self.steps += count

    @property
    def full(self) -> bool:
        """True where enough steps were taken to flush."""
        return self.steps >= BLOCK_STEPS

    def flush(
        self, run: int, plan: Plan, state: RunState, totals: Totals
    ) -> tuple[Metrics | None, list[Bad]]:
        """The block since the last flush, and the first bad loss of every arm that diverged.

        Losses that are not finite are NaN in the block; nothing non-finite leaves as a number.

        Args:
            state: after the last of the steps.
            totals: before the first of them; the block is added.
        """
        rows, self.rows, self.steps = self.rows, [], 0
        if not rows:
            return None, []
        names, sizes = tuple(plan.arms), [row.count for row in rows]
        steps = np.concatenate([np.arange(r.outer_step - r.count, r.outer_step) for r in rows]) + 1
        row_of = np.repeat(np.arange(len(rows)), sizes)
        trained = np.array([[name in row.losses for row in rows] for name in names])[:, row_of]
        losses = np.full((2, *trained.shape), np.nan)
        read = [
            torch.cat([row.losses[name].view(row.count, -1) for row in rows if name in row.losses])
            for name, some in zip(names, trained, strict=True)
            if some.any()
        ]
        if read:
            pairs = torch.cat([one[:, :2] for one in read])
            losses[:, trained] = pairs.cpu().double().numpy().T
        support, query = losses
        seconds, counts = np.zeros(trained.shape), np.zeros(trained.shape, dtype=np.int64)
        bad = []
        for index, name in enumerate(names):
            known = totals.seconds.get(name, 0.0)
            # one after the other, as they were taken: a sum of blocks would round differently
            took = np.array([row.seconds.get(name, 0.0) / row.count for row in rows])[row_of]
            seconds[index] = np.cumsum([known, *took])[1:]
            taken = np.cumsum(trained[index])
            if taken[-1]:
                arm, before = plan.arms[name], state.arms[name].outer_step - taken[-1]
                taken = arm.gradient_evaluations(before + taken) - arm.gradient_evaluations(before)
            counts[index] = totals.gradient_evaluations.get(name, 0) + taken
            limit = loss_limit(plan, name)
            fine = (support[index] <= limit) & (query[index] <= limit)  # NaN is not
            wrong = trained[index] & ~fine
            if wrong.any():
                column = int(np.argmax(wrong))
                pair = (support[index, column], query[index, column])
                loss = next(float(v) for v in pair if not v <= limit)
                why = refusal(plan.arms[name], rows[row_of[column]].losses[name])
                bad.append(Bad(name, int(steps[column]), loss, why))
        totals.seconds.update(zip(names, seconds[:, -1].tolist(), strict=True))
        totals.gradient_evaluations.update(zip(names, counts[:, -1].tolist(), strict=True))
        losses[~np.isfinite(losses)] = np.nan
        for array in (steps, support, query, seconds, counts):
            array.flags.writeable = False
        return Metrics(run, names, steps, support, query, seconds, counts), bad
