"""The tasks that the window shows: answered at once when asked, and afresh while training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from maml_explorer.core.plan import Plan
from maml_explorer.core.training import RunState
from maml_explorer.protocol import commands, reports
from maml_explorer.protocol.images import ImagesProbed, ImagesWatched, ImageTask, WatchImages
from maml_explorer.protocol.streams import StreamProbed, StreamsWatched, StreamTask, WatchStreams
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.worker import stream_answers
from maml_explorer.worker.answers import answer_probe, answer_watch
from maml_explorer.worker.files.other_run import OtherRun
from maml_explorer.worker.image_answers import (
    answer_images,
    answer_watched,
    refuse_damaged,
)
from maml_explorer.worker.mailbox import Inbox, Outbox
from maml_explorer.worker.run import Run
from maml_explorer.worker.urgent import unless_urgent

PROBE_SHARE = 1 / 20
"""Part of training time that live probes may take; a user's own probes are answered at once."""
WATCH_SHARE = 1 / 40
"""The same for the watched tasks."""
PROBE_SECONDS = 0.08
"""Shortest wait between live probes: curves drift slowly while training, and drawing them costs
training time."""
WATCH_SECONDS = 0.5
"""The same for the watched tasks: a dozen of small plots."""


Watch = commands.WatchTasks | WatchImages | WatchStreams


@dataclass
class _Turn:
    """Turn of one kind of live answer: no more often than its share of time allows."""

    seconds: float
    """Shortest wait."""
    share: float
    due: float = 0.0
    cost: float = 0.0
    """Seconds that the last answer took."""

    def took(self, begin: float, now: float, patience: float) -> None:
        """Sets the next turn; one answer alone that took long, as a first one may, is no rule."""
        usual, self.cost = min(now - begin, self.cost), now - begin
        self.due = now + max(patience * self.seconds, usual / self.share)


class LiveAnswers:
    """The newest probe, the watched tasks and the run shown beside, with when each is due."""

    def __init__(self, inbox: Inbox, outbox: Outbox, clock: Callable[[], float]) -> None:
        self.inbox, self.outbox, self.clock = inbox, outbox, clock
        self.probe: commands.ShownTask | None = None
        self.watch: Watch | None = None
        self.ghost: OtherRun | None = None
        self.probes = _Turn(PROBE_SECONDS, PROBE_SHARE)
        self.watches = _Turn(WATCH_SECONDS, WATCH_SHARE)

    def take(self, command: commands.ShownTask | Watch, run: Run | None) -> None:
        """Shows other tasks from now on, and answers for them.

        Raises:
            SettingsError: where a point is not a finite number; the task shown is kept.
        """
        if isinstance(command, Watch):
            if _some(command):
                for task in () if isinstance(command, commands.WatchTasks) else command.tasks:
                    _REFUSE[type(task)](task)
                self.watch = command
            elif type(command) is type(self.watch):  # what ends one kind says nothing of the other
                self.watch = None
            self.answer_watch(run)
            return
        _REFUSE[type(command)](command)
        self.probe = command
        self.answer_probe(run)

    def begin(self, run: Run) -> None:
        """Answers for all tasks shown by a new run; what the one before took says nothing of it."""
        self.probes = _Turn(PROBE_SECONDS, PROBE_SHARE)
        self.watches = _Turn(WATCH_SECONDS, WATCH_SHARE)
        self.answer(run)

    def answer(self, run: Run | None) -> None:
        """Answers for all tasks shown, where there are any."""
        self.answer_probe(run)
        self.answer_watch(run)

    def answer_probe(self, run: Run | None) -> None:
        """Answers the newest probe, where there is one."""
        probe, self.probe = self.probe, None  # one that fails must not be tried again
        if probe is not None and run is not None:
            answer = partial(_ANSWER[type(probe)], probe, run, self.ghost)
            found = unless_urgent(self.inbox, run.plan.long_pieces, answer)
            if found is not None:
                self.outbox.put(found)
        self.probe = probe

    def answer_watch(self, run: Run | None) -> None:
        """Answers for the watched tasks, where there are any."""
        watch, self.watch = self.watch, None
        if watch is not None and run is not None and _of_family(watch, run):
            answer = partial(_WATCHED[type(watch)], run.number, run.plan, run.state, watch)
            found = unless_urgent(self.inbox, run.plan.long_pieces, answer)
            if found is not None:
                self.outbox.put(found)
        self.watch = watch

    def due(self, now: float) -> bool:
        """True where a fresh answer may be given while training."""
        return now >= min(self.probes.due, self.watches.due)

    def refresh(self, run: Run) -> None:
        """Fresh answers while training: once the last were collected, within a share of time."""
        begin, patience = self.clock(), self.outbox.patience
        unread = any(map(self.outbox.waits, (reports.Probed, ImagesProbed, StreamProbed)))
        if begin >= self.probes.due and not unread:
            self.answer_probe(run)
            now = self.clock()
            self.probes.took(begin, now, patience)
            begin = now
        unseen = any(map(self.outbox.waits, (reports.Watched, ImagesWatched, StreamsWatched)))
        if begin >= self.watches.due and not unseen:
            self.answer_watch(run)
            self.watches.took(begin, self.clock(), patience)


def _some(watch: Watch) -> bool:
    return bool(watch.support_x.size if isinstance(watch, commands.WatchTasks) else watch.tasks)


def _of_family(watch: Watch, run: Run) -> bool:
    """True where a run learns such tasks."""
    settings = run.settings
    if settings.family.shown_as != _KINDS[type(watch)]:
        return False
    if isinstance(watch, WatchImages):
        return all(task.fits(settings.images.ways) for task in watch.tasks)
    return True


def _curves(probe: commands.ProbeTask, run: Run, ghost: OtherRun | None) -> reports.Probed | None:
    """Curves of every arm; None where the run learns other tasks than curves."""
    settings = run.plan.settings
    if settings.family.shown_as != "curve":
        return None
    found = answer_probe(run.number, run.plan, run.state, probe)
    if ghost is None or ghost.plan.settings.family.shown_as != "curve":
        return found
    return replace(found, ghost=ghost.arms(probe, settings.tasks))


def _images(task: ImageTask, run: Run, ghost: OtherRun | None) -> ImagesProbed | None:
    """Answers of every arm about images; None where the run has no such classes."""
    settings = run.plan.settings
    if not settings.family.images or not task.fits(settings.images.ways):
        return None
    return answer_images(run.number, run.plan, run.state, task)


def _stream(task: StreamTask, run: Run, ghost: OtherRun | None) -> StreamProbed | None:
    """Answers of every arm about a stream; None where the run learns other tasks."""
    if not run.plan.settings.family.stream:
        return None
    return stream_answers.answer_stream(run.number, run.plan, run.state, task)


def _refuse_curves(command: commands.ProbeTask) -> None:
    optional = (
        command.query_x, command.amplitude, command.phase, command.frequency, command.numbers,
    )  # fmt: skip
    given = (command.support_x, command.support_y, *(one for one in optional if one is not None))
    if not all(np.isfinite(values).all() for values in given):
        raise SettingsError("A task's points are finite numbers; the task shown is kept.")


_KINDS: dict[type, str] = {
    commands.WatchTasks: "curve",
    WatchImages: "images",
    WatchStreams: "stream",
}
"""Kind of watched tasks → the kind of families that have such."""
_WATCHED: dict[type, Callable[[int, Plan, RunState, Any], reports.Report]] = {
    commands.WatchTasks: lambda *known: answer_watch(*known),  # looked up at the call
    WatchImages: answer_watched,
    WatchStreams: stream_answers.answer_watched,
}
"""Kind of watched tasks → their answer."""
_REFUSE: dict[type, Callable[[Any], None]] = {
    commands.ProbeTask: _refuse_curves,
    ImageTask: refuse_damaged,
    StreamTask: stream_answers.refuse_damaged,
}
"""Kind of a shown task → what raises `SettingsError` where it is damaged."""
_ANSWER: dict[type, Callable[[Any, Run, OtherRun | None], reports.Report | None]] = {
    commands.ProbeTask: _curves,
    ImageTask: _images,
    StreamTask: _stream,
}
"""Kind of a shown task → its answer for a run; None where that run learns other tasks."""
