"""Commands to the training of the current run, changes of its settings included."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from maml_explorer.core.last_good import LastGood
from maml_explorer.core.plan import intra_op_threads, prepare
from maml_explorer.core.settings_change import after_change, revived_arm
from maml_explorer.protocol import commands, reports
from maml_explorer.protocol.returned import Returned
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.restart import begun_again, needs_restart
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.run.changes import back_row, change_rows, revived_row, rewound
from maml_explorer.worker.answers import reference_losses
from maml_explorer.worker.beside_training import BesideTraining
from maml_explorer.worker.divergence import past_events, spoiled_arms
from maml_explorer.worker.live_answers import LiveAnswers
from maml_explorer.worker.mailbox import Outbox
from maml_explorer.worker.run import Run
from maml_explorer.worker.trainer import Trainer


class TrainingActions:
    """Training, pausing and stepping, going back, and settings changed in between."""

    def __init__(
        self, trainer: Trainer, live: LiveAnswers, beside: BesideTraining, outbox: Outbox
    ) -> None:
        self.trainer, self.live, self.beside, self.outbox = trainer, live, beside, outbox

    def table(self) -> dict[type, Callable[[Any], None]]:
        """Command → its effect."""
        return {
            commands.Change: self.change,
            commands.Train: self.train,
            commands.Pause: lambda _: self.trainer.pause(),
            commands.TakeOuterStep: self.take_outer_step,
            commands.TakeInnerStep: self.take_inner_step,
            commands.LimitSpeed: self.limit_speed,
            commands.MetaTest: self.meta_test,
            commands.BackToLastGood: self.back_to_last_good,
            commands.ReviveArm: self.revive,
            commands.Stop: lambda _: self.trainer.enter(reports.Phase.STOPPED),
        }

    def change(self, command: commands.Change) -> None:
        """Uses other settings from the next outer step on."""
        trainer, run, new = self.trainer, self.trainer.run, command.settings
        if run is None:
            trainer.awaited = new
            return
        old = run.settings
        staged = needs_restart(old, new)
        if staged:
            labels = ", ".join(DECLARATIONS[key].label for key in staged)
            raise SettingsError(f"{labels} takes effect only with a restart; nothing was changed.")
        plan = prepare(new, run.plan.workspace, run.plan.device)
        trainer.flush()
        trainer.drop_pending()
        back = command.back & begun_again(old, new)
        change = partial(after_change, plan, old=old, new=new, back=back)
        state = change(run.state)
        for arm, known in state.left.items():
            if known is not run.state.left.get(arm):
                run.totals.put_aside(arm)
        for arm in new.arms:
            if state.arms[arm.name].outer_step == 0:
                run.totals.forget(arm.name)
            elif arm.name in back:
                run.totals.take_back(arm)
        _note_changes(run, old, new, sorted(back))
        run.settings, run.plan, run.state = new, plan, state
        torch.set_num_threads(intra_op_threads(plan))
        run.good = run.good.changed(state, change)
        if back:
            own_steps = {name: state.arms[name].outer_step for name in sorted(back)}
            self.outbox.put(Returned(run.number, own_steps))
            for frozen in past_events(run)[1]:
                if frozen.arm in back:
                    self.outbox.put(frozen)
        _forget_beyond(run)
        self.beside.begin(run)
        if (old.tasks, old.images) != (new.tasks, new.images):
            self.outbox.put(reference_losses(run.number, new))
        if trainer.phase is reports.Phase.FINISHED and not run.at_end:
            trainer.phase = reports.Phase.PAUSED  # it has more outer steps to take by now
        trainer.status()
        if trainer.phase is reports.Phase.RUNNING and run.all_frozen:
            trainer.pause()
        self.live.answer(run)

    def train(self, command: commands.Train) -> None:
        """Trains until paused, the end, or the outer step asked for."""
        trainer, run = self.trainer, self.trainer.run
        if run is None:
            return
        if run.at_end and not (command.beyond or run.beyond):
            trainer.enter(reports.Phase.FINISHED)
            return
        if command.until is not None and run.state.outer_step >= command.until:
            trainer.pause()
            return
        _refuse_where_all_are_frozen(run)
        run.beyond, trainer.until = run.beyond or command.beyond, command.until
        self.beside.meta_test.revive()
        trainer.next_due = trainer.clock()
        trainer.rate.reset()
        trainer.enter(reports.Phase.RUNNING)

    def take_outer_step(self, command: commands.TakeOuterStep) -> None:
        """Takes one outer step, then pauses."""
        run = self.trainer.run
        if run is None:
            return
        _refuse_where_all_are_frozen(run)
        self.trainer.take_outer_step(by_hand=True)
        self.trainer.pause()

    def take_inner_step(self, command: commands.TakeInnerStep) -> None:
        """Shows the next inner step of an outer step."""
        trainer, run = self.trainer, self.trainer.run
        if run is None:
            return
        _refuse_where_all_are_frozen(run)
        trainer.flush()
        trainer.enter(reports.Phase.STEPPING)
        trainer.press(by_hand=True)
        if trainer.pending is None:
            trainer.pause()

    def limit_speed(self, command: commands.LimitSpeed) -> None:
        """Trains at most so fast."""
        rate = command.steps_per_second
        if rate is not None and not 0 < rate < float("inf"):
            raise SettingsError(
                f"The speed limit cannot be {rate:g}: it is above 0 steps a second."
            )
        self.trainer.limit = rate
        self.trainer.next_due = self.trainer.clock()

    def meta_test(self, command: commands.MetaTest) -> None:
        """Runs the meta-test now."""
        if self.trainer.run is not None:
            self.trainer.flush()
            self.beside.meta_test.begin()

    def back_to_last_good(self, command: commands.BackToLastGood) -> None:
        """Sets every arm back to the newest outer step at which all were fine.

        Raises:
            SettingsError: where there is none: the run began, or was opened, with a spoiled arm.
        """
        trainer, run = self.trainer, self.trainer.run
        if run is None:
            return
        good = run.good.whole
        spoiled = spoiled_arms(run.plan, good)
        if spoiled:
            raise SettingsError(
                f"There is no good state to go back to: {' and '.join(spoiled)} had diverged at "
                f"outer step {good.outer_step} already, where this run begins. The run is kept as "
                "it is; restart it, or open another."
            )
        trainer.flush()  # what is before the good state is kept
        trainer.forget_unread()
        self.outbox.cut_metrics(good.outer_step)
        run.history.cut(good.outer_step)
        run.totals = run.history.totals()
        run.changes = rewound(run.changes, good.outer_step)
        run.last_changes.go_back(good.outer_step)
        arms = {name: dataclasses.replace(arm, frozen=False) for name, arm in good.arms.items()}
        run.state = dataclasses.replace(good, arms=arms)
        run.good = LastGood.begin(run.state)
        _forget_beyond(run)
        changes = past_events(run)[0].changes
        self.outbox.put(reports.Rewound(run.number, run.state.outer_step, changes))
        self.beside.begin(run)
        run.figures.rewind(run.state.outer_step)
        trainer.pause()

    def revive(self, command: commands.ReviveArm) -> None:
        """Lets a frozen arm go on."""
        trainer, run = self.trainer, self.trainer.run
        if run is None:
            return
        run.settings.arm(command.arm)  # refuses an unknown name in words
        if run.state.arms[command.arm].frozen:
            trainer.flush()
            run.changes.append(revived_row(run.state.outer_step, command.arm))
        trainer.drop_pending()  # it was computed without this arm
        run.state = revived_arm(run.state, command.arm)
        trainer.status()


def _forget_beyond(run: Run) -> None:
    """Ends training past the declared number of outer steps once the run is before it again."""
    run.beyond = run.beyond and run.at_end


def _refuse_where_all_are_frozen(run: Run) -> None:
    if run.all_frozen:
        raise SettingsError("All arms have diverged: go back to the last good state, or restart.")


def _note_changes(run: Run, old: Settings, new: Settings, back: Sequence[str]) -> None:
    """Adds the rows of changes.csv, and what each arm met last."""
    step = run.state.outer_step
    run.changes += [back_row(step, name) for name in back]
    run.changes += change_rows(step, old, new)
    frozen = [name for name, arm in run.state.arms.items() if arm.frozen]
    run.last_changes.note(step, old, new, frozen)
