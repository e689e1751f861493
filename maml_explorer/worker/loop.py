"""The worker's loop: commands in, outer steps, reports out.

It adds no arithmetic: the same seed through this loop equals calling
:func:`maml_explorer.core.training.outer_step` in a plain loop, bit for bit on the CPU. The parts
stand one above the other: the run, the answers and the work beside training, the trainer, the
actions, and this loop, which gives each its turn.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch

from maml_explorer.protocol import reports
from maml_explorer.protocol.commands import Command
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.worker.actions.files import FileActions
from maml_explorer.worker.actions.runs import RunActions
from maml_explorer.worker.actions.shown import ShownActions
from maml_explorer.worker.actions.training import TrainingActions
from maml_explorer.worker.beside_training import BesideTraining
from maml_explorer.worker.kept_runs import KeptRuns
from maml_explorer.worker.live_answers import LiveAnswers
from maml_explorer.worker.mailbox import Inbox, Outbox
from maml_explorer.worker.run import Run
from maml_explorer.worker.trainer import Trainer

FLUSH_SECONDS = 0.1
IDLE_SECONDS = 0.05
"""Longest wait under a speed limit: a meta-test may be due meanwhile."""
SLOW_MOTION = 2.0
"""At so many outer steps a second or fewer, each inner step is shown as it happens."""


class Loop:
    """The loop over commands and work, until `Stop`."""

    def __init__(
        self,
        inbox: Inbox,
        outbox: Outbox,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.inbox, self.outbox, self.clock = inbox, outbox, clock
        self.live = LiveAnswers(inbox, outbox, clock)
        self.beside = BesideTraining(inbox, outbox, clock)
        self.kept = KeptRuns()
        self.trainer = Trainer(inbox, outbox, self.live, self.kept, clock)
        runs = RunActions(self.trainer, self.live, self.beside, self.kept, outbox)
        self.actions: dict[type, Callable[[Any], None]] = {
            **runs.table(),
            **TrainingActions(self.trainer, self.live, self.beside, outbox).table(),
            **ShownActions(self.trainer, self.live, self.beside, self.kept).table(),
            **FileActions(self.trainer, self.beside, outbox).table(),
        }
        """Command → its effect."""

    def run(self) -> None:
        """Works until `Stop`."""
        with torch.no_grad():  # of this thread; nothing here builds an autograd graph
            self._run()

    def _run(self) -> None:
        self.trainer.status()
        while not self.stopped:
            try:
                command = self.inbox.take()
                if command is not None:
                    self.obey(command)
                # one piece of training between two commands: a drag must not starve it
                wanted = command is None or self.trainer.phase is reports.Phase.RUNNING
                busy = wanted and self.work()
                if command is None and not busy:
                    self.inbox.wait(None)
            except SettingsError as refusal:
                self.outbox.put(reports.Refused(reports.Unasked.TRAINING, str(refusal)))
            except Exception as error:
                self.fail(error)

    @property
    def stopped(self) -> bool:
        """True where `Stop` was obeyed."""
        return self.trainer.phase is reports.Phase.STOPPED

    def obey(self, command: Command) -> None:
        """Carries a command out; one that is refused leaves everything as it was."""
        action = self.actions[type(command)]
        try:
            action(command)
        except SettingsError as refusal:
            self.trainer.refuse(command, refusal)

    def work(self) -> bool:
        """Does one piece of work; False where there is only waiting to do."""
        run = self.trainer.run
        if run is None:
            return False
        if self.trainer.phase is reports.Phase.RUNNING:
            self._train_a_little(run)
            return True
        # paused: what is due runs to its end, piece by piece; a view that was opened does not wait
        # for the whole meta-test, which takes long on images
        tested = self.beside.advance_meta_test(run, paused=True)
        return self._look_inside(run, True) or tested

    def _train_a_little(self, run: Run) -> None:
        trainer = self.trainer
        limit, wait = trainer.limit, trainer.next_due - self.clock()
        if limit is not None and wait > 0:
            trainer.flush()
            if trainer.phase is reports.Phase.RUNNING and not (
                self.beside.advance_meta_test(run, paused=False) or self._look_inside(run, False)
            ):
                self.inbox.wait(min(wait, IDLE_SECONDS))
            return
        if limit is not None and limit <= SLOW_MOTION:
            trainer.press()
            presses = trainer.pending.presses if trainer.pending else 1
            trainer.next_due = self.clock() + 1 / (limit * presses)
        else:
            if not trainer.take_outer_step():
                return
            if limit is not None:
                trainer.next_due = max(trainer.next_due, self.clock() - 1 / limit) + 1 / limit
        self._after_step(run)

    def _after_step(self, run: Run) -> None:
        """Does what may follow a committed outer step: flush, live probe, meta-test, the end."""
        trainer, now = self.trainer, self.clock()
        if trainer.recorder.full or now - trainer.last_flush >= FLUSH_SECONDS:
            trainer.flush()
        if trainer.phase is not reports.Phase.RUNNING:
            return
        if self.live.due(now):
            self.live.refresh(run)
        self.beside.advance_meta_test(run, paused=False)
        self._look_inside(run, paused=False)
        if now >= trainer.next_status:
            trainer.status()
        if run.at_end and not run.beyond:
            trainer.pause(reports.Phase.FINISHED)
        elif trainer.until is not None and run.state.outer_step >= trainer.until:
            trainer.pause()

    def _look_inside(self, run: Run, paused: bool) -> bool:
        if self.trainer.phase is reports.Phase.FAILED:
            return False
        return self.beside.look_inside(run, paused)

    def fail(self, error: Exception) -> None:
        """Reports an exception; the last committed state stays, so Restart and Train work."""
        run = self.trainer.run
        with suppress(Exception):  # what was committed is kept, where the device still answers
            self.trainer.flush()
        self.trainer.forget_unread()
        if run is not None:
            run.history.lose(run.state.outer_step, "training failed")
        self.beside.meta_test.cancel()
        self.beside.pins.cancel()
        what = f"{type(error).__name__}: {error}. The state before it is kept."
        if isinstance(error, torch.OutOfMemoryError | MemoryError) or "allocate memory" in what:
            what = (
                "There is not enough memory for these sizes. The state before is kept: lower the "
                "meta-batch, the hidden layers, the inner steps or the points per task."
            )
            if run is not None:
                run.plan.workspace.clear()
        elif "CUDA error" in what:  # nothing on the device can be read any more
            what = (
                "The CUDA device no longer answers. Close the window and start the program again: "
                "the session that was saved last will be offered."
            )
        trace = "".join(traceback.format_exception(error))
        self.outbox.put(reports.Failed(run.number if run else 0, what, trace))
        self.trainer.enter(reports.Phase.FAILED)
