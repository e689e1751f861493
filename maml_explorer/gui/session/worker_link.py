"""Commands to the worker, and its reports from there: the window's one way to it and back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from PySide6.QtCore import QObject, Qt, Signal

from maml_explorer.gui.session.pace import Pace
from maml_explorer.protocol import commands
from maml_explorer.protocol import reports as m

Kind = TypeVar("Kind")
ANSWER_SECONDS = 0.008
"""Longest wait for the answer to a mouse move: with it the move is painted once, not twice."""


class WorkerThread(Protocol):
    """The part of the worker's handle that the window uses."""

    @property
    def alive(self) -> bool:
        """True while the thread runs."""

    def start(self) -> None:
        """Starts the thread."""

    def post(self, command: commands.Command) -> None:
        """Hands over a command; never blocks."""

    def collect(self, patience: float = 1.0) -> list[m.Report]:
        """Reports since the last call; never blocks.

        Args:
            patience: how many times longer than usual the live answers may now take to come.
        """

    def on_answer(self, wake: Callable[[], object] | None) -> None:
        """Has `wake` called, in the worker's thread, when curves of the task shown are there."""

    def await_answer(self, seconds: float) -> bool:
        """Blocks until curves of the task shown are there; False where they are not in time."""

    def close(self, timeout: float = 5.0) -> bool:
        """Ends the thread; False where it did not end in time."""


class WorkerLink(QObject):
    """Posts commands and hands on reports of the newest run.

    A part of the session subscribes to the types of report it takes up. Its subscription is served
    before the signal of that report, so that whoever hears the signal finds the session up to date.
    All signals are emitted on the GUI thread, from the pull timer or where an answer was awaited.
    """

    run_started = Signal(int)
    run_left = Signal()
    """Another run was asked for that may take long: what is known of the one before is dropped."""
    status_changed = Signal(object)
    metrics_arrived = Signal(object)
    stepped = Signal(object)
    rewound = Signal(object)
    """The run went back to an earlier outer step: `Rewound`."""
    diverged = Signal(object)
    failed = Signal(object)
    refused = Signal(object)
    noted = Signal(object)
    exported = Signal(object)
    _answer_is_there = Signal()
    """From the worker's thread; what hears it runs in this one."""

    def __init__(self, worker: WorkerThread, parent: QObject) -> None:
        super().__init__(parent)
        self.worker = worker
        self.status: m.Status | None = None
        self.last_part: m.Stepped | None = None
        """The part of the outer step in progress that was reported last; None where none is."""
        self.run = 0
        self.expected_run = 0
        """The number of the run there will be once the worker has taken up what was posted."""
        self.beginning = False
        """True from the command that begins a run until that run is reported."""
        self._left = False
        self.settings_posted = 0
        """Commands of `OF_SETTINGS` posted so far."""
        self.pace = Pace(self.pull, self)
        self._awaiting = False
        """True from a question about the task shown until its answer."""
        self._answer_is_there.connect(self._pull_answer, Qt.ConnectionType.QueuedConnection)
        worker.on_answer(self._wake)
        self._ended = False
        self._subscribers: dict[type, list[Callable[[Any], None]]] = {}
        self._announce: dict[type, Callable[[Any], None]] = {
            m.Status: self._take_status,
            m.Metrics: self.metrics_arrived.emit,
            m.Stepped: self._take_stepped,
            m.Rewound: self.rewound.emit,
            m.Diverged: self.diverged.emit,
            m.Failed: self.failed.emit,
            m.Refused: self.refused.emit,
            m.Noted: self.noted.emit,
            m.Exported: self.exported.emit,
        }

    def subscribe(self, kind: type[Kind], take: Callable[[Kind], None]) -> None:
        """Has `take` called with each report of a type; for what lives as long as the session."""
        self._subscribers.setdefault(kind, []).append(take)

    @property
    def phase(self) -> m.Phase:
        """The worker's activity when it last reported."""
        return m.Phase.LOADING if self.status is None else self.status.phase

    @property
    def running(self) -> bool:
        """True while it trains."""
        return self.phase is m.Phase.RUNNING

    @property
    def left(self) -> bool:
        """True from where a run was left until another one is reported, or refused."""
        return self._left and self.beginning

    def start(self) -> None:
        """Starts the thread."""
        self.worker.start()

    def close(self) -> bool:
        """Stops timer and thread; False where the thread did not end in time."""
        self.pace.stop()
        self.worker.on_answer(None)
        self._ended = True
        return self.worker.close()

    def post(self, command: commands.Command) -> None:
        """Hands a command to the worker, and looks for the answer soon."""
        self.settings_posted += isinstance(command, commands.OF_SETTINGS)
        self.worker.post(command)
        self.pace.hurry()

    def ask(self, command: commands.Command) -> None:
        """Posts a question about the task shown: its answer is taken up as soon as it is there."""
        self._awaiting = True
        self.post(command)

    def answered(self) -> None:
        """Notes that the newest question is answered."""
        self._awaiting = False
        self.pace.hurry()

    def await_answer(self) -> None:
        """Waits for the answer for a moment, so that what it changes is painted with the rest."""
        end = time.monotonic() + ANSWER_SECONDS
        while self._awaiting and self.worker.await_answer(end - time.monotonic()):
            self.pull()  # one that came is not always the one to the newest question

    def begin(self, command: commands.Command) -> None:
        """Hands over a command that begins a run or brings one back."""
        self._left, self.beginning = self.left, True
        self.expected_run += 1
        self.post(command)

    def leave_run(self) -> None:
        """Drops what is known of the run there is; the one that was asked for may take long."""
        self._left = True
        self.run_left.emit()

    def agreed(self, run: int) -> None:
        """Notes that the worker has taken up everything posted and has this run."""
        self.expected_run, self.beginning = run, False

    def pull(self) -> None:
        """Hands on what the worker reported; drops what is of an older run."""
        reports = self.worker.collect(self.pace.patience)
        newest = max((getattr(report, "run", self.run) for report in reports), default=self.run)
        if newest > self.run:
            self.begin_report(newest)
        for report in reports:
            if getattr(report, "run", self.run) == self.run:
                self._hand_on(report)
        if not self._ended and not self.worker.alive and self.status is not None:
            self._ended = True
            self.failed.emit(m.Failed(self.run, "The training thread has ended.", ""))

    def begin_report(self, run: int) -> None:
        """Takes up that reports are of another run from now on."""
        self.run, self.beginning, self._left, self.last_part = run, False, False, None
        self.run_started.emit(run)

    def _wake(self) -> None:
        if self._awaiting:
            self._answer_is_there.emit()

    def _pull_answer(self) -> None:
        if self._awaiting and not self._ended:
            self.pull()

    def _hand_on(self, report: m.Report) -> None:
        for take in self._subscribers.get(type(report), ()):
            take(report)
        announce = self._announce.get(type(report))
        if announce is not None:
            announce(report)

    def _take_stepped(self, stepped: m.Stepped) -> None:
        self.last_part = stepped
        self.stepped.emit(stepped)

    def _take_status(self, status: m.Status) -> None:
        self.status = status
        if self.last_part is not None and forgotten(self.last_part, status):
            self.last_part = None
        self.pace.relax(status.phase is not m.Phase.RUNNING)
        self.status_changed.emit(status)


def over(stepped: m.Stepped, status: m.Status) -> bool:
    """True where the outer step in progress is over: abandoned, or overtaken by full speed.

    In slow motion the worker says both that it runs and which piece it has just done.
    """
    if status.phase is m.Phase.STEPPING:
        return False
    return status.phase is not m.Phase.RUNNING or status.outer_step > stepped.outer_step


def forgotten(stepped: m.Stepped, status: m.Status) -> bool:
    """True where another state than the one this piece led to is there.

    The update of θ ends its outer step, and stays the last thing done until something else is.
    """
    led_to = stepped.run, stepped.outer_step
    updated = stepped.phase == m.StepPhase.UPDATE and (status.run, status.outer_step) == led_to
    return over(stepped, status) and not updated
