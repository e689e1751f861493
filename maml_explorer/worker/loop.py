"""The worker's loop: commands in, outer steps, reports out.

It adds no arithmetic: the same seed through this loop equals calling
:func:`maml_explorer.core.training.outer_step` in a plain loop, bit for bit on the CPU. States are
values, so an outer step that is abandoned or fails leaves the one before it whole, and "the last
good state" is a reference, not a copy.
"""

from __future__ import annotations

import dataclasses
import time
import traceback
from collections.abc import Callable, Generator
from typing import Any

import torch

from maml_explorer.core import training
from maml_explorer.core.plan import Plan, intra_op_threads, prepare
from maml_explorer.core.training import Losses, RunState
from maml_explorer.hyperparameters import Applies, SettingsError, shown
from maml_explorer.settings import DECLARATIONS, Settings, changed_keys, needs_restart
from maml_explorer.worker import messages as m
from maml_explorer.worker.answers import answer_probe, answer_watch, reference_losses
from maml_explorer.worker.held_out import HeldOut
from maml_explorer.worker.mailbox import Inbox, Outbox
from maml_explorer.worker.recorder import Bad, Recorder
from maml_explorer.worker.slow_motion import Pending

_URGENT = (m.Pause, m.Stop, m.Restart, m.BackToLastGood, m.TakeInnerStep, m.TakeOuterStep)
"""Commands for which an outer step in progress is dropped."""
_ANSWERED_ANY_TIME = (m.ProbeTask, m.WatchTasks)
FLUSH_SECONDS = 0.03
STATUS_SECONDS = 0.2
PROBE_SHARE = 1 / 20
"""Part of training time that live probes may take; a person's own probes are answered at once."""
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
        self.phase = m.Phase.LOADING
        self.settings = Settings()
        self.plan: Plan | None = None
        self.state: RunState | None = None
        self.good: RunState | None = None
        self.candidate: RunState | None = None
        self.recorder = Recorder()
        self.held_out = HeldOut(clock)
        self.pending: Pending | None = None
        self.probe: m.ProbeTask | None = None
        self.watch: m.WatchTasks | None = None
        self.limit: float | None = None
        self.beyond = False
        self.stop_at: int | None = None
        self.stopping = False
        self.last_change = ""
        self.seconds: dict[str, float] = {}
        self.gradient_evaluations: dict[str, int] = {}
        self.changes: list[tuple[int, str, str, str]] = []
        self.next_due = 0.0
        self.next_probe = 0.0
        self.next_status = 0.0
        self.last_flush = 0.0
        self.rate = _Rate(clock)

    # ------------------------------------------------------------ the loop

    def run(self) -> None:
        """Works until `Stop`."""
        torch.set_grad_enabled(False)  # per thread; nothing here builds an autograd graph
        self._status()
        while not self.stopping:
            try:
                command = self.inbox.take()
                if command is not None:
                    self._obey(command)
                # one piece of training between two commands: a drag must not starve it
                busy = (command is None or self.phase is m.Phase.RUNNING) and self._work()
                if command is None and not busy:
                    self.inbox.wait(None)
            except SettingsError as refusal:
                self.outbox.put(m.Refused("settings", str(refusal)))
            except Exception as error:
                self._fail(error)
        self._enter(m.Phase.STOPPED)

    def _work(self) -> bool:
        """Does one piece of work; False where there is nothing to do but wait."""
        if self.plan is None or self.state is None:
            return False
        if self.phase is m.Phase.RUNNING:
            self._train_a_little()
            return True
        # paused: a meta-test that is due runs to its end, piece by piece
        return self._advance_meta_test(paused=True)

    def _train_a_little(self) -> None:
        assert self.plan is not None and self.state is not None
        wait = self.next_due - self.clock()
        if self.limit is not None and wait > 0:
            self.flush()
            self.inbox.wait(wait)
            return
        if self.limit is not None and self.limit <= SLOW_MOTION:
            self._press()
            presses = self.pending.presses if self.pending else 1
            self.next_due = self.clock() + 1 / (self.limit * presses)
        else:
            if not self._take_outer_step():
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
        if self.phase is not m.Phase.RUNNING:
            return
        if now >= self.next_probe:
            self._live_probe()
        self._advance_meta_test(paused=False)
        if now >= self.next_status:
            self._status()
        end = self.settings.outer.outer_steps
        if self.stop_at is not None and self.state.outer_step >= self.stop_at:
            self._pause()
        elif self.state.outer_step >= end and not self.beyond:
            self._pause(m.Phase.FINISHED)

    # ------------------------------------------------------------ outer steps

    def _take_outer_step(self) -> bool:
        """One whole outer step; False where a command dropped it."""
        assert self.plan is not None and self.state is not None
        if self.pending is not None:  # the step a person began by hand
            pending, self.pending = self.pending, None
            self._commit(pending.state, pending.losses, {})
            return True
        done = self._outer_step_with_interruptions()
        if done is None:
            return False
        self._commit(*done)
        return True

    def _outer_step_with_interruptions(
        self,
    ) -> tuple[RunState, dict[str, Losses], dict[str, float]] | None:
        assert self.plan is not None and self.state is not None
        seconds: dict[str, float] = {}
        work: Generator[str, None, Any] = training.outer_step_in_chunks(self.plan, self.state)
        before = self.clock()
        while True:
            try:
                name = next(work)
            except StopIteration as end:
                state, losses = end.value
                return state, losses, seconds
            after = self.clock()
            seconds[name] = seconds.get(name, 0.0) + after - before
            if self.inbox:
                if self.inbox.holds(_URGENT):
                    work.close()
                    return None
                asked = self.inbox.take_first(_ANSWERED_ANY_TIME)
                if asked is not None:
                    self._obey(asked)
            before = self.clock()

    def _commit(
        self, state: RunState, losses: dict[str, Losses], seconds: dict[str, float]
    ) -> None:
        assert self.plan is not None
        self.state = state
        for name in losses:
            self.seconds[name] = self.seconds.get(name, 0.0) + seconds.get(name, 0.0)
            self.gradient_evaluations[name] = (
                self.gradient_evaluations.get(name, 0) + self.plan.arms[name].gradient_evaluations
            )
        self.recorder.add(state.outer_step, losses, self.seconds, self.gradient_evaluations)
        self.rate.tick()

    def _press(self) -> None:
        """The next inner step of an outer step not committed yet, shown; the last press commits."""
        assert self.plan is not None and self.state is not None
        if self.pending is None:
            done = self._outer_step_with_interruptions()
            if done is None:
                return
            self.pending = Pending.begin(self.run_number, self.plan, self.state, *done[:2])
        report = self.pending.press()
        self.outbox.put(report)
        if report.phase == "update":
            pending, self.pending = self.pending, None
            self._commit(pending.state, pending.losses, {})
            self.flush()
            self._answer_probe()

    def flush(self) -> None:
        """Reads the losses since the last flush and looks for divergence."""
        if self.plan is None or self.state is None:
            return
        self.last_flush = self.clock()
        block, bad = self.recorder.flush(self.run_number, self.plan)
        if block is not None:
            self.outbox.put(block)
        bad += [
            Bad(name, self.state.outer_step, float("nan"))
            for name, arm in self.state.arms.items()
            if not arm.frozen
            and name not in {one.arm for one in bad}
            and not bool(torch.isfinite(arm.initialization).all())
        ]
        if bad:
            for one in bad:
                self._freeze(one)
            if all(arm.frozen for arm in self.state.arms.values()):
                self._pause()
        elif block is not None and not any(arm.frozen for arm in self.state.arms.values()):
            # a state counts as good once the block after it was fine as well
            self.good, self.candidate = self.candidate or self.good, self.state

    def _freeze(self, bad: Bad) -> None:
        assert self.state is not None and self.plan is not None
        good = self.good.arms.get(bad.arm) if self.good is not None else None
        if good is None:
            good = training.start_arm(self.plan, bad.arm)
        arms = dict(self.state.arms)
        arms[bad.arm] = dataclasses.replace(good, frozen=True)
        self.state = dataclasses.replace(self.state, arms=arms)
        what = "is not finite" if bad.loss != bad.loss or bad.loss == float("inf") else "exploded"
        figure = "" if bad.loss != bad.loss else f" ({bad.loss:.3g})"
        tail = f" Last change: {self.last_change}." if self.last_change else ""
        self.outbox.put(
            m.Diverged(
                self.run_number,
                bad.arm,
                bad.outer_step,
                good.outer_step,
                f"{bad.arm} diverged at outer step {bad.outer_step}: its loss {what}{figure}. "
                f"It is kept at its step {good.outer_step}; the other arms go on.{tail}",
            )
        )
        self._status()

    # ------------------------------------------------------------ commands

    def _obey(self, command: m.Command) -> None:
        action = _ACTIONS[type(command)]
        try:
            action(self, command)
        except SettingsError as refusal:
            self.outbox.put(m.Refused(type(command).__name__, str(refusal)))

    def _restart(self, command: m.Restart) -> None:
        plan = prepare(command.settings)  # refused here: the old run is untouched
        torch.set_num_threads(intra_op_threads(plan))
        state = training.start_run(plan)
        self.run_number += 1
        self.settings, self.plan, self.state = command.settings, plan, state
        self.good = self.candidate = state
        self.recorder, self.pending, self.last_change = Recorder(), None, ""
        self.seconds, self.gradient_evaluations, self.changes = {}, {}, []
        self.beyond, self.stop_at = False, None
        self.rate.reset()
        self.held_out.begin(plan, state)
        self.outbox.put(reference_losses(self.run_number, command.settings.tasks))
        self._enter(m.Phase.RUNNING if command.train else m.Phase.PAUSED)
        self._answer_probe()
        self._answer_watch()

    def _change(self, command: m.Change) -> None:
        old, new = self.settings, command.settings
        if self.plan is None or self.state is None:
            self.settings = new
            return
        staged = needs_restart(old, new)
        if staged:
            labels = ", ".join(DECLARATIONS[key].label for key in staged)
            raise SettingsError(f"{labels} takes effect only with a restart; nothing was changed.")
        plan = prepare(new, self.plan.workspace)
        self.flush()
        self._drop_pending()
        state = training.with_arms_of(plan, self._without_replaced_arms(old, new))
        self._note_changes(old, new)
        self.settings, self.plan, self.state = new, plan, state
        torch.set_num_threads(intra_op_threads(plan))
        if self.good is not None:
            self.good = training.with_arms_of(plan, self.good)
            self.candidate = None
        self.held_out.begin(plan, state)
        if old.tasks != new.tasks:
            self.outbox.put(reference_losses(self.run_number, new.tasks))
        self._status()
        self._answer_probe()
        self._answer_watch()

    def _without_replaced_arms(self, old: Settings, new: Settings) -> RunState:
        """The state without arms whose new definition needs a beginning of its own."""
        assert self.state is not None
        before = {arm.name: arm for arm in old.arms}
        keep = dict(self.state.arms)
        for arm in new.arms:
            was = before.get(arm.name)
            if was is None:
                keep.pop(arm.name, None)
                self.seconds.pop(arm.name, None)
                self.gradient_evaluations.pop(arm.name, None)
                continue
            one, two = old.of_arm(was), new.of_arm(arm)
            restarts = any(
                DECLARATIONS[key].applies is Applies.RESTART for key in changed_keys(one, two)
            )
            if was.algorithm != arm.algorithm or restarts:
                keep.pop(arm.name, None)
        return dataclasses.replace(self.state, arms=keep)

    def _note_changes(self, old: Settings, new: Settings) -> None:
        assert self.state is not None
        step = self.state.outer_step
        rows = [(key, shown(old[key]), shown(new[key])) for key in changed_keys(old, new)]
        if old.arms != new.arms:
            rows.append(("arms", _arms_text(old), _arms_text(new)))
        self.changes += [(step, *row) for row in rows]
        if rows:
            key, before, after = rows[-1]
            label = DECLARATIONS[key].label if key in DECLARATIONS else "Arms"
            self.last_change = f"{label} from {before} to {after} at outer step {step}"

    def _train(self, command: m.Train) -> None:
        if self.plan is None or self.state is None:
            return
        at_end = self.state.outer_step >= self.settings.outer.outer_steps
        if at_end and not (command.beyond or self.beyond):
            self._enter(m.Phase.FINISHED)
            return
        if all(arm.frozen for arm in self.state.arms.values()):
            raise SettingsError(
                "All arms have diverged: go back to the last good state, or restart."
            )
        self.beyond = self.beyond or command.beyond
        self.stop_at = None
        self.next_due = self.clock()
        self.rate.reset()
        self._enter(m.Phase.RUNNING)

    def _outer(self, command: m.TakeOuterStep) -> None:
        if self.plan is None or self.state is None:
            return
        self.beyond = self.beyond or self.state.outer_step >= self.settings.outer.outer_steps
        self._take_outer_step()
        self._pause()

    def _inner(self, command: m.TakeInnerStep) -> None:
        if self.plan is None:
            return
        self.flush()
        self._enter(m.Phase.STEPPING)
        self._press()
        if self.pending is None:
            self._pause()

    def _pause(self, phase: m.Phase = m.Phase.PAUSED) -> None:
        self.flush()
        self.stop_at = None
        self._enter(phase)
        self._live_probe()

    def _limit(self, command: m.LimitSpeed) -> None:
        self.limit = command.steps_per_second
        self.next_due = self.clock()

    def _back(self, command: m.BackToLastGood) -> None:
        if self.plan is None or self.good is None:
            return
        arms = {
            name: dataclasses.replace(arm, frozen=False) for name, arm in self.good.arms.items()
        }
        self.recorder = Recorder()
        self._drop_pending()
        self.outbox.forget_metrics()
        self.state = dataclasses.replace(self.good, arms=arms)
        self.good = self.candidate = self.state
        self.outbox.put(m.Rewound(self.run_number, self.state.outer_step))
        self.held_out.begin(self.plan, self.state)
        self._pause()

    def _revive(self, command: m.ReviveArm) -> None:
        if self.state is None:
            return
        self.settings.arm(command.arm)  # refuses an unknown name in words
        arms = dict(self.state.arms)
        arms[command.arm] = dataclasses.replace(arms[command.arm], frozen=False)
        self.state = dataclasses.replace(self.state, arms=arms)
        self._status()

    def _set_probe(self, command: m.ProbeTask) -> None:
        self.probe = command
        self._answer_probe()

    def _set_watch(self, command: m.WatchTasks) -> None:
        self.watch = command if command.support_x.size else None
        self._answer_watch()

    def _test(self, command: m.MetaTest) -> None:
        if self.plan is not None and self.state is not None:
            self.flush()
            self.held_out.begin(self.plan, self.state)

    def _export(self, command: m.ExportInitialization) -> None:
        from maml_explorer.worker.exports import export_initialization

        if self.plan is None or self.state is None:
            return
        folder = export_initialization(self, command)
        self.outbox.put(m.Exported("initialization", folder, command.arm))

    def _save(self, command: m.SaveRun) -> None:
        from maml_explorer.worker.exports import save_run

        if self.plan is None or self.state is None:
            return
        self.flush()
        self.outbox.put(m.Exported("run", save_run(self, command)))

    def _stop(self, command: m.Stop) -> None:
        self.stopping = True

    # ------------------------------------------------------------ reports

    def _enter(self, phase: m.Phase) -> None:
        self.phase = phase
        self._status()

    def _status(self) -> None:
        self.next_status = self.clock() + STATUS_SECONDS
        state = self.state
        self.outbox.put(
            m.Status(
                self.run_number,
                self.phase,
                state.outer_step if state else 0,
                self.settings,
                self.rate.value if self.phase is m.Phase.RUNNING else 0.0,
                str(self.plan.device) if self.plan else "",
                {name: arm.outer_step for name, arm in state.arms.items()} if state else {},
            )
        )

    def _answer_probe(self) -> None:
        if self.probe is not None and self.plan is not None and self.state is not None:
            self.outbox.put(answer_probe(self.run_number, self.plan, self.state, self.probe))

    def _answer_watch(self) -> None:
        if self.watch is not None and self.plan is not None and self.state is not None:
            self.outbox.put(answer_watch(self.run_number, self.plan, self.state, self.watch))

    def _live_probe(self) -> None:
        """Fresh answers while training: once the last were collected, within a share of time."""
        if self.phase is m.Phase.RUNNING and self.outbox.waits(m.Probed):
            return
        begin = self.clock()
        self._answer_probe()
        self._answer_watch()
        now = self.clock()
        self.next_probe = now + max(0.03, (now - begin) / PROBE_SHARE)

    def _advance_meta_test(self, paused: bool) -> bool:
        """One piece of the meta-test where it is due; False where there is nothing to do."""
        assert self.plan is not None and self.state is not None
        if not self.held_out.due(self.state, paused):
            return False
        found = self.held_out.advance(self.run_number, self.plan, self.state)
        if found is not None:
            self.outbox.put(found)
        return True

    def _drop_pending(self) -> None:
        self.pending = None
        if self.phase is m.Phase.STEPPING:
            self.phase = m.Phase.PAUSED

    def _fail(self, error: Exception) -> None:
        """Reports an exception; the last committed state stays, so Restart and Train work."""
        self.recorder, self.pending = Recorder(), None
        self.held_out.cancel()
        self.outbox.put(
            m.Failed(
                self.run_number,
                f"{type(error).__name__}: {error}. The state before it is kept.",
                "".join(traceback.format_exception(error)),
            )
        )
        self._enter(m.Phase.FAILED)


_ACTIONS: dict[type, Callable[[Loop, Any], None]] = {
    m.Restart: Loop._restart,
    m.Change: Loop._change,
    m.Train: Loop._train,
    m.Pause: lambda loop, _: loop._pause(),
    m.TakeOuterStep: Loop._outer,
    m.TakeInnerStep: Loop._inner,
    m.LimitSpeed: Loop._limit,
    m.ProbeTask: Loop._set_probe,
    m.WatchTasks: Loop._set_watch,
    m.MetaTest: Loop._test,
    m.BackToLastGood: Loop._back,
    m.ReviveArm: Loop._revive,
    m.ExportInitialization: Loop._export,
    m.SaveRun: Loop._save,
    m.Stop: Loop._stop,
}


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


def _arms_text(settings: Settings) -> str:
    return "; ".join(
        arm.name + "".join(f" {key}={shown(value)}" for key, value in arm.overrides)
        for arm in settings.arms
    )
