"""The stream of functions that is shown, and what every arm makes of it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np
from PySide6.QtCore import QObject, Signal

from maml_explorer.gui.session.settings_editor import SettingsEditor
from maml_explorer.gui.session.undo import TaskEdit
from maml_explorer.gui.session.worker_link import WorkerLink
from maml_explorer.protocol.streams import StreamProbed, StreamsWatched, StreamTask, WatchStreams


class ShownStreams(QObject):
    """One stream, sampled by a seed; another one is an undo step."""

    task_changed = Signal(object)
    probed_arrived = Signal(object)
    watched = Signal(object)
    """Answers of every arm to further streams: `StreamsWatched`."""

    def __init__(self, link: WorkerLink, editor: SettingsEditor) -> None:
        super().__init__(link.parent())
        self._link, self._editor = link, editor
        self.task: StreamTask | None = None
        self.probed: StreamProbed | None = None
        """The newest answer to the stream that is shown; None before the first."""
        link.run_started.connect(self._forget)
        link.run_left.connect(self._forget)
        link.subscribe(StreamProbed, self._take_probed)
        link.subscribe(StreamsWatched, self.watched.emit)

    @cached_property
    def _random(self) -> np.random.Generator:
        # made with the first stream: NumPy loads its generators when they are first named
        return np.random.default_rng(0)

    def begin(self) -> None:
        """Shows a stream of the settings in force, and asks about it."""
        self._put(self._sampled() if self.task is None else StreamTask(self.task.seed))

    def new_task(self) -> None:
        """Samples another stream."""
        self.edit(self._sampled(), "New stream")

    def edit(self, task: StreamTask, text: str = "Show stream") -> None:
        """Shows another stream from now on, as one undo step."""
        if task != self.task:
            self._editor.undo_stack.push(TaskEdit(self.show, self.task or task, task, text))

    def watch(self, tasks: Iterable[StreamTask]) -> None:
        """Asks about further streams, now and while training; none ends it."""
        self._link.post(WatchStreams(tuple(tasks)))

    def show(self, task: StreamTask) -> None:
        """Shows another stream from now on, without an undo step."""
        if task != self.task:
            self._put(task)

    def _put(self, task: StreamTask) -> None:
        self.task = task
        self._link.ask(task)
        self.task_changed.emit(task)

    def _sampled(self) -> StreamTask:
        return StreamTask(int(self._random.integers(2**31)))

    def _forget(self) -> None:
        self.probed = None

    def _take_probed(self, probed: StreamProbed) -> None:
        if probed.probe is self.task and not self._link.left:
            self._link.answered()
            self.probed = probed
            self.probed_arrived.emit(probed)


def last_step(probed: StreamProbed) -> int:
    """Batches of the whole stream, each of which is an inner step."""
    return len(probed.truth) * probed.batches


def functions_learned(probed: StreamProbed, step: int) -> int:
    """Functions whose batches have all arrived after an inner step."""
    return min(step // probed.batches, len(probed.truth))


def error_so_far(probed: StreamProbed, arm: str, step: int) -> float:
    """Mean error on the functions learned so far; on the first while it arrives."""
    error = probed.arms[arm].error
    learned = max(1, functions_learned(probed, step))
    return float(error[min(step, len(error) - 1), :learned].mean())
