"""The two queues between window and worker. No end waits for the other, a drag's 8 ms apart."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from maml_explorer.protocol.commands import OF_SETTINGS, Change, Command, ProbeTask, WatchTasks
from maml_explorer.protocol.images import (
    ClassReferences,
    ImagesProbed,
    ImagesWatched,
    ImageTask,
    WatchImages,
)
from maml_explorer.protocol.insight import Insight, InsightProgress, LookInside
from maml_explorer.protocol.reports import (
    MetaTested,
    Metrics,
    Probed,
    ReferenceLosses,
    Report,
    Status,
    Stepped,
    Watched,
)
from maml_explorer.protocol.streams import StreamProbed, StreamsWatched, StreamTask, WatchStreams

_NEWEST = (
    Status,
    Probed,
    ImagesProbed,
    StreamProbed,
    Watched,
    ImagesWatched,
    StreamsWatched,
    MetaTested,
    ReferenceLosses,
    ClassReferences,
    Stepped,
)
_ANSWERS = (Probed, ImagesProbed, StreamProbed)
"""Answers that the window may wait for a moment."""
_OF_A_KIND = (
    ProbeTask, ImageTask, StreamTask, WatchTasks, WatchImages, WatchStreams, LookInside,
)  # fmt: skip
"""Commands of which only the newest of a kind waits."""
MAX_INSIGHTS = 64
"""Values of views, and their progress, kept for a window that does not collect."""
MAX_EVENTS = 1_000
"""Events (divergences, failures, refusals, exports) kept for a window that does not collect."""
MAX_STEPS = 400_000
"""Outer steps kept in uncollected metrics; beyond, every second one is dropped."""


class Inbox:
    """Commands for the worker. Successive changes coalesce, and so do probes."""

    def __init__(self) -> None:
        self._commands: deque[Command] = deque()
        self._posted = 0
        self._ready = threading.Condition()

    def post(self, command: Command) -> None:
        """Adds a command; an older change directly before it, or an older probe, gives way."""
        with self._ready:
            if isinstance(command, Change):
                if self._commands and isinstance(before := self._commands[-1], Change):
                    self._commands.pop()
                    command = Change(command.settings, command.back | before.back)
            elif isinstance(command, _OF_A_KIND):
                kept = [c for c in self._commands if type(c) is not type(command)]
                self._commands = deque(kept)
            self._commands.append(command)
            self._posted += isinstance(command, OF_SETTINGS)
            self._ready.notify()

    @property
    def gone(self) -> int:
        """Commands of :data:`OF_SETTINGS` that wait no longer: taken, or replaced."""
        with self._ready:
            return self._posted - sum(isinstance(one, OF_SETTINGS) for one in self._commands)

    def take(self) -> Command | None:
        """The oldest command, or None."""
        with self._ready:
            return self._commands.popleft() if self._commands else None

    def take_first(self, kinds: tuple[type, ...]) -> Command | None:
        """The oldest command of these kinds, out of order, or None."""
        with self._ready:
            for command in self._commands:
                if isinstance(command, kinds):
                    self._commands.remove(command)
                    return command
            return None

    def first(self) -> Command | None:
        """The oldest command, which stays, or None."""
        with self._ready:
            return self._commands[0] if self._commands else None

    def holds(self, kinds: tuple[type, ...]) -> bool:
        """True where a command of these kinds waits."""
        with self._ready:
            return any(isinstance(command, kinds) for command in self._commands)

    def __bool__(self) -> bool:
        return bool(self._commands)

    def wait(self, timeout: float | None) -> None:
        """Blocks until a command is there or the time is over."""
        with self._ready:
            if not self._commands:
                self._ready.wait(timeout)


@dataclass(slots=True)
class _Slots:
    newest: dict[type, Report]
    insights: dict[object, Report]
    metrics: list[Metrics]
    events: deque[Report]


class Outbox:
    """Reports for the window, bounded: newest of a kind, metrics joined, events in order."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._slots = _Slots({}, {}, [], deque(maxlen=MAX_EVENTS))
        self.wake: Callable[[], object] | None = None
        """Called in the worker's thread when curves of the task shown are there."""
        self.patience = 1.0
        """Factor by which the window waits longer than usual for live answers."""

    def put(self, report: Report) -> None:
        """Adds a report."""
        with self._lock:
            if isinstance(report, _NEWEST):
                # behind what was reported since the one before: a pause comes after its last piece
                self._slots.newest.pop(type(report), None)
                self._slots.newest[type(report)] = report
            elif isinstance(report, Insight | InsightProgress):
                insights = self._slots.insights
                insights[type(report), report.request] = report
                if len(insights) > MAX_INSIGHTS:
                    del insights[next(iter(insights))]
            elif isinstance(report, Metrics):
                blocks = self._slots.metrics
                blocks.append(report)
                if sum(len(block.outer_step) for block in blocks) > MAX_STEPS:
                    blocks[:] = [_kept(block, slice(None, None, 2)) for block in _joined(blocks)]
            else:
                self._slots.events.append(report)
            answer = isinstance(report, _ANSWERS)
            if answer:
                self._lock.notify_all()
        wake = self.wake
        if answer and wake is not None:
            wake()

    def await_answer(self, seconds: float) -> bool:
        """Blocks until curves of the task shown are there; False where they are not in time."""
        end = time.monotonic() + seconds
        with self._lock:
            while not any(kind in self._slots.newest for kind in _ANSWERS):
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self._lock.wait(left)
            return True

    def cut_metrics(self, outer_step: int) -> None:
        """Drops metrics not collected yet that came after an outer step, after a rewind."""
        with self._lock:
            cut = [_kept(block, block.outer_step <= outer_step) for block in self._slots.metrics]
            self._slots.metrics[:] = [block for block in cut if len(block.outer_step)]

    def waits(self, kind: type) -> bool:
        """True where a report of that kind has not been collected yet."""
        with self._lock:
            return kind in self._slots.newest

    def collect(self) -> list[Report]:
        """Everything since the last call: events, metrics, then the newest of each kind."""
        with self._lock:
            slots = self._slots
            self._slots = _Slots({}, {}, [], deque(maxlen=MAX_EVENTS))
        newest = (*slots.newest.values(), *slots.insights.values())
        return [*slots.events, *_joined(slots.metrics), *newest]


_FIELDS = ("support_before", "query_after", "seconds", "gradient_evaluations")


def _joined(blocks: list[Metrics]) -> list[Metrics]:
    """Neighbouring blocks of the same run and arms as one; the order stays."""
    groups = groupby(blocks, key=lambda block: (block.run, block.arms))
    return [_join(list(group)) for _, group in groups]


def _join(blocks: list[Metrics]) -> Metrics:
    if len(blocks) == 1:
        return blocks[0]
    columns = [np.concatenate([getattr(b, name) for b in blocks], axis=1) for name in _FIELDS]
    steps = np.concatenate([b.outer_step for b in blocks])
    for array in (steps, *columns):
        array.flags.writeable = False
    return Metrics(blocks[0].run, blocks[0].arms, steps, *columns)


def _kept(block: Metrics, which: Any) -> Metrics:
    """The block with some of its steps."""
    columns = [getattr(block, name)[:, which] for name in _FIELDS]
    return Metrics(block.run, block.arms, block.outer_step[which], *columns)
