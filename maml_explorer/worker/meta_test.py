"""The meta-test beside training: in pieces, on an older state, within a budget of time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator
from typing import Any

from maml_explorer.core.meta_test import TestRecord, meta_test
from maml_explorer.core.plan import Plan
from maml_explorer.core.replay.interruption import Interrupted, Look, interruptible
from maml_explorer.core.training import RunState
from maml_explorer.protocol.reports import ArmTest, MetaTested
from maml_explorer.settings.settings import Settings
from maml_explorer.worker.bayes_error import Key, Line, bayes_line, key_of

SHARE = 0.05
"""Part of training time the meta-test may take."""
FIRST_SHARE = 0.25
"""The same until the first result of a trained state, or after a change: users wait for it."""

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
        self.work: Generator[Any, None, MetaTested] | None = None
        self.subject: RunState | None = None
        self.tested: RunState | None = None
        self.enabled = False
        self.spent = 0.0
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
        self, run: int, plan: Plan, state: RunState, look: Look | None = None
    ) -> MetaTested | None:
        """One piece; the report where it was the last one.

        Where `look` ends the piece, the meta-test starts again the next time.
        """
        begin = self.clock()
        if self.work is None:
            self.subject = state
            self.work = _meta_test_all(run, plan, state, self.lines)
        found: MetaTested | None = None
        try:
            with interruptible(look):
                next(self.work)
        except StopIteration as end:
            found = end.value
            self.work, self.tested = None, self.subject
        except Interrupted:
            self.work = None
        now = self.clock()
        waited_for = self.tested is None or self.tested.outer_step == 0
        share = FIRST_SHARE if waited_for else SHARE
        self.next_piece = now + (now - begin) * (1 / share - 1)
        return found


def _meta_test_all(
    run: int, plan: Plan, state: RunState, lines: dict[Key, Line]
) -> Generator[int, None, MetaTested]:
    arms, settings = {}, plan.settings
    count = settings.run.test_tasks
    if settings.family.images:
        count = min(count, IMAGE_TASKS)
    for name, arm in state.arms.items():
        record, _ = yield from meta_test(
            plan, name, arm.initialization, task_count=count, stream_name=plan.family.watched
        )
        arms[name] = _read(record)
    seen, neighbour = {}, None
    if plan.family.seen:
        for name, arm in state.arms.items():
            record, _ = yield from meta_test(
                plan, name, arm.initialization, task_count=count, stream_name=plan.family.seen
            )
            seen[name] = _read(record)
        neighbour = plan.family.references(_tasks_alone(settings))[-1].figure
    key, floor = key_of(settings), None
    if settings.tasks.noise > 0 and not settings.family.images:
        if key not in lines:
            lines[key] = yield from bayes_line(settings)
            while len(lines) > _MOST_LINES:
                del lines[next(iter(lines))]
        floor = lines[key]
    return MetaTested(
        run,
        state.outer_step,
        settings.inner.shots,
        count,
        arms,
        floor,
        settings.tasks,
        seen,
        neighbour,
    )


def _tasks_alone(settings: Settings) -> Settings:
    """The settings that tasks depend on; those that share them share their references."""
    shots, seed = settings.inner.shots, settings.run.seed
    usual = Settings().with_values({"shots": shots, "query_points": 1, "seed": seed})
    return dataclasses.replace(usual, tasks=settings.tasks, images=settings.images)


def _read(record: TestRecord) -> ArmTest:
    return ArmTest(record.mean, record.ci95, record.mean_kept, record.median, record.diverged)
