"""The meta-test beside training: in pieces, on an older state, within a budget of time."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Generator, Mapping
from itertools import combinations

import torch
from torch import Tensor

from maml_explorer.core.families.record import HeldOut
from maml_explorer.core.meta_test import (
    TestRecord,
    chunk_size,
    held_out_figures,
    meta_test,
    summarize,
)
from maml_explorer.core.paired_difference import paired_difference
from maml_explorer.core.plan import Plan
from maml_explorer.core.probing import compiled_outputs
from maml_explorer.core.replay.interruption import Interrupted, Look, interruptible
from maml_explorer.core.tested_steps import test_step_sizes
from maml_explorer.core.training import RunState
from maml_explorer.protocol.arm_gap import ArmGap
from maml_explorer.protocol.reports import ArmTest, HeldOutTasks, MetaTested
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.trained_steps import trained_steps
from maml_explorer.worker.answers import frozen_array
from maml_explorer.worker.bayes_error import Key, Line, bayes_line, key_of

SHARE, IMAGE_SHARE = 0.04, 0.05
"""Part of training time the meta-test may take; of images, which take longer to adapt to, more."""
FIRST_SHARE = 0.25
"""The same until the first result of a trained state, or after a change: users wait for it. What
that took beyond its share is made up for afterwards."""

FIRST_TASKS = 60
"""Tasks of the first estimate, at least: within seconds on a slow machine too."""
_NEWS, _PASSED = 2, 4
"""Times the outer steps of the newest test from which on there is an estimate before the next;
and those from which on a test that has given its estimate is dropped for a later state."""
MOST_SHOWN = 1000
"""Tasks that are reported one by one, at most: 100 KB an arm."""
_MOST_LINES = 20
IMAGE_TASKS = 100
"""Most tasks of unseen classes, and of seen ones, while a run goes on: one of images takes as long
as many of curves."""


class MetaTests:
    """One meta-test after another; each looks at the state at which it began."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.lines: dict[Key, Line] = {}
        """Computed once for tasks, shots and seed."""
        self.cancel()

    def cancel(self) -> None:
        """Forgets the meta-test in progress; none begins until `begin`."""
        self.work: Generator[int | MetaTested, None, MetaTested] | None = None
        self.subject: RunState | None = None
        self.tested: RunState | None = None
        self.estimated: RunState | None = None
        """The state on which the newest first estimate was made."""
        self.enabled = False
        self.since = self.clock()
        self.spent = 0.0
        """Seconds beside training since then."""
        self.next_piece = 0.0

    def begin(self) -> None:
        """A new meta-test is due: the run or its settings are new."""
        self.cancel()
        self.enabled = True

    def revive(self) -> None:
        """Begins again where a failure ended it."""
        if not self.enabled:
            self.begin()

    def due(self, state: RunState, paused: bool) -> bool:
        """True where a piece of work may be done now."""
        if not self.enabled:
            return False
        if paused:  # nothing else to do: finish, unless this very state has been tested
            return self.work is not None or self.tested is not state
        return self.clock() >= self.next_piece

    def advance(
        self,
        run: int,
        plan: Plan,
        state: RunState,
        look: Look | None = None,
        *,
        paused: bool = False,
    ) -> MetaTested | None:
        """One piece; a report where it was the last one, or gave a first estimate.

        Where `look` ends the piece, the meta-test starts again the next time. One that looks at an
        older state gives way to one of this state where training is paused, or where it has given
        its first estimate and training has taken four times its steps: the state of the first
        steps is worth no second look. So does one with parameters that an arm has lost since.
        """
        begin = self.clock()
        if any(_set_back(seen, state) for seen in (self.subject, self.tested, self.estimated)):
            self.work = self.subject = self.tested = self.estimated = None
        passed = self.estimated is self.subject and _is_news(state, self.subject, _PASSED)
        if self.subject is not state and (paused or passed):
            self.work = None
        if self.work is None:
            self.subject = state
            news = all(_is_news(state, seen) for seen in (self.tested, self.estimated))
            self.work = meta_test_all(run, plan, state, self.lines, estimate=news)
        found: MetaTested | None = None
        try:
            with interruptible(look):
                piece = next(self.work)
            if isinstance(piece, MetaTested):
                found, self.estimated = piece, self.subject
        except StopIteration as end:
            found = end.value
            self.work, self.tested = None, self.subject
        except Interrupted:
            self.work = None
        now = self.clock()
        usual = IMAGE_SHARE if plan.settings.family.images else SHARE
        share = FIRST_SHARE if self._awaited else usual
        self.next_piece = now + (now - begin) * (1 / share - 1)
        self.spent += 0.0 if paused else now - begin
        if not self._awaited:
            self.next_piece = max(self.next_piece, self.since + self.spent / usual)
        return found

    @property
    def _awaited(self) -> bool:
        """True until a trained state was measured, be it on a few tasks."""
        seen = (self.tested, self.estimated)
        return all(state is None or state.outer_step == 0 for state in seen)


def _is_news(state: RunState, seen: RunState | None, times: int = _NEWS) -> bool:
    """True where `state` has taken so many times the steps of one that was seen, or none was."""
    return seen is None or state.outer_step >= times * seen.outer_step


def _set_back(seen: RunState | None, state: RunState) -> bool:
    """True where an arm diverged and is at a state before the one that was seen."""
    return seen is not None and any(
        arm.frozen and name in seen.arms and seen.arms[name].outer_step > arm.outer_step
        for name, arm in state.arms.items()
    )


def meta_test_all(
    run: int, plan: Plan, state: RunState, lines: dict[Key, Line], *, estimate: bool
) -> Generator[int | MetaTested, None, MetaTested]:
    """The report on all declared tasks, and before it one on the first of them if `estimate`."""
    settings = plan.settings
    count, steps = settings.run.test_tasks, settings.run.test_steps
    if settings.family.images:
        count = min(count, IMAGE_TASKS)
    held: dict[torch.dtype, HeldOut] = {}
    figures: dict[str, Tensor] = {}
    chunk = chunk_size(plan.model, steps)
    few = chunk * math.ceil(FIRST_TASKS / chunk)
    ends = (few, count) if estimate and count >= 2 * few else (count,)
    begin = 0
    for end in ends:
        for name, arm in state.arms.items():
            theta = arm.initialization
            if theta.dtype not in held:
                held[theta.dtype] = plan.family.held_out(
                    settings, count, settings.inner.shots, plan.family.watched, theta.dtype
                )
            start, sizes = test_step_sizes(plan, name, theta)
            part = yield from held_out_figures(
                plan.model, theta, start, sizes, held[theta.dtype],
                steps=steps, task_count=end, first=begin,
                outputs=compiled_outputs(plan, name, theta, steps),
            )  # fmt: skip
            figures[name] = torch.cat([figures[name], part], 1) if name in figures else part
        begin = end
        if end < count:
            yield _report(run, plan, state, figures, held, None, count)
    seen, neighbour = {}, None
    if plan.family.seen:
        for name, arm in state.arms.items():
            record, _ = yield from meta_test(
                plan, name, arm.initialization, task_count=count, stream_name=plan.family.seen
            )
            seen[name] = _read(record)
        neighbour = plan.family.references(_tasks_alone(settings))[-1].figure
    key, floor = key_of(settings), None
    if settings.tasks.noise > 0 and settings.tasks.family == "sine":
        if key not in lines:
            lines[key] = yield from bayes_line(settings)
            while len(lines) > _MOST_LINES:
                del lines[next(iter(lines))]
        floor = lines[key]
    whole = _report(run, plan, state, figures, held, floor, count)
    return dataclasses.replace(whole, seen=seen, neighbour=neighbour)


def _report(
    run: int,
    plan: Plan,
    state: RunState,
    figures: dict[str, Tensor],
    held: dict[torch.dtype, HeldOut],
    floor: Line | None,
    count: int,
) -> MetaTested:
    settings = plan.settings
    arms = {name: _read(summarize(errors, settings)) for name, errors in figures.items()}
    tasks = min((errors.shape[1] for errors in figures.values()), default=0)
    return MetaTested(
        run,
        state.outer_step,
        settings.inner.shots,
        tasks,
        arms,
        floor,
        settings.tasks,
        declared=count if tasks < count else None,
        held_out=_one_by_one(plan, figures, held, tasks),
        gaps=arm_gaps(settings, figures),
        arm_steps={name: arm.outer_step for name, arm in state.arms.items()},
    )


def arm_gaps(settings: Settings, figures: Mapping[str, Tensor]) -> tuple[ArmGap, ...]:
    """Paired differences of every two arms, each after the inner steps of its training.

    Args:
        settings: of the run.
        figures: arm → query figures [inner step, task] on the same tasks.
    """
    rows = {}
    for arm in settings.arms:
        if arm.name in figures:
            step = min(trained_steps(settings, arm), len(figures[arm.name]) - 1)
            rows[arm.name] = step, figures[arm.name][step : step + 1]
    gaps = []
    for against, arm_name in combinations(rows, 2):
        (before, base), (step, one) = rows[against], rows[arm_name]
        gap = paired_difference(one, base, settings)
        gaps.append(
            ArmGap(
                arm_name,
                against,
                (step, before),
                gap.mean[0],
                gap.ci95[0],
                gap.better[0],
                gap.kept[0],
                one.shape[1],
            )
        )
    return tuple(gaps)


def _one_by_one(
    plan: Plan, figures: dict[str, Tensor], held: dict[torch.dtype, HeldOut], tasks: int
) -> HeldOutTasks | None:
    if plan.settings.family.shown_as != "curve" or not held or tasks > MOST_SHOWN:
        return None
    batch = next(iter(held.values())).batch()
    return HeldOutTasks(
        frozen_array(batch.tasks[:tasks]),
        frozen_array(batch.support.x[:tasks, :, 0]),
        frozen_array(batch.support.y[:tasks, :, 0]),
        {name: frozen_array(errors) for name, errors in figures.items()},
    )


def _tasks_alone(settings: Settings) -> Settings:
    """The settings that tasks depend on; those that share them share their references."""
    shots, seed = settings.inner.shots, settings.run.seed
    usual = Settings().with_values({"shots": shots, "query_points": 1, "seed": seed})
    return dataclasses.replace(usual, tasks=settings.tasks, images=settings.images)


def _read(record: TestRecord) -> ArmTest:
    return ArmTest(record.mean, record.ci95, record.mean_kept, record.median, record.diverged)
