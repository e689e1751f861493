"""Training of the current run: outer steps, by hand and at full speed, and its progress.

States are values, so an outer step that is abandoned or fails leaves the one before it whole.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any

from maml_explorer.core import training
from maml_explorer.core.replay.interruption import Interrupted
from maml_explorer.core.settings_change import frozen_arm
from maml_explorer.core.training import Losses, RunState
from maml_explorer.protocol import commands, reports
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.run.changes import frozen_row
from maml_explorer.worker.divergence import bad_arms, diverged_report
from maml_explorer.worker.kept_runs import KeptRuns
from maml_explorer.worker.live_answers import LiveAnswers
from maml_explorer.worker.mailbox import Inbox, Outbox
from maml_explorer.worker.rate import Rate
from maml_explorer.worker.recorder import BLOCK_STEPS, Bad, Recorder
from maml_explorer.worker.run import Run
from maml_explorer.worker.slow_motion import Pending
from maml_explorer.worker.urgent import ANSWERED_ANY_TIME, BY_HAND, URGENT, look_for, unless_urgent

STATUS_SECONDS = 0.2

Done = tuple[RunState, dict[str, Losses], dict[str, float]]
"""(state after an outer step, losses by arm, seconds by arm)"""


class Trainer:
    """The current run, its activity, and the part of it that is not reported yet."""

    def __init__(
        self,
        inbox: Inbox,
        outbox: Outbox,
        live: LiveAnswers,
        kept: KeptRuns,
        clock: Callable[[], float],
    ) -> None:
        self.inbox, self.outbox, self.live, self.clock = inbox, outbox, live, clock
        self.kept = kept
        self.run: Run | None = None
        self.awaited = Settings()
        """Settings before there is a run."""
        self.phase = reports.Phase.LOADING
        self.recorder = Recorder()
        self.pending: Pending | None = None
        """The outer step that is shown piece by piece."""
        self.limit: float | None = None
        """Outer steps per second at most."""
        self.until: int | None = None
        """Outer step at which training pauses before its declared end."""
        self.at_once = BLOCK_STEPS
        """Most outer steps that are taken in one go."""
        self.next_due = 0.0
        self.next_status = 0.0
        self.last_flush = 0.0
        self.rate = Rate(clock)

    # ------------------------------------------------------------ outer steps

    def take_outer_step(self, by_hand: bool = False) -> bool:
        """Takes one whole outer step, or some in one go; False where a command dropped them."""
        if self.pending is not None:  # the step begun by hand
            pending, self.pending = self.pending, None
            self._commit(pending.state, pending.losses, {})
            return True
        count = 1 if by_hand else self._steps_at_once()
        done = self._outer_step_with_interruptions(by_hand, count)
        if done is None:
            return False
        self._commit(*done, count)
        return True

    def press(self, by_hand: bool = False) -> None:
        """Shows the next inner step of an outer step; the last press commits that."""
        run = self._there()
        if self.pending is None:
            self.flush()
            done = self._outer_step_with_interruptions(by_hand)
            if done is None:
                return
            begin = partial(Pending.begin, run.number, run.plan, run.state, *done[:2])
            self.pending = unless_urgent(self.inbox, run.plan.long_pieces, begin)
            if self.pending is None:
                return
        report = self.pending.press()
        self.outbox.put(report)
        if report.phase == reports.StepPhase.UPDATE:
            pending, self.pending = self.pending, None
            self._commit(pending.state, pending.losses, {})
            self.flush()
            self.live.answer_probe(run)

    def drop_pending(self) -> None:
        """Forgets the outer step that was begun by hand."""
        self.pending = None
        if self.phase is reports.Phase.STEPPING:
            self.phase = reports.Phase.PAUSED

    def forget_unread(self) -> None:
        """Forgets the losses not read yet, and the step begun by hand."""
        self.recorder = Recorder()
        self.drop_pending()

    def _steps_at_once(self) -> int:
        """Outer steps for one go: no further than the next end or report, nor by a speed limit."""
        run = self._there()
        if self.limit is not None:
            return 1
        ends = [self.until, None if run.beyond else run.settings.outer.outer_steps]
        left = [end - run.state.outer_step for end in ends if end is not None]
        most = training.steps_at_once(run.plan, run.state)
        return max(1, min(most, self.at_once, BLOCK_STEPS - self.recorder.steps, *left))

    def _outer_step_with_interruptions(self, by_hand: bool, count: int = 1) -> Done | None:
        run = self._there()
        urgent = URGENT if by_hand else URGENT + BY_HAND
        name = ""
        seconds: dict[str, float] = {}
        work: Generator[str, None, Any] = training.outer_step_in_chunks(
            run.plan, run.state, look_for(self.inbox, urgent), count
        )
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
                asked = self.inbox.take_first(ANSWERED_ANY_TIME)
                if asked is not None:
                    self.answer_at_once(asked)
            before = self.clock()

    def _commit(
        self,
        state: RunState,
        losses: dict[str, Losses],
        seconds: dict[str, float],
        count: int = 1,
    ) -> None:
        self._there().state = state
        self.recorder.add(state.outer_step, losses, seconds, count)
        self.rate.tick(count)

    # ------------------------------------------------------------ losses

    def flush(self) -> None:
        """Reads the losses since the last flush and looks for divergence."""
        run = self.run
        if run is None:
            return
        self.last_flush = self.clock()
        block, bad = self.recorder.flush(run.number, run.plan, run.state, run.totals)
        if block is not None:
            self.outbox.put(block)
            self._remember(run, block)
        known = {one.arm for one in bad}
        bad += [one for one in bad_arms(run.state) if one.arm not in known]
        if bad:
            self.drop_pending()
        for one in bad:
            self._freeze(run, one)
        if block is not None:
            run.good = run.good.confirmed(run.state)
        if bad and run.all_frozen:
            self.pause()

    def _remember(self, run: Run, block: reports.Metrics) -> None:
        try:
            run.history.add(block)
        except OSError as error:
            reason = f"Outer step {block.outer_step[0]} was not kept on disk: {error.strerror}."
            self.outbox.put(reports.Refused(reports.Unasked.METRICS, f"{reason} Training goes on."))

    def _freeze(self, run: Run, bad: Bad) -> None:
        run.state = frozen_arm(run.plan, run.state, run.good.kept(bad.arm), bad.arm)
        good = run.state.arms[bad.arm]
        run.changes.append(frozen_row(bad.outer_step, bad.arm, good.outer_step))
        self.outbox.put(diverged_report(run, bad, self.clock))
        self.status()

    # ------------------------------------------------------------ phases

    def pause(self, phase: reports.Phase = reports.Phase.PAUSED) -> None:
        """Stops training here and reports its state."""
        self.flush()
        self.enter(phase)
        self.live.answer(self.run)

    def enter(self, phase: reports.Phase) -> None:
        """Enters a phase and reports it."""
        self.phase = phase
        self.status()

    def status(self) -> None:
        """Reports the state of the run."""
        self.next_status = self.clock() + STATUS_SECONDS
        run = self.run
        state = run.state if run else None
        self.outbox.put(
            reports.Status(
                run.number if run else 0,
                self.phase,
                state.outer_step if state else 0,
                run.settings if run else self.awaited,
                self.rate.value if self.phase is reports.Phase.RUNNING else 0.0,
                _device(run) if run else "",
                {name: arm.outer_step for name, arm in state.arms.items()} if state else {},
                self.inbox.gone,
                self.kept.outer_steps,
                run.first if run else 0,
            )
        )

    def refuse(self, command: commands.Command, refusal: SettingsError) -> None:
        """Reports a command that was refused, and what is in force."""
        self.outbox.put(reports.Refused(type(command), str(refusal)))
        self.status()

    # ------------------------------------------------------------ commands meanwhile

    def answer_at_once(self, command: commands.Command) -> None:
        """Answers a probe or watched tasks in the middle of other work."""
        assert isinstance(command, ANSWERED_ANY_TIME)
        try:
            self.live.take(command, self.run)
        except SettingsError as refusal:
            self.refuse(command, refusal)

    def look_while_writing(self) -> None:
        """Obeys a pause and answers probes at once; raises where writing or the worker must end.

        What is written is of one state, so training may be paused meanwhile.
        """
        while self.inbox:
            if self.inbox.holds((commands.Stop, commands.StopWriting)):
                raise Interrupted
            command = self.inbox.first()
            if not isinstance(command, (commands.Pause, *ANSWERED_ANY_TIME)):
                return
            self.inbox.take()
            if isinstance(command, commands.Pause):
                self.pause()
            else:
                self.answer_at_once(command)

    def _there(self) -> Run:
        assert self.run is not None
        return self.run


def _device(run: Run) -> str:
    """The device, and how outer gradients are run."""
    workspace = run.plan.workspace
    if run.plan.device.type == "cuda":
        return "cuda, eager" if "eager" in workspace.kinds else "cuda graphs"
    words = {"recorded" if kind == "replay" else kind for kind in workspace.kinds}
    device = ", ".join(["cpu", *sorted(words)])
    asides = []
    if "recorded" in words and workspace.no_kernels:
        asides.append(f"no compiled kernels: {workspace.no_kernels}")
    if run.kernels_before:
        asides.append(f"trained by {run.kernels_before} kernels before: other last digits")
    return f"{device} ({'; '.join(asides)})" if asides else device
