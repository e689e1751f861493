"""The worker's loop: commands in, outer steps, reports out.

It adds no arithmetic: the same seed through this loop equals calling
:func:`maml_explorer.core.training.outer_step` in a plain loop, bit for bit on the CPU. States are
values, so an outer step that is abandoned or fails leaves the one before it whole, and "the last
good state" is a reference, not a copy.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch

from maml_explorer.core import training
from maml_explorer.core.plan import Plan
from maml_explorer.core.replay.interruption import Interrupted, interruptible
from maml_explorer.core.settings_change import frozen_arm
from maml_explorer.core.training import ArmState, Losses, RunState
from maml_explorer.protocol import commands, reports
from maml_explorer.protocol.insight import Insight, Option
from maml_explorer.protocol.insight_records.stability import StabilitySeen
from maml_explorer.protocol.insight_series import Figures
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.run.changes import Row, frozen_row
from maml_explorer.worker.actions import ACTIONS
from maml_explorer.worker.answers import answer_probe, answer_watch
from maml_explorer.worker.files.metrics_file import History
from maml_explorer.worker.files.other_run import Ghost
from maml_explorer.worker.insight.schedule import Schedule
from maml_explorer.worker.insight.stability import arm_stability
from maml_explorer.worker.mailbox import Inbox, Outbox
from maml_explorer.worker.meta_test import HeldOut
from maml_explorer.worker.recorder import Bad, Recorder, Totals
from maml_explorer.worker.slow_motion import Pending

T = TypeVar("T")

_URGENT = (
    commands.Pause, commands.Stop, commands.Restart, commands.BringBack, commands.OpenRun,
    commands.OpenInitialization, commands.BackToLastGood,
)  # fmt: skip
"""Commands for which an outer step in progress is dropped."""
_BY_HAND = (commands.TakeInnerStep, commands.TakeOuterStep)
"""Likewise while training freely; a step taken by hand is not dropped for the next press."""
_ANSWERED_ANY_TIME = (commands.ProbeTask, commands.WatchTasks)
FLUSH_SECONDS = 0.1
STATUS_SECONDS = 0.2
IDLE_SECONDS = 0.05
"""Longest wait under a speed limit: a meta-test may be due meanwhile."""
PROBE_SHARE = 1 / 20
"""Part of training time that live probes may take; a person's own probes are answered at once."""
WATCH_SHARE = 1 / 40
"""The same for the watched tasks."""
PROBE_SECONDS = 0.08
"""Shortest wait between live probes: curves drift slowly while training, and drawing them costs
training time."""
WATCH_SECONDS = 0.5
"""The same for the watched tasks: a dozen of small plots."""
STABILITY_SECONDS = 0.5
"""What the report of a divergence may wait for."""
SLOW_MOTION = 2.0
"""At so many outer steps a second or fewer, each inner step is shown as it happens."""


class Loop:
    """One run after another, until told to stop."""

    def __init__(
        self,
        inbox: Inbox,
        outbox: Outbox,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.inbox, self.outbox, self.clock = inbox, outbox, clock
        self.run_number = 0
        self.phase = reports.Phase.LOADING
        self.settings = Settings()
        self.plan: Plan | None = None
        self.state: RunState | None = None
        self.good: RunState | None = None
        """The newest state at which all arms were fine, and the block after it as well."""
        self.candidate: RunState | None = None
        self.good_of: dict[str, RunState] = {}
        """The same for each arm: where one is frozen the others still move on."""
        self.candidate_of: dict[str, RunState] = {}
        self.recorder = Recorder()
        self.held_out = HeldOut(clock)
        self.insight = Schedule(clock)
        self.figures = Figures()
        self.insights: dict[tuple[str, Option], Insight] = {}
        """By view and arm what it found last in this run."""
        self.saved_insights: tuple[dict[str, Any], ...] = ()
        """What the views had found in a run that was opened, as in its file."""
        self.pending: Pending | None = None
        self.probe: commands.ProbeTask | None = None
        self.watch: commands.WatchTasks | None = None
        self.ghost: Ghost | None = None
        self.limit: float | None = None
        self.beyond = False
        self.until: int | None = None
        """Where training pauses before its declared end."""
        self.stopping = False
        self.last_change: dict[str, str] = {}
        """Arm → the last change of a setting that it trains with, in words."""
        self.totals = Totals()
        self.changes: list[Row] = []
        self.next_due = 0.0
        self.next_probe = 0.0
        self.next_watch = 0.0
        self.next_status = 0.0
        self.last_flush = 0.0
        self.rate = _Rate(clock)
        self.history = History()
        self.kept: dict[int, dict[str, Any]] = {}
        self.held: int | None = None
        """The run that stays among them until it is brought back."""

    # ------------------------------------------------------------ the loop

    def run(self) -> None:
        """Works until `Stop`."""
        with torch.no_grad():  # of this thread; nothing here builds an autograd graph
            self._run()

    def _run(self) -> None:
        self.status()
        while not self.stopping:
            try:
                command = self.inbox.take()
                if command is not None:
                    self.obey(command)
                # one piece of training between two commands: a drag must not starve it
                wanted = command is None or self.phase is reports.Phase.RUNNING
                busy = wanted and not self._told_to_stop() and self._work()
                if command is None and not busy:
                    self.inbox.wait(None)
            except SettingsError as refusal:
                self.outbox.put(reports.Refused("settings", str(refusal)))
            except Exception as error:
                self._fail(error)
        self.enter(reports.Phase.STOPPED)

    def _told_to_stop(self) -> bool:
        return self.stopping

    def _work(self) -> bool:
        """Does one piece of work; False where there is nothing to do but wait."""
        if self.plan is None or self.state is None:
            return False
        if self.phase is reports.Phase.RUNNING:
            self._train_a_little()
            return True
        # paused: what is due runs to its end, piece by piece
        return self._advance_meta_test(paused=True) or self._look_inside(paused=True)

    def _train_a_little(self) -> None:
        assert self.plan is not None and self.state is not None
        wait = self.next_due - self.clock()
        if self.limit is not None and wait > 0:
            self.flush()
            if self.phase is reports.Phase.RUNNING and not (
                self._advance_meta_test(paused=False) or self._look_inside(paused=False)
            ):
                self.inbox.wait(min(wait, IDLE_SECONDS))
            return
        if self.limit is not None and self.limit <= SLOW_MOTION:
            self.press()
            presses = self.pending.presses if self.pending else 1
            self.next_due = self.clock() + 1 / (self.limit * presses)
        else:
            if not self.take_outer_step():
                return
            if self.limit is not None:
                self.next_due = max(self.next_due, self.clock() - 1 / self.limit) + 1 / self.limit
        self._after_step()

    def _after_step(self) -> None:
        """What may follow a committed outer step: flush, live probe, meta-test, the end."""
        assert self.state is not None
        now = self.clock()
        if self.recorder.full or now - self.last_flush >= FLUSH_SECONDS:
            self.flush()
        if self.phase is not reports.Phase.RUNNING:
            return
        if now >= min(self.next_probe, self.next_watch):
            self._live_answers()
        self._advance_meta_test(paused=False)
        self._look_inside(paused=False)
        if now >= self.next_status:
            self.status()
        end = self.settings.outer.outer_steps
        if self.state.outer_step >= end and not self.beyond:
            self.pause(reports.Phase.FINISHED)
        elif self.until is not None and self.state.outer_step >= self.until:
            self.pause()

    # ------------------------------------------------------------ outer steps

    def take_outer_step(self, by_hand: bool = False) -> bool:
        """One whole outer step; False where a command dropped it."""
        assert self.plan is not None and self.state is not None
        if self.pending is not None:  # the step a person began by hand
            pending, self.pending = self.pending, None
            self._commit(pending.state, pending.losses, {})
            return True
        done = self._outer_step_with_interruptions(by_hand)
        if done is None:
            return False
        self._commit(*done)
        return True

    def _outer_step_with_interruptions(
        self, by_hand: bool
    ) -> tuple[RunState, dict[str, Losses], dict[str, float]] | None:
        assert self.plan is not None and self.state is not None
        urgent = _URGENT if by_hand else _URGENT + _BY_HAND
        name = ""
        seconds: dict[str, float] = {}

        def look() -> None:
            if self.inbox and self.inbox.holds(urgent):
                raise Interrupted

        work: Generator[str, None, Any] = training.outer_step_in_chunks(self.plan, self.state, look)
        before = self.clock()
        while True:
            try:
                name = next(work)
            except Interrupted:
                return None
            except StopIteration as end:
                state, losses = end.value
                if name:  # what followed the last arm's gradient was its update
                    seconds[name] += self.clock() - before
                return state, losses, seconds
            after = self.clock()
            seconds[name] = seconds.get(name, 0.0) + after - before
            if self.inbox:
                if self.inbox.holds(urgent):
                    work.close()
                    return None
                asked = self.inbox.take_first(_ANSWERED_ANY_TIME)
                if asked is not None:
                    self.obey(asked)
            before = self.clock()

    def _commit(
        self, state: RunState, losses: dict[str, Losses], seconds: dict[str, float]
    ) -> None:
        self.state = state
        self.recorder.add(state.outer_step, losses, seconds)
        self.rate.tick()

    def press(self, by_hand: bool = False) -> None:
        """The next inner step of an outer step not committed yet, shown; the last press commits."""
        assert self.plan is not None and self.state is not None
        if self.pending is None:
            self.flush()
            done = self._outer_step_with_interruptions(by_hand)
            if done is None:
                return
            begin = partial(Pending.begin, self.run_number, self.plan, self.state, *done[:2])
            self.pending = self.unless_interrupted(begin)
            if self.pending is None:
                return
        report = self.pending.press()
        self.outbox.put(report)
        if report.phase == "update":
            pending, self.pending = self.pending, None
            self._commit(pending.state, pending.losses, {})
            self.flush()
            self.answer_probe()

    def flush(self) -> None:
        """Reads the losses since the last flush and looks for divergence."""
        if self.plan is None or self.state is None:
            return
        self.last_flush = self.clock()
        block, bad = self.recorder.flush(self.run_number, self.plan, self.state, self.totals)
        if block is not None:
            self.outbox.put(block)
            self._remember(block)
        known = {one.arm for one in bad}
        bad += [
            Bad(name, self.state.outer_step, float("nan"))
            for name, arm in self.state.arms.items()
            if not arm.frozen and name not in known and not _finite(arm)
        ]
        if block is not None:
            self._promote({one.arm for one in bad})
        if bad:
            self.drop_pending()
            for one in bad:
                self._freeze(one)
            if self.all_frozen:
                self.pause()

    @property
    def all_frozen(self) -> bool:
        """Whether no arm is left to train."""
        return self.state is not None and all(arm.frozen for arm in self.state.arms.values())

    def _promote(self, bad: set[str]) -> None:
        """A state counts as good once the block after it was fine as well."""
        assert self.state is not None
        for name, arm in self.state.arms.items():
            if name in bad:
                self.candidate_of.pop(name, None)
            elif not arm.frozen:
                if name in self.candidate_of:
                    self.good_of[name] = self.candidate_of[name]
                self.candidate_of[name] = self.state
        if bad:
            self.candidate = None
        elif not any(arm.frozen for arm in self.state.arms.values()):
            self.good, self.candidate = self.candidate or self.good, self.state

    def _remember(self, block: reports.Metrics) -> None:
        try:
            self.history.add(block)
        except OSError as error:
            reason = f"Outer step {block.outer_step[0]} was not kept on disk: {error.strerror}."
            self.outbox.put(reports.Refused("metrics", f"{reason} Training goes on."))

    def _freeze(self, bad: Bad) -> None:
        assert self.state is not None and self.plan is not None
        known = self.good_of.get(bad.arm)
        kept = known.arms.get(bad.arm) if known is not None else None
        self.state = frozen_arm(self.plan, self.state, kept, bad.arm)
        good = self.state.arms[bad.arm]
        self.changes.append(frozen_row(self.state.outer_step, bad.arm, good.outer_step))
        what = f"exploded ({bad.loss:.3g})" if np.isfinite(bad.loss) else "is not finite"
        change = self.last_change.get(bad.arm)
        tail = f" Last change: {change}." if change else ""
        self.outbox.put(
            reports.Diverged(
                self.run_number,
                bad.arm,
                bad.outer_step,
                good.outer_step,
                f"{bad.arm} diverged at outer step {bad.outer_step}: its loss {what}. "
                f"It is kept at its step {good.outer_step}; the other arms go on.{tail}",
                self._stability_at(bad.arm, good),
            )
        )
        self.status()

    def _stability_at(self, name: str, arm: ArmState) -> str:
        """How stable the inner loop is at a state, in words; empty where that takes long."""
        assert self.plan is not None
        end = self.clock() + STABILITY_SECONDS
        work = arm_stability(self.plan, name, arm)
        with suppress(Exception):  # the report of a divergence must not fail
            while self.clock() < end:
                try:
                    next(work)
                except StopIteration as done:
                    seen = done.value
                    return seen.in_words() if isinstance(seen, StabilitySeen) else ""
        return ""

    def obey(self, command: commands.Command) -> None:
        """Carries a command out; one that is refused leaves everything as it was."""
        action = ACTIONS[type(command)]
        try:
            action(self, command)
        except SettingsError as refusal:
            self.outbox.put(reports.Refused(type(command).__name__, str(refusal)))
            self.status()  # what is in force

    def pause(self, phase: reports.Phase = reports.Phase.PAUSED) -> None:
        """Stops training here and shows where it stands."""
        self.flush()
        self.enter(phase)
        self.answer_probe()
        self.answer_watch()

    # ------------------------------------------------------------ long work

    def look(self) -> None:
        """Raises where a command waits that must not wait for the work in progress."""
        if self.inbox and self.inbox.holds(_URGENT):
            raise Interrupted

    def unless_interrupted(self, work: Callable[[], T]) -> T | None:
        """What the work returns; None where an urgent command ended it: that one asks anew."""
        long = self.plan is not None and self.plan.long_pieces
        try:
            with interruptible(self.look if long else None):
                return work()
        except Interrupted:
            return None

    def look_while_writing(self) -> None:
        """Obeys a pause and answers probes at once; raises where the writing or all shall end.

        What is written is of one state, so training may be paused meanwhile.
        """
        while self.inbox:
            if self.inbox.holds((commands.Stop, commands.StopWriting)):
                raise Interrupted
            command = self.inbox.first()
            if not isinstance(command, (commands.Pause, *_ANSWERED_ANY_TIME)):
                return
            self.inbox.take()
            self.obey(command)

    # ------------------------------------------------------------ reports

    def enter(self, phase: reports.Phase) -> None:
        """Takes up a phase and reports it."""
        self.phase = phase
        self.status()

    def status(self) -> None:
        """Reports where the run stands."""
        self.next_status = self.clock() + STATUS_SECONDS
        state = self.state
        self.outbox.put(
            reports.Status(
                self.run_number,
                self.phase,
                state.outer_step if state else 0,
                self.settings,
                self.rate.value if self.phase is reports.Phase.RUNNING else 0.0,
                self._device(),
                {name: arm.outer_step for name, arm in state.arms.items()} if state else {},
                self.inbox.gone,
            )
        )

    def _device(self) -> str:
        """The device, and how its kernels are run where that is not the usual way."""
        if self.plan is None:
            return ""
        kinds = self.plan.workspace.kinds
        if self.plan.device.type == "cuda":
            return "cuda, eager" if "eager" in kinds else "cuda graphs"
        return "cpu, eager" if "eager" in kinds else "cpu"

    def answer_probe(self) -> None:
        """Answers the newest probe, where there is one."""
        probe, self.probe = self.probe, None  # one that cannot be answered must not come again
        if probe is not None and self.plan is not None and self.state is not None:
            answer = partial(self._probed, probe, self.plan, self.state)
            found = self.unless_interrupted(answer)
            if found is not None:
                self.outbox.put(found)
        self.probe = probe

    def _probed(self, probe: commands.ProbeTask, plan: Plan, state: RunState) -> reports.Probed:
        found = answer_probe(self.run_number, plan, state, probe)
        if self.ghost is None:
            return found
        return replace(found, ghost=self.ghost.arms(probe, plan.settings.tasks))

    def answer_watch(self) -> None:
        """Answers for the watched tasks, where there are any."""
        watch, self.watch = self.watch, None
        if watch is not None and self.plan is not None and self.state is not None:
            answer = partial(answer_watch, self.run_number, self.plan, self.state, watch)
            found = self.unless_interrupted(answer)
            if found is not None:
                self.outbox.put(found)
        self.watch = watch

    def _live_answers(self) -> None:
        """Fresh answers while training: once the last were collected, within a share of time."""
        begin, patience = self.clock(), self.outbox.patience
        if begin >= self.next_probe and not self.outbox.waits(reports.Probed):
            self.answer_probe()
            now = self.clock()
            wait = max(patience * PROBE_SECONDS, (now - begin) / PROBE_SHARE)
            self.next_probe, begin = now + wait, now
        if begin >= self.next_watch and not self.outbox.waits(reports.Watched):
            self.answer_watch()
            now = self.clock()
            self.next_watch = now + max(patience * WATCH_SECONDS, (now - begin) / WATCH_SHARE)

    def _advance_meta_test(self, paused: bool) -> bool:
        """One piece of the meta-test where it is due; False where there is nothing to do."""
        assert self.plan is not None and self.state is not None
        if not self.held_out.due(self.state, paused):
            return False
        look = self.look if self.plan.long_pieces else None
        found = self.held_out.advance(self.run_number, self.plan, self.state, look)
        if found is not None:
            self.outbox.put(found)
        return True

    def _look_inside(self, paused: bool) -> bool:
        """One piece of the view that is most due; False where there is nothing to do."""
        assert self.plan is not None and self.state is not None
        if self.phase is reports.Phase.FAILED or not self.insight.due(self.state, paused):
            return False
        found = self.insight.advance(self.run_number, self.plan, self.state, paused)
        if found is not None:
            self.outbox.put(found)
        if isinstance(found, Insight) and not found.failed:
            self.figures.take(found)
            self.insights[found.request.view, found.request.values().get("arm")] = found
        return True

    def drop_pending(self) -> None:
        """Forgets the outer step that was begun by hand."""
        self.pending = None
        if self.phase is reports.Phase.STEPPING:
            self.phase = reports.Phase.PAUSED

    def _fail(self, error: Exception) -> None:
        """Reports an exception; the last committed state stays, so Restart and Train work."""
        with suppress(Exception):  # what was committed is kept, where the device still answers
            self.flush()
        self.recorder, self.pending = Recorder(), None
        self.held_out.cancel()
        what = f"{type(error).__name__}: {error}. The state before it is kept."
        if isinstance(error, torch.OutOfMemoryError | MemoryError) or "allocate memory" in what:
            what = (
                "The memory is not enough for these sizes. The state before is kept: lower the "
                "meta-batch, the hidden layers, the inner steps or the points per task."
            )
            if self.plan is not None:
                self.plan.workspace.clear()
        elif "CUDA error" in what:  # nothing on the device can be read any more
            what = (
                "The CUDA device no longer answers. Close the window and start the program again: "
                "the session that was saved last will be offered."
            )
        self.outbox.put(
            reports.Failed(
                self.run_number,
                what,
                "".join(traceback.format_exception(error)),
            )
        )
        self.enter(reports.Phase.FAILED)


def _finite(arm: ArmState) -> bool:
    """Whether θ and the optimizer's moments can be gone on with."""
    # by numpy: on a busy machine torch's threads would wait for each other, a tenth of a second
    parts = [one.cpu().numpy() for one in (arm.initialization, *arm.moments)]
    return all(np.isfinite((part.min(), part.max())).all() for part in parts)


class _Rate:
    """Outer steps per second over about the last second of training."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.reset()

    def reset(self) -> None:
        self.since, self.steps, self.value = self.clock(), 0, 0.0

    def tick(self) -> None:
        self.steps += 1
        if self.steps & 7 == 0 or self.value < 50:
            elapsed = self.clock() - self.since
            if elapsed >= 0.5:
                now = self.steps / elapsed
                self.value = now if self.value == 0 else 0.5 * (self.value + now)
                self.since, self.steps = self.clock(), 0
